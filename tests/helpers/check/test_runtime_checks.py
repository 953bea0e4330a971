"""Checks of `cnn_runtime`: their references against other ways to the same numbers, what they accept,
what they name."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from helpers import check
from helpers.check import CheckFailed
from helpers.check.cnn_runtime import counts, crossing, extrapolate, reference, timing
from helpers.check.cnn_runtime.machine import Machine
from helpers.check.core.compare import needed
from helpers.check.core.report import Mistake
from helpers.study import cnn_runtime as study


@pytest.fixture
def named(monkeypatch):
    """The mistake's name that a check finds, "" where it passes."""
    reports = []
    monkeypatch.setattr("helpers.check.core.report._show", reports.append)

    def name(function, *args, **kwargs):
        try:
            function(*args, **kwargs)
        except CheckFailed:
            return reports[-1].mistake
        return ""

    return name


@pytest.mark.parametrize("filters", [1, 8, 37])
def test_counts_are_those_of_the_described_network(filters):
    spec = study.study_spec(filters, 5)
    rows = [row for row in spec.layer_table(5) if row.parameters]
    assert counts.parameters_of(filters) == [row.parameters for row in rows]
    outputs = [5 * np.prod(row.output) for row in rows]
    # the table counts the additions of biases, too
    assert counts.forward_flops_of(filters, 5) == [row.flops - n for row, n in zip(rows, outputs, strict=True)]
    assert sum(counts.step_flops_of(filters, 5)) == study.training_flops(spec, 5)


@pytest.mark.parametrize("i", range(4), ids=counts.LAYERS)
def test_every_wrong_count_is_told_where_it_is_wrong(named, i):
    asked = np.array(counts.cases(0), float).T
    for hypotheses, right, check_of in (
        (counts.wrong_parameters, lambda f, n=1: counts.parameters_of(f), check.cnn_runtime.parameters),
        (counts.wrong_flops, counts.forward_flops_of, check.cnn_runtime.forward_flops),
    ):
        arguments = asked[:1] if hypotheses is counts.wrong_parameters else asked
        told = 0
        for number, hypothesis in enumerate(hypotheses(i, *arguments)):
            if np.allclose(hypothesis.wrong, [right(*case)[i] for case in arguments.T], rtol=1e-9):
                continue  # a bias for each input is right where there are as many inputs as outputs

            def student(*case, number=number, hypotheses=hypotheses, right=right):
                wrong = hypotheses(i, *(np.array([one], float) for one in case))[number].wrong
                return [*right(*case)[:i], float(np.ravel(wrong)[0]), *right(*case)[i + 1 :]]

            told += named(check_of, student) not in ("", "differs")
        assert told >= 8


@pytest.mark.parametrize(
    ("degrees", "level", "table"),
    [(1, 0.95, 12.706), (2, 0.95, 4.303), (3, 0.9, 2.353), (9, 0.99, 3.250), (30, 0.8, 1.310)],
)
def test_students_t_is_that_of_the_tables(degrees, level, table):
    assert reference.student_t(level, degrees) == pytest.approx(table, abs=6e-4)


@pytest.mark.parametrize(("n", "m", "level"), [(2, 20, 0.95), (5, 12, 0.8)])
def test_the_interval_holds_as_often_as_it_says(n, m, level):
    runs = np.random.default_rng(3).normal(30, 2, size=(4000, m))
    held = 0
    for run in runs:
        low, high = reference.prediction_interval(run[:n], m, level)
        held += low <= run.sum() <= high
    assert held / len(runs) == pytest.approx(level, abs=0.02)


@pytest.mark.parametrize("relative", [False, True])
def test_fits_are_polyfits_and_the_least_among_their_neighbours(relative):
    x, y = np.array([2.0, 5.0, 9.0, 14.0, 20.0]), np.array([1.2, 2.9, 7.7, 18.0, 38.0])
    weights = 1 / y if relative else np.ones(5)
    for kind, degree in (("linear", 1), ("quadratic", 2)):
        found = reference.fit(x, y, kind, relative)
        assert np.allclose(found, np.polyfit(x, y, degree, w=weights)[::-1])
        least = sum(((reference.predict(found, a, kind) - b) * w) ** 2 for a, b, w in zip(x, y, weights, strict=True))
        for i in range(len(found)):
            other = found + 0.01 * np.eye(len(found))[i]
            assert least < sum(
                ((reference.predict(other, a, kind) - b) * w) ** 2 for a, b, w in zip(x, y, weights, strict=True)
            )


