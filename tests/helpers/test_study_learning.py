"""The learning study: its runs are what they say, its measures are right, and its verdicts follow the numbers."""

import math

import numpy as np
import pytest

from helpers import nn
from helpers.backend import backend
from helpers.data import load_split
from helpers.errors import CourseError
from helpers.nn.spec import NETWORKS, load_spec
from helpers.study.__main__ import main
from helpers.study.cnn_learning import best_rate, endings, learning_curves, lengths, plateau
from helpers.study.cnn_learning import plateau_quantities as measure
from helpers.study.cnn_learning.plateau_report import PlateauResults
from helpers.study.cnn_learning.report import curve_table, jump_sentence, jumps, rivals
from helpers.study.cnn_learning.runs import Curve, Plateau, Start
from helpers.train import History, fit

SIZE = {"train": 200, "validation": 60, "epochs": 2, "filters": 2}


@pytest.fixture(scope="module")
def curves():
    return learning_curves((0.1, 0.01), 2, **SIZE, progress=False)


def test_a_curve_is_the_described_network_trained_on_the_split(curves):
    spec = load_spec(NETWORKS / "convolutional_nn.json").changed(filters=2, seed=1)
    network = nn.Network(spec, backend("numpy"))
    data = load_split(train=200, validation=60).selection()
    own = fit(network, nn.train_epoch, nn.evaluate, data, lr=0.01, epochs=2, seed=1, progress=False)
    found = curves[0.01][1]
    np.testing.assert_allclose(found.train_loss, own.train_loss, rtol=1e-4)
    np.testing.assert_allclose(found.test_loss, own.test_loss, rtol=1e-4)
    assert (found.held_out, found.images, found.seed, found.epochs) == ("validation", 200, 1, 2)
    assert list(curves) == [0.1, 0.01]


def test_processes_change_nothing(curves):
    other = learning_curves((0.1, 0.01), [0, 1], **SIZE, jobs=2, progress=False)
    for rate, histories in curves.items():
        for one, two in zip(histories, other[rate], strict=True):
            np.testing.assert_allclose(two.test_loss, one.test_loss, rtol=1e-6)
            assert two.test_accuracy == one.test_accuracy


def test_scale_multiplies_the_first_weights():
    start = [Curve(0.1, 3, 64, 10, 1, filters=2, scale=s).spec() for s in (1.0, 0.5)]
    one, half = (nn.Network(spec, backend("numpy")).parameters() for spec in start)
    for (name, a), (_, b) in zip(one, half, strict=True):
        np.testing.assert_allclose(b, 0.5 * a, rtol=1e-6, err_msg=name)


def test_an_ending_is_the_same_training_and_the_test_images(curves):
    (end,) = endings(0.1, [1], **SIZE, test=80, progress=False)
    assert end.history.test_loss == curves[0.1][1].test_loss
    data = load_split(train=200, validation=60, test=80).final()
    spec = load_spec(NETWORKS / "convolutional_nn.json").changed(filters=2, seed=1)
    network = nn.Network(spec, backend("numpy"))
    history = fit(network, nn.train_epoch, nn.evaluate, data, lr=0.1, epochs=2, seed=1, progress=False)
    assert end.test_error == pytest.approx(history.error[-1])
    assert end.test_loss == pytest.approx(history.test_loss[-1], rel=1e-4)


def test_a_start_is_the_beginning_of_the_curve(curves):
    start = Start(0.1, 1, 200, steps=8, filters=2, level=0.01).perform()
    assert len(start.loss) == 8
    sizes = [64, 64, 64, 8]
    for epoch in (0, 1):
        mean = np.average(start.loss[4 * epoch : 4 * epoch + 4], weights=sizes)
        assert mean == pytest.approx(curves[0.1][1].train_loss[epoch], rel=1e-5)


def test_norms_are_those_of_the_weights_before_each_step():
    run = Start(0.1, 0, 64, steps=3, filters=2, norms_every=2, level=0.01).perform()
    assert run.norm_steps == [0, 2]
    assert list(run.norms) == ["conv 1", "conv 2", "dense 1", "dense 2"]
    data = load_split(train=64)
    network = nn.Network(load_spec(NETWORKS / "convolutional_nn.json").changed(filters=2), backend("numpy"))
    order = np.random.default_rng([0, 0]).permutation(64), np.random.default_rng([0, 1]).permutation(64)
    for step in range(3):
        if step in run.norm_steps:
            network.forward(data.train_images)
            network.backward(data.train_labels)
            weights = [layer for layer in network.layers if hasattr(layer, "weight")]
            own = [float(np.linalg.norm(layer.grad_weight)) for layer in weights]
            found = [norms[run.norm_steps.index(step)] for norms in run.norms.values()]
            np.testing.assert_allclose(found, own, rtol=1e-3)
        if step < 2:
            network.forward(data.train_images[order[step]])
            network.backward(data.train_labels[order[step]])
            network.update(0.1)


