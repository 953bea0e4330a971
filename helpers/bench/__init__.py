"""Our speed beside PyTorch's: `python -m helpers.bench NAME --json`."""
