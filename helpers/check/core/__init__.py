"""What the checks of every assignment use."""
