"""What the zoo's pictures share: images side by side."""

from helpers.plots.mosaic import mosaic, show_images, show_rows

__all__ = ["mosaic", "show_images", "show_rows"]