def test_small_weights_stay_on_a_plateau_for_rate_times_steps():
    found = plateau((1.0, 0.3), (0.08, 0.16), [0], steps=150, train=2000, filters=8, progress=False)
    steps = lengths(found)
    assert all(n < 25 for row in (steps[1.0],) for (n,) in row.values())
    (slow,), (fast,) = steps[0.3].values()
    assert 1.5 < slow / fast < 2.5
    assert slow > 3 * steps[1.0][0.08][0]
    assert found[0.3][0.08][0].below(2.2) > 0.7 * slow


def test_steps_until_below():
    run = Plateau(0.1, 1.0, 0, 2.0, loss=[2.3] * 10 + [1.0] * 10)
    # Means of five: 2.3, …, then 2.04 after the 11th and … 1.78 after the 12th step.
    assert run.steps == 12
    assert run.below(1.0) is None
    assert run.below(1.01) == 15
    assert Plateau(0.1, 1.0, 0, 2.0, loss=[1.0] * 4).steps is None


ROW = {0.1: [30, 40], 0.2: [15, 22], 0.4: [None, 11]}


def test_spread_and_products():
    assert measure.products(ROW) == pytest.approx([3, 4, 3, 4.4, 4.4])
    assert measure.spread(ROW) == pytest.approx(1.1)
    assert math.isnan(measure.spread({0.1: [3], 0.2: [None]}))


def test_exponents_compare_like_with_like():
    found = {s: {0.1: [round(10000 / s**2)], 0.2: [7 if s == 1 else None]} for s in (1.0, 0.5, 0.25)}
    assert measure.length_exponent(found) == pytest.approx(-2, abs=1e-3)
    assert math.isnan(measure.length_exponent({1.0: {0.1: [5]}}))
    assert math.isnan(measure.length_exponent({1.0: {0.1: [5]}, 0.5: {0.1: [None]}}))