def test_a_held_out_error_is_zero_where_the_curve_is_right_and_large_where_it_is_not():
    x = np.array([8.0, 16.0, 32.0, 64.0])
    y = 0.5 + 0.1 * x + 0.02 * x**2
    errors = {kind: reference.held_out_errors(x, y, kind).mean() for kind in reference.KINDS}
    assert errors["quadratic"] < 1e-9
    assert min(errors["linear"], errors["exponential"]) > 0.2


@pytest.mark.parametrize("logarithmic", [False, True])
def test_curves_are_equal_at_their_crossing(logarithmic):
    sizes, a, b = (8, 16, 32, 64), (1.0, 2.5, 6.0, 20.0), (3.0, 3.5, 4.0, 5.0)
    at = reference.crossover(sizes, a, b, logarithmic)
    scale, back = (np.log, np.exp) if logarithmic else (np.asarray, np.asarray)
    here = [float(back(np.interp(scale(at), scale(sizes), scale(curve)))) for curve in (a, b)]
    assert 16 < at < 32
    assert here[0] == pytest.approx(here[1])
    assert reference.crossover(sizes, a, [v + 30 for v in b], logarithmic) is None


@pytest.mark.parametrize("seed", [0, 1, 2, 5, 41])
@pytest.mark.parametrize("make", [timing.cpu, timing.gpu])
def test_on_the_machine_the_right_way_gives_what_the_steps_cost_and_every_wrong_one_something_else(make, seed):
    for rounds, warmup in timing.rounds_and_warmups(seed):
        parts = make(seed, rounds, warmup)
        expected = [cost + parts.get("launch", 0) for cost in parts["costs"][warmup : warmup + rounds]]
        assert np.allclose(timing.Way().measure(Machine(**parts), rounds, warmup), expected)
        right = statistics.median(expected)
        for choice, values in timing.WRONG.items():
            for value, name, _ in values:
                got = timing.Way(**{choice: value}).seconds(Machine(**parts), rounds, warmup)
                # without a queue there is nothing to await; B3 has one. An odd number of rounds has one in the middle.
                alike = (choice in ("after", "before") and make is timing.cpu) or (
                    name in ("upper-middle", "not-sorted") and rounds % 2
                )
                assert alike or not timing.alike(got, right), (choice, value)


def test_the_loss_is_there_before_the_step_is_finished():
    machine = Machine(**timing.gpu(1, 5, 2))
    loss = machine.step(machine.load())
    assert machine.now < machine.busy_until
    launched = machine.now
    assert float(loss) > 0
    assert launched < machine.now < machine.busy_until
    assert (loss.device, loss.device.type) == ("cuda:0", "cuda")


RULES = [rule for rule in (*timing.CENTRES, *timing.LEFT_OUT) if rule[0] != "fraction-for-percent"]


@pytest.mark.parametrize("seed", range(8))
def test_mistakes_have_their_names_for_every_seed(named, seed):
    for name, rule, _ in RULES:

        def summary(seconds, rule=rule):
            low, high = np.percentile(seconds, [25, 75])
            return {"seconds": rule(seconds), "low": low, "high": high}

        assert named(check.cnn_runtime.summary, summary, seed=seed) == name
    for name, k in {
        one.name: k
        for k, one in reversed(list(enumerate(extrapolate._wrong_widths(extrapolate.cases(0)[0]))))
        if one.name
    }.items():

        def interval(seconds, m, level, k=k):
            middle, half = m * np.mean(seconds), needed(extrapolate._wrong_widths((seconds, m, level))[k].wrong)
            return middle - half, middle + half

        assert named(check.cnn_runtime.prediction_interval, interval, seed=seed) == name
    for k, one in enumerate(crossing._wrong_places(*crossing.cases(0)[0])):

        def crossover(sizes, a, b, k=k):
            right, wrong = reference.crossover(sizes, a, b), crossing._wrong_places(sizes, a, b)
            return needed(wrong[k].wrong) if right and wrong else right

        assert named(check.cnn_runtime.crossover, crossover, seed=seed) == one.name


