"""Whole studies from the command line: `python -m helpers.study NAME`, see `__main__` for the names."""
