"""What comes of the usual mistakes in one kind of layer: lists of `Hypothesis`, for every assignment that has one."""
