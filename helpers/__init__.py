"""What the course's notebooks import: backend, data, nn, train, check, plots, timing, study, bench."""

__version__ = "0.1.0"
