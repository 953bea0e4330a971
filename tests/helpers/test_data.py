"""Data: what comes with the course is right, and damage is noticed."""

import gzip
import hashlib
import shutil

import numpy as np
import pytest

from helpers import data
from helpers.backend import backend
from helpers.data import files
from helpers.errors import CourseError


@pytest.fixture
def copy(tmp_path, monkeypatch):
    folder = tmp_path / "mnist"
    shutil.copytree(data.MNIST, folder)
    monkeypatch.setattr(files, "MNIST", folder)
    return folder


def test_the_whole_of_mnist():
    d = data.load(normalise=False)
    assert d.train_images.shape == (60_000, 784)
    assert d.test_images.shape == (10_000, 784)
    assert np.bincount(d.train_labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert d.train_images.mean() == pytest.approx(data.MNIST_MEAN, abs=1e-4)
    assert d.train_images.std(dtype=np.float64) == pytest.approx(data.MNIST_STD, abs=1e-4)


def test_shapes_types_and_normalisation():
    d = data.load(train=7, test=3, flat=False, dtype="float64")
    assert d.train_images.shape == (7, 1, 28, 28)
    assert d.train_images.dtype == np.float64
    assert d.test_labels.dtype == np.int64
    raw = data.load(train=7, test=3, flat=False, dtype="float64", normalise=False)
    np.testing.assert_allclose(d.train_images, (raw.train_images - 0.1307) / 0.3081)
    assert raw.train_images.min() == 0
    assert raw.train_images.max() == 1
    moved = d.to(backend("torch"))
    assert str(moved.train_images.dtype) == "torch.float32"
    assert str(moved.train_labels.dtype) == "torch.int64"


def test_a_damaged_file_is_named(copy):
    path = copy / files.FILES["test-labels"]
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(CourseError, match=r"t10k-labels.*damaged"):
        data.load()


def test_a_missing_file_is_named(copy):
    (copy / files.FILES["train-images"]).unlink()
    with pytest.raises(CourseError, match=r"train-images.*missing"):
        data.load()


def test_a_damaged_list_of_sums(copy):
    (copy / "SHA256SUMS").unlink()
    with pytest.raises(CourseError, match="SHA256SUMS"):
        data.load()


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b"\0\0\x08\x03" + b"\0" * 3), gzip.compress(b"x" * 99)],
    # gzip writes the time of day into its bytes, and pytest would name the test after them: two
    # workers that collect across a second would disagree about which tests there are.
    ids=["empty", "no gzip", "ends early", "no idx"],
)
def test_what_is_no_idx_file(tmp_path, content):
    path = tmp_path / "f.gz"
    path.write_bytes(content)
    with pytest.raises(CourseError, match=r"f\.gz"):
        files.read_idx(path)


def test_a_file_that_ends_early(tmp_path):
    path = tmp_path / "f.gz"
    path.write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x09" + b"1234"))
    with pytest.raises(CourseError, match="ends early"):
        files.read_idx(path)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"name": "mnits"}, "'mnist'"),
        ({"train": 0}, "train=0"),
        ({"test": 1.5}, "test=1.5"),
        ({"train": 60_001}, "60001"),
        ({"dtype": "int8"}, "int8"),
        ({"dtype": "nonsense"}, "nonsense"),
    ],
)
def test_mistakes_are_sentences(settings, word):
    with pytest.raises(CourseError, match=word):
        data.load(**settings)


def test_no_network_is_a_sentence(monkeypatch, tmp_path):
    import pooch

    def fail(*_, **__):
        raise ConnectionError("no route")

    monkeypatch.setattr(pooch, "retrieve", fail)
    with pytest.raises(CourseError, match="could not be downloaded"):
        data.load("kmnist")


def test_what_is_done_to_loaded_arrays_is_not_loaded_again():
    first = data.load(train=50, test=20)
    before = first.train_images.copy(), first.train_labels.copy()
    first.train_images[:], first.train_labels[:] = 7, 7
    again = data.load(train=50, test=20)
    assert np.array_equal(again.train_images, before[0])
    assert np.array_equal(again.train_labels, before[1])
    with pytest.raises(ValueError, match="read-only"):
        files.read_idx(files.MNIST / files.FILES["train-images"], 50)[:] = 0


def test_a_file_is_unpacked_once_while_it_stays_the_same(tmp_path, monkeypatch):
    path = tmp_path / "labels.gz"
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 6, 7])))
    assert files.read_idx(path).tolist() == [5, 6, 7]
    unpacked = []
    monkeypatch.setattr(files.gzip, "open", lambda path: unpacked.append(path) or gzip.GzipFile(path))
    assert files.read_idx(path, 2).tolist() == [5, 6]
    assert not unpacked
    path.unlink()
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 2, 8, 9])))
    assert files.read_idx(path, 2).tolist() == [8, 9]
    assert unpacked == [path]