@pytest.mark.parametrize(
    "method", ["linear", "weibull", "hazen", "median_unbiased", "lower", "higher", "nearest", "midpoint"]
)
def test_every_usual_definition_of_quartiles_will_do(named, method):
    def summary(seconds):
        low, high = (float(np.quantile(seconds, share, method=method)) for share in (0.25, 0.75))
        return {"seconds": statistics.median(seconds), "low": low, "high": high}

    assert named(check.cnn_runtime.summary, summary) == ""


FILTERS = {"numpy": (8, 16, 32), "torch": (8, 16, 32)}


def row(filters, backend, seconds, **more):
    return {
        "filters": filters, "backend": backend, "batch": 64,
        "parameters": sum(counts.parameters_of(filters)), "flops": sum(counts.step_flops_of(filters, 64)),
        "hardware": "Some CPU", "threads": 1, "rounds": 9, "device": "cpu",
        "seconds": seconds, "low": 0.97 * seconds - 1e-7, "high": 1.04 * seconds + 1e-7, **more,
    }  # fmt: skip


def measured():
    return [
        row(f, b, s * sum(counts.step_flops_of(f, 64)))
        for b, s in (("numpy", 3e-11), ("torch", 4.1e-11))
        for f in FILTERS[b]
    ]


def gpu(kind="recorded"):
    points = study.predicted("Titan X", (8, 64))
    if kind == "predicted":
        return points
    return [study.Point(**{**p.as_json(), "predicted": False, "recorded": True, "rounds": 9}) for p in points]


def as_rows(points):
    return [{**point.as_json(), "device": "cuda:0"} for point in points]


def verdict(named, rows, points):
    return named(check.cnn_runtime.rows, rows, points, FILTERS, None, None, batch=64, rounds=5, threads=1)


@pytest.mark.promise(
    "In `cnn_runtime` the rows of a GPU are measured where there is one. Elsewhere they come from "
    "`helpers/study/cnn_runtime/recorded/`, marked as recorded, and where nobody has recorded a GPU yet, from a "
    "model, marked as predicted."
)
@pytest.mark.parametrize("kind", ["recorded", "predicted"])
def test_rows_with_a_gpus_of_others_pass_and_must_stay_marked(named, kind):
    points = gpu(kind)
    assert verdict(named, measured() + as_rows(points), points) == ""
    assert verdict(named, measured(), points) == "gpu-row-missing"
    unmarked = [{**r, kind: False} for r in as_rows(points)]
    assert verdict(named, measured() + unmarked, points) == f"{kind}-as-measured"
    faster = [{**r, "low": r["low"] / 2} for r in as_rows(points)]
    assert verdict(named, measured() + faster, points) == f"{kind}-row-changed"
    other = "predicted" if kind == "recorded" else "recorded"
    assert verdict(named, measured() + [{**r, other: True} for r in as_rows(points)], points) == "wrongly-marked"


@pytest.mark.promise("the rows of a GPU are measured where there is one.")
def test_where_there_is_a_gpu_its_rows_are_measured_ones(named):
    on_gpu = [row(f, "cuda", s, hardware="Some GPU", device="cuda:0") for f, s in ((8, 4e-4), (64, 5e-4))]
    filters = {**FILTERS, "cuda": (8, 64)}
    settings = {"batch": 64, "rounds": 5, "threads": 1}
    assert named(check.cnn_runtime.rows, measured() + on_gpu, [], filters, None, None, **settings) == ""
    left = [{**r, "device": "cpu"} for r in on_gpu]
    assert (
        named(check.cnn_runtime.rows, measured() + left, [], filters, None, None, **settings) == "cpu-run-labelled-gpu"
    )


@pytest.mark.promise("timings and learning curves are checked for being possible and consistent.")
@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({"seconds": float("nan")}, "not-a-time"),
        ({"seconds": 0.0, "low": 0.0}, "not-a-time"),
        ({"low": 1.0}, "not-in-order"),
        ({"rounds": 2}, "too-few-rounds"),
        ({"threads": 2}, "wrong-threads"),
        ({"threads": 1.5}, "threads-unknown"),
        ({"hardware": " "}, "hardware-unnamed"),
        ({"device": "cuda:0"}, "gpu-run-labelled-cpu"),
        ({"parameters": 55098}, "counts-of-another-network"),
        ({"parameters": 5}, "wrong-parameters"),
        ({"flops": 17}, "wrong-flops"),
        ({"batch": 32}, "wrong-batch"),
        ({"seconds": 2e-9, "low": 1e-9, "high": 3e-9}, "too-fast"),
        ({"filters": 9}, "size-missing"),
    ],
)
def test_a_row_that_cannot_be_is_told(named, change, mistake):
    rows = measured()
    rows[0] = {**rows[0], **change}
    assert verdict(named, rows, []) == mistake


