"""Cells that measure run only for rows that change them; for the others this text takes their place."""

SLOW = {
    "E-count": "",
    "G-roofs": "quick = True",
    "G-measure": "",
    "G-measure-layers": "",
    "G-memory": "",
    "H-gpu": "",
    "H-triton": "triton = None",
    "H-kernel": "",
}