def test_a_split_shares_no_image():
    split = data.load_split(train=300, validation=200, test=100)
    whole = data.load(flat=False)
    np.testing.assert_array_equal(split.train_images, whole.train_images[:300])
    np.testing.assert_array_equal(split.validation_images, whole.train_images[50_000:50_200])
    np.testing.assert_array_equal(split.validation_labels, whole.train_labels[50_000:50_200])
    np.testing.assert_array_equal(split.test_images, whole.test_images[:100])
    chosen, final = split.selection(), split.final()
    assert (chosen.held_out, final.held_out) == ("validation", "test")
    assert chosen.test_images is split.validation_images
    assert final.test_labels is split.test_labels
    assert chosen.train_images is final.train_images
    assert data.load(train=1, test=1).held_out == "test"
    assert "200 validation" in repr(chosen)


def test_a_split_moves_and_lies_flat():
    split = data.load_split(train=3, validation=2, test=1, flat=True, dtype="float64").to(backend("torch", "float64"))
    assert tuple(split.validation_images.shape) == (2, 784)
    assert str(split.selection().to(backend("torch")).test_images.dtype) == "torch.float32"
    assert split.final().mean == data.MNIST_MEAN


@pytest.mark.parametrize(
    ("counts", "word"),
    [
        ({"train": 50_001}, "train=50001"),
        ({"validation": 10_001}, "validation=10001"),
        ({"validation": 0}, "validation=0"),
        ({"test": 10_001}, "10001"),
        ({"name": "mnits"}, "'mnist'"),
    ],
)
def test_splits_that_there_are_not(counts, word):
    with pytest.raises(CourseError, match=word):
        data.load_split(**counts)


def idx(array):
    """An array of bytes as an idx file."""
    shape = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + shape + array.tobytes()


@pytest.fixture
def folder(tmp_path):
    """A made-up set of 60 and 40 images, two of its files gzipped."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 60), ("t10k", 40)):
        images = rng.integers(256, size=(count, 28, 28), dtype=np.uint8)
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        labels = np.arange(count, dtype=np.uint8) % 10
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    return tmp_path


def test_a_set_in_a_folder_of_ones_own(folder):
    found = data.load(str(folder), train=50, test=40)
    assert found.train_images.shape == (50, 784)
    assert found.test_labels.tolist() == [i % 10 for i in range(40)]
    raw = (folder / "train-images-idx3-ubyte").read_bytes()[16 : 16 + 784]
    mean, std = found.mean, found.std
    np.testing.assert_allclose(found.train_images[0], (np.frombuffer(raw, np.uint8) / 255 - mean) / std, rtol=1e-4)


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("t10k-labels-idx1-ubyte.gz", None, "has no t10k-labels-idx1-ubyte.gz; a data set is four files"),
        ("train-images-idx3-ubyte", b"", "is not an idx file of bytes; fetch it again"),
        ("train-images-idx3-ubyte", b"hello", "is not an idx file of bytes"),
        ("train-images-idx3-ubyte", idx(np.zeros((60, 28, 28), np.uint8))[:-1], "ends early"),
        ("train-images-idx3-ubyte", idx(np.zeros((60, 32, 32), np.uint8)), r"shape \(32, 32\); give images of 28 × 28"),
        ("train-labels-idx1-ubyte.gz", b"plain", "could not be read"),
        ("train-labels-idx1-ubyte.gz", gzip.compress(idx(np.full(60, 10, np.uint8))), "number from 0 to 9"),
        ("train-labels-idx1-ubyte.gz", gzip.compress(idx(np.zeros(59, np.uint8))), "60 images and .* 59 labels"),
    ],
    ids=["missing", "empty", "text", "cut off", "other pixels", "not gzipped", "a label of 10", "a label less"],
)
def test_a_bad_file_in_a_folder_is_a_sentence(folder, file, content, sentence):
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(CourseError, match=sentence):
        data.load(str(folder))


def test_a_split_checks_the_files_of_a_folder_in_the_same_way(folder, monkeypatch):
    monkeypatch.setattr("helpers.data.split.FIRST_VALIDATION", 50)
    assert data.load_split(str(folder), train=50, validation=10, test=40).test_labels.shape == (40,)
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.full(40, 10, np.uint8))))
    with pytest.raises(CourseError, match="number from 0 to 9"):
        data.load_split(str(folder), train=50, validation=10, test=40)


def test_what_was_downloaded_once_is_found_without_a_network(folder, tmp_path, monkeypatch):
    pytest.importorskip("pooch")
    cache = tmp_path / "from-scratch-to-cudnn" / "fashion_mnist"
    cache.mkdir(parents=True)
    sums = {}
    for part, name in files.FILES.items():
        plain = folder / name.removesuffix(".gz")
        content = gzip.compress(plain.read_bytes()) if plain.exists() else (folder / name).read_bytes()
        (cache / name).write_bytes(content)
        sums[part] = hashlib.md5(content).hexdigest()
    monkeypatch.setitem(files.REMOTE, "fashion_mnist", ("http://nowhere.invalid/", sums))
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / project)
    assert data.load("fashion_mnist", train=60, test=40).train_images.shape == (60, 784)
