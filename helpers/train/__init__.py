"""The one training loop of the course, its record, how big runs are, and `python -m helpers.train`."""

from helpers.train.checks import check_data, check_settings
from helpers.train.history import FIELDS, History, write_csv
from helpers.train.loop import device_of, fingerprint, fit
from helpers.train.progress import in_live_notebook
from helpers.train.sizes import SIZES, Size, study_size

__all__ = [
    "FIELDS",
    "SIZES",
    "History",
    "Size",
    "check_data",
    "check_settings",
    "device_of",
    "fingerprint",
    "fit",
    "in_live_notebook",
    "study_size",
    "write_csv",
]
