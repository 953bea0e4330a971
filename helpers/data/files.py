"""Find, check and read idx files (the format of MNIST and its relatives)."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path

import numpy as np

from helpers.errors import CourseError

MNIST = Path(__file__).parent / "mnist"
PARTS = ("train-images", "train-labels", "test-images", "test-labels")
FILES = {
    "train-images": "train-images-idx3-ubyte.gz",
    "train-labels": "train-labels-idx1-ubyte.gz",
    "test-images": "t10k-images-idx3-ubyte.gz",
    "test-labels": "t10k-labels-idx1-ubyte.gz",
}
# Publishers' addresses, and the MD5 sums that torchvision checks for the same files.
REMOTE = {
    "fashion_mnist": (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        {
            "train-images": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels": "25c81989df183df01b3e8a0aad5dffbe",
            "test-images": "bef4ecab320f06d8554ea6380940ec79",
            "test-labels": "bb300cfdad3c16e7a12a480ee83cd310",
        },
    ),
    "kmnist": (
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        {
            "train-images": "bdb82020997e1d708af4cf47b453dcf7",
            "train-labels": "e144d726b3acfaa3e44228e80efcd344",
            "test-images": "5c965bf0a639b31b8f53240b1b52f4d7",
            "test-labels": "7320c461ea6c1c855c0b718fb2a4b134",
        },
    ),
}

KEPT_BYTES = 4_000_000
"""Of one file, so that what an assignment loads several times, or many processes forked from one, is unpacked once."""

_kept: dict[tuple[Path, int, int, int, int], np.ndarray] = {}
_verified: set[tuple[Path, int, int]] = set()


def mnist_files(folder: Path | None = None) -> dict[str, Path]:
    """Paths of the four MNIST files, checked against SHA256SUMS once per process (and again if one
    changes).
    """
    folder = MNIST if folder is None else folder
    try:
        lines = (folder / "SHA256SUMS").read_text().splitlines()
    except OSError:
        raise CourseError(
            f"The list of checksums {folder / 'SHA256SUMS'} is missing; check the course out again."
        ) from None
    sums = {name: digest for digest, name in (line.split() for line in lines if line.strip())}
    paths = {part: folder / name for part, name in FILES.items()}
    for path in paths.values():
        _verify(path, sums.get(path.name, ""))
    return paths


def _verify(path: Path, expected: str) -> None:
    try:
        stat = path.stat()
        key = (path, stat.st_mtime_ns, stat.st_size)
        if key in _verified:
            return
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        raise CourseError(f"The data file {path} is missing or unreadable; check the course out again.") from None
    if digest != expected:
        raise CourseError(
            f"The data file {path} is damaged: its SHA-256 begins {digest[:12]} and should begin "
            f"{expected[:12] or 'with a listed sum'}; check the course out again."
        )
    _verified.add(key)


def remote_files(name: str) -> dict[str, Path]:
    """Paths of the four files of a set that is downloaded once into pooch's cache, checked by its sums."""
    address, sums = REMOTE[name]
    try:
        import pooch
    except ImportError:
        raise CourseError(f"The data set {name!r} is downloaded with pooch; install pooch, or use mnist.") from None
    pooch.get_logger().setLevel("WARNING")
    cache = Path(pooch.os_cache("from-scratch-to-cudnn")) / name
    paths = {}
    for part, file in FILES.items():
        try:
            got = pooch.retrieve(address + file, known_hash="md5:" + sums[part], fname=file, path=cache)
        except ValueError:
            raise CourseError(
                f"The file {file} of {name} from {address} does not match its checksum; try again later, or use mnist."
            ) from None
        except Exception as error:  # pooch passes on whatever requests or the disk raise
            raise CourseError(
                f"The data set {name!r} could not be downloaded from {address} ({type(error).__name__}); "
                "connect to "
                "the network once, or use mnist, which comes with the course."
            ) from None
        paths[part] = Path(got)
    return paths


def folder_files(folder: Path) -> dict[str, Path]:
    """Paths of a set's four files in a folder of the user's own, each as it is or gzipped."""
    paths = {}
    for part, file in FILES.items():
        there = [path for path in (folder / file, folder / file.removesuffix(".gz")) if path.is_file()]
        if not there:
            raise CourseError(
                f"The folder {folder} has no {file}; a data set is four files, {', '.join(FILES.values())}, with or "
                "without .gz."
            )
        paths[part] = there[0]
    return paths


def read_idx(path: Path, count: int | None = None) -> np.ndarray:
    """The first `count` entries (all by default) of an idx file of bytes, gzipped if it is named .gz: (N,) labels or
    (N, H, W) images. Read-only: small parts that were read are kept for the next time.
    """
    try:
        stat = path.stat()
    except OSError:
        return _read_idx(path, count)
    key = (path, stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size)
    kept = _kept.get(key)
    if kept is not None and count is not None and count <= len(kept):
        return kept[:count]
    found = _read_idx(path, count)
    if found.nbytes <= KEPT_BYTES:
        _kept[key] = found
    return found


def _read_idx(path: Path, count: int | None) -> np.ndarray:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            zero, kind, dims = int.from_bytes(file.read(2), "big"), *file.read(2).ljust(2, b"\0")
            if zero != 0 or kind != 8 or dims not in (1, 3):
                raise CourseError(f"The file {path} is not an idx file of bytes; fetch it again.")
            header = file.read(4 * dims)
            shape = [int.from_bytes(header[i : i + 4], "big") for i in range(0, 4 * dims, 4)]
            if len(header) < 4 * dims or 0 in shape:
                raise CourseError(f"The file {path} is not an idx file with entries; fetch it again.")
            if count is not None:
                if count > shape[0]:
                    raise CourseError(f"{count} images were asked for but {path.name} has {shape[0]}; ask for fewer.")
                shape[0] = count
            size = int(np.prod(shape))
            data = file.read(size)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        if isinstance(error, CourseError):
            raise
        raise CourseError(f"The data file {path} could not be read ({error}); fetch it again.") from None
    if len(data) != size:
        raise CourseError(f"The data file {path} ends early ({len(data)} of {size} bytes); fetch it again.")
    return np.frombuffer(data, np.uint8).reshape(shape)
