"""What can go wrong in a layer, a loss, an update, an epoch or a study, written once: one mistake, one name.

Each function returns the hypotheses for one result, in the order in which they are tried. To add one, add a
`Hypothesis(name, what the student would have computed, hint)` to the list.
"""
