"""What comes out of the usual mistakes in one kind of layer: lists of `Hypothesis`, shared by the assignments that have one."""
