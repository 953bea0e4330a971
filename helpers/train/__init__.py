"""The one training loop of the course, its record, how big runs are, and `python -m helpers.train`."""

from helpers.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from helpers.train.checks import check_data, check_settings
from helpers.train.from_spec import Trained, train_spec
from helpers.train.history import FIELDS, History, write_csv
from helpers.train.loop import device_of, epoch_order, fingerprint, fit
from helpers.train.sizes import SIZES, Size, size_called, study_size

__all__ = [
    "FIELDS",
    "SIZES",
    "Checkpoint",
    "History",
    "Size",
    "Trained",
    "check_data",
    "check_settings",
    "device_of",
    "epoch_order",
    "fingerprint",
    "fit",
    "load_checkpoint",
    "save_checkpoint",
    "size_called",
    "study_size",
    "train_spec",
    "write_csv",
]
