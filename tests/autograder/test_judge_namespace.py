"""Whose a name of a test cell is: the course's own, or the student's."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.authoring.source import read
from autograder.judge.namespace import Code, free, namespace, parts, statements

SOLUTIONS = Path(__file__).parents[2] / "solutions"


def of(*cells: tuple[str, str]) -> tuple[set[str], set[str]]:
    """(the course's own, asked of the student) of a made-up assignment."""
    made = namespace(Code(kind, text) for kind, text in cells)
    tests = [text for kind, text in cells if kind == "test"]
    used = set().union(*(free(text) for text in tests))
    asked = set().union(*(made.wanted(text) for text in tests))
    names: dict[str, object] = {}
    made.run(names)
    assert made.own <= names.keys()
    return used & set(made.own), asked


def test_settings_are_the_courses_and_answers_the_students() -> None:
    own, asked = of(
        ("given", "%matplotlib inline\nimport math\nSIZE = 3\nRATES = [SIZE * math.pi, 2]"),
        ("exercise", "def answer(x): return x\nresult = answer(SIZE)"),
        ("test", "print(RATES, SIZE, answer, result, len(RATES), undefined)"),
    )
    assert own == {"RATES", "SIZE"}
    assert asked == {"answer", "result", "undefined"}


@pytest.mark.parametrize(
    ("given", "free_cell"),
    [
        ("x = answer(3)", ""), ("x = 1\nx += answer(3)", ""), ("x = {}\nx['a'] = answer", ""), ("x = [answer]", ""),
        ("x = [1]\nx.append(answer)", ""), ("def x(): return answer()", ""), ("x = lambda: answer()", ""),
        ("class x:\n    a = answer", ""),
        ("class x:\n    def f(self): return answer()", ""), ("def y(): return answer()\ndef x(): return y()", ""),
        ("def y(): return answer()\nx = y()", ""), ("x = 1", "x = 2"), ("x = []", "x.append(3)"),
        ("x = {}", "x['a'] = 3"),
        ("x = []\ndef note(a): x.append(a)", ""), ("x = {}\ndef note(a): x['a'] = a", ""),
        ("x = [1]\ndef note():\n    del x[0]", ""),
        ("x = 0\ndef note():\n    global x\n    x += 1", ""), ("y = answer\nx = y", ""),
        ("for x in answer: pass", ""),
        ("if answer:\n    x = 1\nelse:\n    x = 2", ""), ("with answer() as x: pass", ""), ("x: int = answer()", ""),
        ("(x := answer)", ""),
    ],
)  # fmt: skip
def test_what_anything_of_a_student_went_into_is_the_students(given: str, free_cell: str) -> None:
    own, asked = of(("given", given), ("exercise", "answer = 3"), ("", free_cell), ("test", "x"))
    assert (own, asked) == (set(), {"x"})


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("x = 3", 3), ("x = 1\nx += 2", 3), ("x = {}\nx['a'] = 2", {"a": 2}),
        ("x = [1]\nif len(x):\n    x.append(2)", [1, 2]),
        ("def y(n): return n + 1\nx = y(2)", 3), ("def x(): return x", None),
        ("y = [1, 2]\nx = [z * 2 for z in y]", [2, 4]),
        ("try:\n    import nothing_here as x\nexcept ImportError:\n    x = None", None),
        ("y = 2\nx = lambda n=y: n", None),
        ("a, (b, x) = 1, (2, 3)", 3), ("y = 1\nx = {'f': lambda: answer(), 'g': y}", None),
        ("import os\nos.environ['A_B_C'] = '1'\nx = os.environ['A_B_C']", "1"),
    ],
)  # fmt: skip
def test_what_needs_nothing_of_a_student_is_made_from_the_source(given: str, value: object) -> None:
    cells = [Code("given", given), Code("exercise", "answer = 3"), Code("test", "x")]
    made = namespace(cells)
    names: dict[str, object] = {}
    made.run(names)
    assert "x" in made.own
    assert made.wanted("x") == []
    assert value is None or names["x"] == value


