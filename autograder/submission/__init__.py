"""What a class handed in: collected, read, repaired, and matched with the assignment's cells."""
