"""From an assignment's text source to what a class gets: the notebook, its release, the handout."""