def test_a_row_of_another_backend_is_told(named):
    assert verdict(named, measured(), []) == ""
    rows = measured()
    assert (
        verdict(named, [*rows[:3], *({**r, "backend": "torch"} for r in rows[:3])], []) == "copied-from-another-backend"
    )


class Evil:
    """Every attribute, item and conversion raises."""

    def __repr__(self):
        return "evil"

    def __getattr__(self, name):
        raise RuntimeError("no attributes here")

    def __array__(self, *args, **kwargs):
        raise RuntimeError("not an array")

    def __len__(self):
        raise RuntimeError("no length")

    def __bool__(self):
        raise RuntimeError("neither true nor false")


@pytest.mark.parametrize("value", [None, 3, "text", [], {}, Evil(), [None], {"seconds": None}, float("nan")], ids=str)
def test_whatever_a_function_returns_the_student_reads_a_sentence(value):
    def stranger(*args, **kwargs):
        return value

    calls = [
        (check.cnn_runtime.parameters, stranger),
        (check.cnn_runtime.forward_flops, stranger),
        (check.cnn_runtime.step_flops, stranger, stranger),
        (check.cnn_runtime.summary, stranger),
        (check.cnn_runtime.time_step, stranger),
        (check.cnn_runtime.time_on_a_queue, stranger),
        (check.cnn_runtime.where_it_ran, stranger),
        (check.cnn_runtime.prediction_interval, stranger),
        (check.cnn_runtime.fit, stranger),
        (check.cnn_runtime.held_out_error, stranger, stranger),
        (check.cnn_runtime.crossover, stranger),
        (check.cnn_runtime.compare, stranger, stranger),
        (check.cnn_runtime.per_image, stranger),
    ]
    for function, *args in calls:
        with pytest.raises(CheckFailed) as failed:
            function(*args)
        assert str(failed.value).endswith((".", "?", ")"))
        assert "Traceback" not in str(failed.value)


@pytest.mark.parametrize("value", [None, 3, "text", {}, Evil(), [None], [{}]], ids=str)
def test_whatever_stands_for_rows_the_student_reads_a_sentence(value):
    for run in (
        lambda: check.cnn_runtime.rows(value, [], FILTERS, None, None, batch=64, rounds=5, threads=1),
        lambda: check.cnn_runtime.row(value, None, None, rounds=5, warmup=2),
        lambda: check.cnn_runtime.row(lambda *asked: value, None, None, rounds=5, warmup=2),
        lambda: check.cnn_runtime.batches(value, ("numpy",), (1, 4), None, None, value, filters=8, rounds=5),
    ):
        with pytest.raises(CheckFailed) as failed:
            run()
        assert str(failed.value).endswith((".", "?", ")"))


def test_seconds_are_divided_by_the_batch_of_each_row(named):
    def divided(rows, backend):
        return [row["seconds"] / row["batch"] for row in rows if row["backend"] == backend]

    assert named(check.cnn_runtime.per_image, divided) == ""
    assert named(check.cnn_runtime.per_image, lambda rows, backend: 3 * divided(rows, backend)[::2]) == "wrong-shape"
    assert named(check.cnn_runtime.per_image, lambda rows, backend: np.sqrt(divided(rows, backend))) == "differs"
    assert named(check.cnn_runtime.per_image, lambda rows, backend: [1e-4, 1.1e-4, 2e-4, 3e-4, 1e-5]) == "rows-ignored"
    assert named(check.cnn_runtime.per_image, lambda rows, backend: divided(rows, "torch")) == "other-backend"


def test_what_depends_on_nothing_of_the_students_own_is_no_excuse(named):
    assert (
        named(check.cnn_runtime.step_flops, lambda filters, batch: [2, 3, 3, 3], lambda filters, batch: [1] * 4) != ""
    )
    assert named(check.cnn_runtime.held_out_error, lambda x, y, kind: 1.0, lambda x, y, kind: [0.0, 0.0]) != ""
    made_up = {"linear": 0.34, "quadratic": 0.06, "exponential": 0.48}
    constant = check.cnn_runtime.compare, lambda rows, backend: (made_up, "quadratic"), lambda x, y, kind: made_up[kind]
    assert named(*constant) != ""