def test_only_what_the_tests_need_is_run() -> None:
    made = namespace([Code("given", "x = 1\nraise SystemExit\nprint('loud')\nslow = 1 / 0"), Code("test", "x")])
    assert made.preamble == "x = 1"


def test_the_preamble_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    made = namespace([Code("given", "for x in (1, 2):\n    print(x)"), Code("test", "x")])
    made.run({})
    assert capsys.readouterr().out == ""


def test_names_that_the_cell_binds_itself_are_not_asked_for() -> None:
    assert free("RUBRIC = 3\nf(RUBRIC, [y for y in z], lambda q: q + w)") == {"f", "z", "w"}
    assert free("%timeit x\ny") == {"y"}
    assert free("{run: layer for layer, run in items}; [x for x in x]") == {"items", "x"}
    assert free("not python at all ((") == set()
    assert statements("not python at all ((") == []


def test_parts_of_a_cell() -> None:
    begin, end = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
    cell = "\n".join(["a = 1", begin, "b = 2", end, "# only words", begin, "c = 3", end, "d"])
    assert list(parts(cell)) == [(False, "a = 1"), (True, "b = 2"), (True, "c = 3"), (False, "d")]
    assert list(parts("x")) == [(False, "x")]
    assert list(parts("# x")) == []


ASKED = {
    "cnn_learning": """
        Conv Dense Flatten MaxPool ReLU build choose_rate curves error_rate errors gradient_norms group
        layer_table lengths losses opened output_shape parameter_count plateau_length predict_length
        ready_to_present report scale_for slowest_rate tested train""",
    "cnn_runtime": """
        batch_rows compare crossover fit forward_flops group held_out_error measure_row
        parameters per_image prediction_interval ready_to_present rows step_flops summary time_step""",
    "convolution": """
        add_bias arithmetic_intensity attainable average_pool_backward average_pool_forward col2im
        compulsory_bytes conv_backward_bias conv_backward_data conv_backward_filter conv_fft conv_flops
        conv_forward conv_lowered conv_tiled conv_triton dft_matrix errors group im2col lowered_mebibytes
        max_pool_backward max_pool_forward measure_layer output_size ready_to_present timings true_convolution""",
    "cudnn_reading": """
        about_36_percent accept_or_reject algorithm_for anchors blas_like cases claims differences disagree
        explaining_peak flip forward_flops g_correlation g_paper group intensity lower_filters
        lower_images lowered_shapes marks minutes_if_seconds percentages predicted_speedup ready_to_present
        records review size_paper size_today speedup step_gains step_times table_4_unit time_saved""",
    "performance_factors": """
        amdahl bill conv_cost dense_cost group parallel_step pool_cost prune quantise quantised_bytes rate_for
        ready_to_present relu_cost ring_mean ring_seconds roof_seconds seconds_at shared_gradient steps_to
        time_to_level""",
    "remember": """
        attend attend_backward bits_per_character block block_backward clip_by_norm conv_transpose curves group
        lstm_start lstm_step lstm_step_backward pool project read_through ready_to_present recurrent_operations
        rnn_backward rnn_step rnn_step_backward unpool""",
    "network_from_scratch": """
        Linear MLP Sigmoid Softmax by_backend cross_entropy cross_entropy_gradient evaluate exponential_decay
        group histories history rates ready_to_present rescale results step_decay sweet_spot train_epoch""",
}
"""What is asked of the student. A new assignment's names are looked at by a person and written here."""


@pytest.mark.parametrize("name", ASKED)
def test_every_name_of_the_courses_tests_has_its_owner(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_SIZE", "quick")
    assignment, _ = read(SOLUTIONS / name / f"{name}.py")
    cells = [cell for cell in assignment.cells if cell.type == "code"]
    made = namespace(Code(cell.kind, cell.text) for cell in cells)
    asked = set().union(*(made.wanted(cell.text) for cell in cells if cell.kind == "test"))
    assert asked == set(ASKED[name].split())
    names: dict[str, object] = {}
    made.run(names)
    for text in (cell.text for cell in cells if cell.kind == "test"):
        assert free(text) <= names.keys() | asked | set(dir(__builtins__)) | set(__builtins__), text