def history(losses, seed=0, errors=(0.5,)):
    n = len(losses)
    return History(
        train_loss=list(losses), test_loss=[1.0] * n, test_accuracy=[1 - e for e in errors] * (n // len(errors)),
        learning_rate=[0.1] * n, seconds=[0.1] * n, seed=seed, images=640, batch_size=64, held_out="validation",
    )  # fmt: skip


def test_growth_is_up_to_the_end_of_the_plateau():
    run = Plateau(0.1, 0.1, 0, 0.5, [2.3] * 20 + [1.0] * 20, [0, 15, 30, 40], {"conv 1": [2.0, 5.0, 8.0, 20.0]})
    assert run.below(2.2) == 21
    assert measure.growth(run) == {"conv 1": 4.0}
    run.loss += [0.9] * 5
    assert measure.share(run) == pytest.approx(21 / 41)
    assert math.isnan(measure.growth(Plateau(0.1, 0.1, 0, 0.5, [2.3] * 9, [0], {"conv 1": [2.0]}))["conv 1"])


def start(rate, steps, scale=0.1, seed=0, most=500, norm=1.0):
    """A made-up start that leaves the plateau after so many steps (None: never)."""
    loss = [2.3] * most if steps is None else [2.3] * (steps - 5) + [1.0] * 5
    return Plateau(rate, scale, seed, 2.0, loss, [0], {"conv 1": [norm], "dense 1": [norm]})


def test_predictions_come_from_the_fastest_rate_that_all_seeds_left():
    row = {0.1: [start(0.1, 203)], 0.2: [start(0.2, 100)], 0.4: [start(0.4, None)]}
    assert row[0.2][0].steps == 97
    # 20 epochs of 10 steps: 19.4 is reached at rates above 0.097.
    curves = {r: [history([2.3] * 19 + [end])] for r, end in ((0.05, 2.3), (0.1, 0.5), (0.2, 1), (0.4, 2.3))}
    told = [(p.rate, p.predicted, p.left) for p in measure.predictions(row, curves)]
    assert told == [(0.05, False, False), (0.1, True, True), (0.4, True, False)]
    assert measure.predictions({0.1: [start(0.1, None)]}, curves) == []


def results(power, end=0.5):
    """Made-up results in which rate × steps goes as scale^power."""
    made = PlateauResults(200, 0.1, 0.2)
    for s in (0.3, 0.2, 0.1):
        norm, took = s**3, 0.5 * s**power
        made.starts[s] = {r: [start(r, round(took / r) + 3, s, norm=norm)] for r in (0.01, 0.02, 0.2)}
    made.deep = {n: {s: [start(0.2, round(5 * s ** (2 - n)) + 13, s)] for s in (0.3, 0.2)} for n in (3, 5)}
    trace = start(0.04, 100, 0.2)
    trace.norms = {"conv 1": [1.0, 9.0], "dense 1": [1.0, 30.0]}
    flat = Plateau(0.04, 1.0, 0, 0.5, [2.1] * 30 + [0.6] * 8, [0], {"conv 1": [1.0], "dense 1": [1.0]})
    made.traced = {1.0: flat, 0.2: trace}
    made.curves = {0.1: [history([2.3] * 20)], 0.5: [history([2.3] * 19 + [end])]}
    return made


def verdicts(made):
    return {claim: holds for claim, holds, _ in made.claims()}


def test_verdicts_follow_the_numbers():
    good, bad = verdicts(results(-2)), verdicts(results(-4))
    by = "with 4 layers of weights it goes as scale^-2 (within 0.35)"
    assert good[by] is True
    assert bad[by] is False
    gradients = "every layer's first gradient is a product of the others' weights, scale^3 (within 0.25)"
    assert good[gradients] is True
    made = results(-2)
    made.starts[0.1][0.01][0].norms["conv 1"] = [0.5]
    assert verdicts(made)[gradients] is False
    threshold = next(claim for claim in good if claim.startswith("so a run at one rate"))
    assert good[threshold] is True
    assert verdicts(results(-2, end=2.3))[threshold] is False
    made = results(-2)
    del made.curves[0.5]
    assert verdicts(made)[threshold] is None
    flat = "from weights × 1 there is no plateau"
    assert good[flat] is True
    made = results(-2)
    made.traced[1.0].loss[:0] = [2.3] * 30
    assert verdicts(made)[flat] is False


def test_a_failed_verdict_is_loud():
    assert "DOES NOT HOLD: with 4 layers" in results(-4).report()[-1]
    assert "DOES NOT HOLD: with 4 layers" not in results(-2).report()[-1]


def test_the_steepest_step_is_named():
    made = results(-2)
    made.curves = {r: [history([1.0], 0, [e])] for r, e in ((0.01, 0.9), (0.02, 0.1), (0.04, 0.05))}
    made.plain = {r: [history([1.0], 0, [e])] for r, e in ((0.01, 0.03), (0.02, 0.02))}
    text = made.report()[2]
    assert (
        "From rate 0.01 to 0.02 the median error goes from 90.0% to 10.0%; from weights × 1 it goes from 3.0%" in text
    )


def finals(**errors):
    return {float(rate): [history([1.0], s, [e]) for s, e in enumerate(es)] for rate, es in errors.items()}


def test_the_rate_is_chosen_by_the_median_of_validation_errors():
    curves = finals(**{"0.1": (0.02, 0.03, 0.9), "0.2": (0.04, 0.05, 0.045), "0.05": (0.9, 0.9, 0.91)})
    assert best_rate(curves) == 0.1
    assert rivals(curves) == [0.2]
    text = curve_table(curves, {"train": 1, "validation": 1, "filters": 1, "epochs": 1})
    assert "rate 0.1; these 3 seeds don't separate it from 0.2." in text
    assert "More than half wrong after the last epoch: rate 0.05." in text
    assert "there was no other" in curve_table(
        {0.1: curves[0.1]}, {"train": 1, "validation": 1, "filters": 1, "epochs": 1}
    )


def test_jumps_are_counted_and_a_small_last_batch_is_named():
    run = history([1.0] * 5, 0, [0.1, 0.04, 0.09, 0.04, 0.09])
    assert jumps(run) == [3]
    run.images = 650
    text = jump_sentence({0.1: [run, history([1.0] * 5)]})
    assert text.startswith("Jumps: 1 of 6 epochs")
    assert "has only 10 images" in text
    assert "--train 640" in text
    assert jump_sentence({0.1: [history([1.0] * 2)]}) == ""
    assert "last batch" not in jump_sentence({0.1: [history([1.0] * 5, 0, [0.1, 0.04, 0.09, 0.04, 0.09])]})


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: learning_curves([], 1), "cannot all train"),
        (lambda: learning_curves([0.1, -1], 1), "cannot all train"),
        (lambda: learning_curves([0.1], 0), "are not seeds"),
        (lambda: learning_curves([0.1], [-1]), "are not seeds"),
        (lambda: plateau([0.0], [0.1]), "not all usable"),
        (lambda: learning_curves([0.1], 1, train=60_000), "more than the 50,000"),
    ],
)
def test_mistakes_are_a_sentence(call, word):
    with pytest.raises(CourseError, match=word):
        call()


def test_the_command_writes_everything(tmp_path, capsys):
    main(f"cnn_learning --quick --rates 0.1 --seeds 1 --train 128 --jobs 1 --out {tmp_path}".split())
    said = capsys.readouterr().out
    for word in ("Learning curves: 128", "evaluated once", "The plateau:", "Gradient norms", "Why training slows"):
        assert word in said
    for name in ("error_by_rate", "error_curves", "gradient_norms_0.2", "gradient_norms_1", "threshold"):
        assert (tmp_path / f"{name}.png").stat().st_size > 3000
    for name in ("history", "plateau", "threshold", "gradients"):
        assert len((tmp_path / f"{name}.csv").read_text().splitlines()) > 1


def test_too_many_images_are_a_sentence(tmp_path):
    with pytest.raises(CourseError, match=r"--train 50001 is more than the 50000 images there are; ask for fewer\."):
        main(["cnn_learning", "--train", "50001", "--out", str(tmp_path)])