def test_an_exponential_has_to_come_close_to_points_beside_it(named):
    def through(x, y, kind, i=1, j=2):
        if kind != "exponential":
            return reference.fit(x, y, kind)
        b = np.log(y[j] / y[i]) / (x[j] - x[i])
        return [y[i] * np.exp(-b * x[i]), b]

    assert named(check.cnn_runtime.fit, through) == "not-least-squares"
    assert named(check.cnn_runtime.fit, lambda x, y, kind: reference.fit(x, y, kind)) == ""


def test_a_mistake_in_the_held_out_error_costs_once(named):
    def in_seconds(x, y, kind):
        return float(np.mean(reference.held_out_errors(x, y, kind) * y))

    def compare(rows, backend):
        x, y = (
            np.array([float(row[key]) for row in rows if row["backend"] == backend]) for key in ("filters", "seconds")
        )
        errors = {kind: in_seconds(x, y, kind) for kind in reference.KINDS}
        return errors, min(errors, key=lambda kind: errors[kind])

    assert named(check.cnn_runtime.held_out_error, in_seconds, None) == "absolute-for-relative"
    assert named(check.cnn_runtime.compare, compare, in_seconds) == ""
    assert named(check.cnn_runtime.compare, compare, None) == "earlier-mistake"


def test_a_mistake_in_the_forward_count_costs_once(named):
    def without_the_two(filters, batch):
        return [flops / 2 for flops in counts.forward_flops_of(filters, batch)]

    def step(filters, batch):
        return [times * flops for times, flops in zip((2, 3, 3, 3), without_the_two(filters, batch), strict=True)]

    assert named(check.cnn_runtime.forward_flops, without_the_two) == "factor-two-missing"
    assert named(check.cnn_runtime.step_flops, step, without_the_two) == ""
    assert named(check.cnn_runtime.step_flops, step, None) == "earlier-mistake"
    assert named(check.cnn_runtime.forward_flops, counts.forward_flops_of) == ""
    assert named(check.cnn_runtime.step_flops, step, None) == "factor-two-missing"


def test_an_interval_that_is_not_one_is_a_mistake():
    from helpers.check.cnn_runtime.extrapolate import interval

    assert interval((1, 2), "it") == interval(np.array([1, 2]), "it") == (1.0, 2.0)
    for value in ([1, 2, 3], {"low": 1, "high": 2}):
        with pytest.raises(Mistake, match="two numbers"):
            interval(value, "it")


def test_rows_with_the_students_own_wrong_counts_lose_nothing_more(named):
    def parameters(filters):
        return [n - 1 for n in counts.parameters_of(filters)]

    rows = [{**r, "parameters": r["parameters"] - 4} for r in measured()]
    settings = {"batch": 64, "rounds": 5, "threads": 1}
    assert named(check.cnn_runtime.rows, rows, [], FILTERS, parameters, None, **settings) == ""
    assert (
        named(check.cnn_runtime.rows, rows, [], FILTERS, counts.parameters_of, None, **settings) == "wrong-parameters"
    )
    assert (
        named(check.cnn_runtime.rows, rows, [], FILTERS, lambda filters: 1 / 0, None, **settings) == "wrong-parameters"
    )


@pytest.mark.parametrize("yes", [False, True])
def test_the_references_are_those_of_the_study(yes):
    from helpers.study.cnn_runtime import fits

    x, y = np.array([8.0, 16.0, 24.0, 40.0, 64.0]), np.array([4.1, 9.6, 11.2, 29.0, 41.5])
    for kind in reference.KINDS:
        assert np.allclose(reference.fit(x, y, kind, yes), fits.fit(kind, x, y, relative=yes).coefficients)
        if yes:
            assert np.allclose(reference.held_out_errors(x, y, kind, yes), np.abs(fits.leave_one_out(kind, x, y)))
    interval = fits.prediction_interval([31.2, 29.8, 30.4], 20, 0.9)
    assert np.allclose(reference.prediction_interval([31.2, 29.8, 30.4], 20, 0.9), (interval.low, interval.high))
    assert reference.crossover(x, y, y[::-1], yes) == pytest.approx(fits.crossover(x, y, y[::-1], logarithmic=yes))
