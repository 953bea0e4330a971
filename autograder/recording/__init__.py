"""The one writer of a class's files and gradebook, and what one run leaves for the next."""
