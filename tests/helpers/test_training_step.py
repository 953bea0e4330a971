"""One training step, its parts apart: all algorithms compute the same, and each part does what its name says."""

import pytest

torch = pytest.importorskip("torch")

from helpers import plots  # noqa: E402
from helpers.errors import CourseError  # noqa: E402
from helpers.plots.style import png  # noqa: E402
from helpers.study.training_step import ALGORITHMS, TrainingStep, same_results  # noqa: E402
from helpers.timing import Timing  # noqa: E402

PARTS = ("forward", "backward", "update", "step")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_computes_what_autograd_does(algorithm):
    step = TrainingStep(algorithm, batch=3)
    (one, other, dense), x = [p.detach().clone().requires_grad_() for p in step.parameters], step.images
    for w in (one, other):
        x = torch.nn.functional.max_pool2d(torch.nn.functional.conv2d(x, w, padding=1).relu(), 2)
    loss = torch.nn.functional.cross_entropy(x.flatten(1) @ dense, step.labels)
    torch.testing.assert_close(step.loss, loss)
    for got, right in zip(step.gradients, torch.autograd.grad(loss, (one, other, dense)), strict=True):
        torch.testing.assert_close(got, right, rtol=1e-4, atol=1e-5)


def test_the_parts_can_be_called_in_any_order_and_the_loss_falls():
    step = TrainingStep("library", batch=8, lr=0.1)
    first = float(step.loss.detach())
    for _ in range(5):
        step.update()
        step.backward()
    step.forward()
    step.backward()
    for _ in range(20):
        step.step()
    assert float(step.loss.detach()) < first


def test_update_is_plain():
    step = TrainingStep("lowering", batch=2, lr=0.5)
    before = [p.detach().clone() for p in step.parameters]
    step.update()
    for old, new, gradient in zip(before, step.parameters, step.gradients, strict=True):
        torch.testing.assert_close(new.detach(), old - 0.5 * gradient)


def test_different_results_are_refused():
    same_results(TrainingStep("library", batch=2), TrainingStep("lowering by image", batch=2))
    with pytest.raises(CourseError, match="don't compute the same"):
        same_results(TrainingStep("library", batch=2), TrainingStep("lowering", batch=2, seed=1))


def test_what_is_not_there_is_a_sentence():
    with pytest.raises(CourseError, match="There is no algorithm 'magic'"):
        TrainingStep("magic")
    if not torch.cuda.is_available():
        with pytest.raises(CourseError, match="There is no GPU"):
            TrainingStep("library", device="cuda")


def record(update=(1e-5, 2e-5, 3e-5)):
    times = {
        "forward": (0.008, 0.009, 0.0085),
        "backward": (0.004, 0.005, 0.006),
        "update": update,
        "step": (0.012, 0.013, 0.014),
    }
    return {
        name: {p: Timing(p, [k * s for s in times[p]]) for p in PARTS}
        for name, k in (("library", 1), ("lowering by image", 2))
    }


TABLE_4 = {
    "forward": (109310, 75330),
    "backward": (156270, 120651),
    "update": (2926, 2920),
    "overall": (290106, 213431),
}


@pytest.mark.parametrize(
    "records", [{"cpu": record()}, {"cpu": record(), "cuda": record((1e-7, 1e-5, 1e-3))}], ids=["cpu", "both"]
)
def test_the_figure_is_small_and_described(records):
    figure = plots.then_and_now(TABLE_4, records)
    assert figure.alt.endswith(".")
    assert "forward 1.45, backward 1.30, update 1.00, whole step 1.36" in figure.alt
    assert figure.axes[0].get_xlabel().startswith("speed-up")
    assert len(png(figure)) < 50_000
    with pytest.raises(CourseError, match="no record"):
        plots.then_and_now(TABLE_4, {})


def test_a_difference_within_the_noise_is_grey():
    def timing(ms):
        return Timing("", [1e-3 * m for m in ms])

    sure, noisy = ([2.0] * 9, [1.0] * 9), ([1.0, 1.2, 0.8] * 3, [1.1, 1.0, 0.9] * 3)
    parts = {"forward": sure, "backward": sure, "update": noisy, "step": sure}
    names = ("lowering by image", "library")
    record = {name: {p: timing(t[i]) for p, t in parts.items()} for i, name in enumerate(names)}
    ax = plots.then_and_now(TABLE_4, {"cpu": record}).axes[0]
    hollow = [line for line in ax.lines if line.get_markerfacecolor() == "white" and len(line.get_xdata())]
    assert [round(line.get_ydata()[0]) for line in hollow] == [2]  # the third row, update
