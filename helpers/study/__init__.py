"""Whole studies from the command line: `python -m helpers.study network_from_scratch`."""
