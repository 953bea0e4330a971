"""Cells that train run only for rows that change them; for the others this text takes their place."""

SLOW = {
    "B-run": "",
    "C-study": "",
    "D-experiment": 'small = load("mnist", train=size.small_train, test=size.test)',
    "E-run": "",
    "F-move": "",
}
