"""The worker's own part: outputs are rebuilt, whatever is said, and in little time."""

import gc
import time

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.kernel.output_collector import CHECK, Collector, Full, Room
from autograder.kernel.process import KINDS

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MIMES = st.sampled_from(["text/plain", "application/json", "image/png", CHECK, "text", "a/b\n", "x/y+json", "/", "é/a"])
FRAMES = st.fixed_dictionaries(
    {"is": st.sampled_from(sorted(KINDS))},
    optional={
        "name": st.sampled_from(["stdout", "stderr", "other"]) | ANYTHING,
        "text": st.text(st.characters(categories=["Cs", "L"]), max_size=9) | ANYTHING,
        "data": st.dictionaries(MIMES, ANYTHING, max_size=3) | ANYTHING,
        "metadata": ANYTHING,
        "display_id": st.sampled_from(["a", "b", ""]) | ANYTHING,
        "execution_count": ANYTHING,
        "wait": st.booleans() | ANYTHING,
        "ename": ANYTHING,
        "evalue": ANYTHING,
        "traceback": ANYTHING,
    },
)


def saved(outputs):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=outputs)])
    nbformat.validate(notebook)
    return nbformat.writes(notebook).encode()


@settings(max_examples=60, deadline=None)
@given(st.lists(FRAMES, max_size=12))
def test_whatever_is_said_the_outputs_are_valid(frames):
    collector = Collector(5_000)
    for frame in frames:
        try:
            collector.add(frame)
        except Full:
            collector.own_words("OutputLimit", "too much")
    text = saved(collector.finish())
    assert b"vnd.course.check" not in text


def test_a_lone_surrogate_can_be_saved():
    collector = Collector(1_000)
    data = {"text/plain": "\ud800", "text/html": ["\udfff"], "application/json": {"\ud800": ["\ud800"]}}
    collector.add({"is": "stream", "name": "stdout", "text": "a\ud800b"})
    collector.add({"is": "display_data", "data": data, "metadata": {"\ud800": "\ud800"}})
    collector.add({"is": "error", "ename": "\ud800", "evalue": "\ud800", "traceback": ["\ud800"]})
    outputs = collector.finish()
    assert "a\ufffdb".encode() in saved(outputs)
    assert outputs[1]["data"]["application/json"] == {"\ufffd": ["\ufffd"]}


def test_the_limit_cuts_text_and_refuses_the_rest():
    collector = Collector(10)
    collector.add({"is": "stream", "name": "stdout", "text": "12345"})
    with pytest.raises(Full):
        collector.add({"is": "stream", "name": "stdout", "text": "6789é0"})
    with pytest.raises(Full):
        collector.add({"is": "display_data", "data": {"text/plain": "a"}, "metadata": {}})
    assert [one.get("text") for one in collector.finish()] == ["123456789"]


def test_the_course_may_show_what_students_may_not():
    frame = {
        "is": "display_data",
        "data": {CHECK: {"a": 1}, "text/plain": "t"},
        "metadata": {"course": {"hidden": True}},
    }
    for trusted, expected in ((True, {CHECK, "text/plain"}), (False, {"text/plain"})):
        collector = Collector(1_000, trusted)
        collector.add(frame)
        [output] = collector.finish()
        assert set(output["data"]) == expected
        assert ("course" in output["metadata"]) == trusted


def test_a_display_is_updated_where_it_stands_unless_cleared():
    collector = Collector(10_000)
    show = {"is": "display_data", "data": {"text/plain": "1"}, "metadata": {}, "display_id": "a"}
    update = {**show, "is": "update_display_data", "data": {"text/plain": "2"}}
    collector.add(show)
    first = collector.finish()
    collector.begin()
    collector.add(show)
    collector.add({"is": "clear_output", "wait": False})
    collector.add({**show, "display_id": "b"})
    collector.add(update)
    assert [one["data"]["text/plain"] for one in first] == ["2"]
    assert [one["data"]["text/plain"] for one in collector.finish()] == ["1"]


def test_displays_that_were_cleared_do_not_crowd_out_one_that_stands():
    collector = Collector(1_000_000)
    show = {"is": "display_data", "data": {"text/plain": "1"}, "metadata": {}, "display_id": "a"}
    collector.add(show)
    first = collector.finish()
    collector.begin()
    for _ in range(150):
        collector.add(show)
        collector.add({"is": "clear_output", "wait": False})
    collector.add({**show, "is": "update_display_data", "data": {"text/plain": "2"}})
    assert first[0]["data"]["text/plain"] == "2"


@pytest.mark.parametrize("attack", ["updates", "clears"])
def test_no_sequence_of_small_frames_costs_the_worker_much(attack):
    show = {"is": "display_data", "data": {"text/plain": "1"}, "metadata": {}, "display_id": "a"}

    def cost(frames):
        collector = Collector(10**9)
        gc.collect()  # not in the middle, where the garbage of other tests would count
        began = time.process_time()
        if attack == "updates":
            for _ in range(frames):
                collector.add(show)
            for _ in range(3 * frames):
                collector.add({**show, "is": "update_display_data"})
        else:
            for number in range(3 * frames):
                collector.add({**show, "display_id": str(number)})
                collector.add({"is": "clear_output", "wait": False})
        return time.process_time() - began

    # With every display of a name rewritten, or every name looked at, five times as many cost 25 times as much.
    assert min(cost(750), cost(750)) < 12 * cost(150) + 0.5


@pytest.mark.promise("1 MB of output a cell and 4 MB in all,")
def test_cells_share_the_room_of_their_notebook():
    room, collector = Room(20), Collector(100)
    for _ in range(3):
        collector.begin(room)
        collector.add({"is": "stream", "name": "stdout", "text": "12345678"})
        last = collector.finish()
    assert room.over
    assert [one["text"] for one in last] == [room.words + "\n"]
    collector.begin(room)
    collector.add({"is": "display_data", "data": {"text/plain": "a"}, "metadata": {}})
    collector.add({"is": "error", "ename": "E", "evalue": "v" * 900, "traceback": ["t"]})
    error, words = collector.finish()
    assert (error["ename"], len(error["evalue"]), error["traceback"]) == ("E", 500, [])
    assert words["text"] == room.words + "\n"
    with pytest.raises(Full):  # a flood is still one
        collector.add({"is": "stream", "name": "stdout", "text": "1" * 200})


def test_an_update_weighs_as_much_as_the_places_that_it_changes():
    room, collector = Room(100_000), Collector(100_000)
    collector.begin(room)
    show = {"is": "display_data", "display_id": "x", "data": {"text/plain": "."}, "metadata": {}}
    for _ in range(10):
        collector.add(show)
    before = room.left
    collector.add(show | {"is": "update_display_data", "data": {"text/plain": "A" * 1_000}})
    assert before - room.left > 10 * 1_000
    with pytest.raises(Full):
        collector.add(show | {"is": "update_display_data", "data": {"text/plain": "A" * 9_900}})


def test_what_is_small_as_text_and_large_in_memory_weighs_what_it_takes():
    collector = Collector(100_000)
    with pytest.raises(Full):
        collector.add({"is": "display_data", "data": {"application/json": [[]] * 5_000}, "metadata": {}})
    collector.add({"is": "display_data", "data": {"application/json": [1.5] * 5_000}, "metadata": {}})
    collector.add({"is": "display_data", "data": {"text/plain": "[[]]" * 5_000}, "metadata": {}})
