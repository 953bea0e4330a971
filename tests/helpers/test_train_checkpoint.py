"""The checkpoint file: whole or as it was, and every damage a sentence."""

import json
import os
import resource
import signal

import numpy as np
import pytest

from helpers.data import load_split
from helpers.errors import CourseError
from helpers.nn.shipped import find_spec
from helpers.train import History, load_checkpoint, save_checkpoint, train_spec


@pytest.fixture(scope="module")
def run():
    data = load_split(train=64, validation=32, test=10).selection()
    spec = find_spec("deep").changed(filters=2, epochs=1, backend="numpy")
    return train_spec(spec, data, progress=False), spec


@pytest.fixture
def path(run, tmp_path):
    trained, spec = run
    return save_checkpoint(tmp_path / "w.npz", trained.network, trained.history, spec)


def test_what_goes_in_comes_out(run, path):
    trained, spec = run
    found = load_checkpoint(path)
    assert found.spec == spec
    assert found.history == trained.history
    state = trained.network.state()
    assert found.state.keys() == state.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(found.state[name], array)
        assert found.state[name].dtype == np.asarray(array).dtype
    assert any(name.endswith("drawn") for name in found.state)
    assert "optimiser.steps" in found.state


def test_it_is_a_plain_npz_without_pickle(path):
    with np.load(path, allow_pickle=False) as archive:
        assert archive["0.weight"].shape == (2, 1, 3, 3)
        assert json.loads(str(archive["about"]))["spec"]["name"] == "deep"


def test_cut_off_files_are_sentences(path, tmp_path):
    content = path.read_bytes()
    for length in (0, 1, 100, len(content) // 2, len(content) - 30, len(content) - 1):
        (tmp_path / "cut.npz").write_bytes(content[:length])
        with pytest.raises(CourseError, match=r"cut\.npz (can't be read|is damaged)"):
            load_checkpoint(tmp_path / "cut.npz")


def test_flipped_bytes_are_noticed_or_harmless(path, tmp_path):
    content, whole = path.read_bytes(), load_checkpoint(path)
    noticed = 0
    for offset in np.random.default_rng(0).integers(0, len(content), 60):
        damaged = bytearray(content)
        damaged[offset] ^= 0xFF
        (tmp_path / "flip.npz").write_bytes(damaged)
        try:
            found = load_checkpoint(tmp_path / "flip.npz")
        except CourseError:
            noticed += 1
            continue
        assert found.history == whole.history
        for name, array in whole.state.items():
            np.testing.assert_array_equal(found.state[name], array)
    assert noticed > 40


def _pickled(path):
    np.savez(path, about=np.array([{"a": 1}], dtype=object))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p.write_text("no archive"), "damaged, or not a checkpoint"),
        (lambda p: p.mkdir(), "can't be read"),
        (lambda p: None, r"can't be read \(No such file"),
        (_pickled, "damaged, or not a checkpoint"),
        (lambda p: np.savez(p, a=np.zeros(3)), "damaged, or not a checkpoint"),
        (lambda p: np.savez(p, about=np.array("{}")), "damaged, or not a checkpoint"),
        (lambda p: np.savez(p, about=np.array("[1]")), "damaged, or not a checkpoint"),
    ],
)
def test_other_files_are_sentences(make, words, tmp_path):
    make(tmp_path / "x.npz")
    with pytest.raises(CourseError, match=words):
        load_checkpoint(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda about: about.update(format=99), "format 99"),
        (lambda about: about["spec"].pop("layers"), "damaged: layers"),
        (lambda about: about["history"].pop("seed"), "damaged: These values are not a history"),
    ],
)
def test_an_edited_description_is_a_sentence(change, words, path):
    with np.load(path) as archive:
        arrays = dict(archive)
    about = json.loads(str(arrays.pop("about")))
    change(about)
    np.savez(path, about=np.array(json.dumps(about)), **arrays)
    with pytest.raises(CourseError, match=words):
        load_checkpoint(path)


def test_a_missing_array_is_a_sentence_when_training_goes_on(run, path):
    _, spec = run
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays.pop("0.bias")
    np.savez(path, **arrays)
    data = load_split(train=64, validation=32, test=10).selection()
    with pytest.raises(CourseError, match=r"w\.npz doesn't fit this network: 0\.bias"):
        train_spec(spec, data, checkpoint=path, progress=False)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_stopped_while_saving_the_older_file_stays(run, path, monkeypatch, error):
    trained, spec = run
    before = path.read_bytes()

    def fail(*_):
        assert path.read_bytes() == before  # nothing of the new file is in place yet
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises((KeyboardInterrupt, CourseError)) as raised:
        save_checkpoint(path, trained.network, History(), spec)
    if raised.type is CourseError:
        assert "No space left on device" in str(raised.value)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_disk_that_is_really_full(run, path):
    trained, spec = run
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        with pytest.raises(CourseError, match=r"w\.npz can't be written \(File too large\)"):
            save_checkpoint(path, trained.network, trained.history, spec)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_folder_that_cannot_be(run, tmp_path):
    trained, spec = run
    (tmp_path / "file").write_text("")
    with pytest.raises(CourseError, match="can't be written"):
        save_checkpoint(tmp_path / "file" / "w.npz", trained.network, trained.history, spec)


def test_a_folder_made_read_only_while_training(run, path, monkeypatch):
    trained, spec = run
    if os.geteuid() == 0:  # nothing is read-only for root, so the call that would fail does
        monkeypatch.setattr("tempfile.mkstemp", _denied)
    else:
        path.parent.chmod(0o555)
    before = path.read_bytes()
    try:
        with pytest.raises(CourseError, match="Permission denied"):
            save_checkpoint(path, trained.network, trained.history, spec)
    finally:
        path.parent.chmod(0o755)
    assert path.read_bytes() == before


def _denied(**_):
    raise PermissionError(13, "Permission denied")


def test_killed_while_saving_the_older_file_stays(run, path):
    trained, spec = run
    before = path.read_bytes()
    child = os.fork()
    if child == 0:
        os.fsync = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # everything is written, nothing is in place
        save_checkpoint(path, trained.network, History(), spec)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert path.read_bytes() == before
    assert load_checkpoint(path).history == trained.history
    save_checkpoint(path, trained.network, History(), spec)
    assert load_checkpoint(path).history == History()
