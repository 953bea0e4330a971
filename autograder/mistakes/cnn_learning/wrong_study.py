"""Wrong studies, choices and reports (B4 to B7)."""

from __future__ import annotations

CURVES = "curves = learning_curves(RATES, SEEDS, **size.settings)"
FINAL = "final = {rate: np.median([run.error[-1] for run in runs]) for rate, runs in curves.items()}"
BEST = "return min(final, key=final.get)"
OPEN = "test_errors = open_test_set(rate, SEEDS)"
MEAN = 'float(np.mean(test_errors))'
SPREAD = 'float(np.std(test_errors, ddof=1))'
LOOP = '''
from helpers import nn
from helpers.nn.build import steps
from helpers.train import fit

data = load_split(train=size.train, validation=size.validation, test=size.test)


def network(seed):
    settings = {"filters": size.filters, "seed": seed, "initialisation": {"scale": size.scale}}
    return nn.build(spec.changed(**settings, backend="numpy"))


curves = {}
for rate in RATES:
    curves[rate] = []
    for seed in SEEDS:
        net = network(seed)
        run = fit(net, *steps(net), data.selection(), lr=rate, epochs=size.epochs, seed=seed, progress=False)
        curves[rate].append(run)
'''

ROWS: dict[str, list[tuple[str, ...]]] = {
    "B-study": [
        ("another-rate", CURVES, "curves = {rate: learning_curves([0.1], SEEDS, **size.settings)[0.1] for rate in RATES}"),
        ("another-rate", CURVES, CURVES + "\ncurves[0.02] = curves[0.16]"),
        ("curves-identical", CURVES, CURVES + "\nfrom dataclasses import replace\n\ncurves[0.02] = [replace(run, learning_rate=[0.02] * run.epochs) for run in curves[0.16]]"),
        ("seeds-missing", CURVES, "curves = learning_curves(RATES, [0], **size.settings)"),
        ("another-seed", CURVES, "curves = learning_curves(RATES, [s + 5 for s in SEEDS], **size.settings)"),
        ("rates-missing", CURVES, "curves = learning_curves(RATES_FINE, SEEDS, **size.settings)"),
        ("not-a-list", CURVES, CURVES + "\ncurves = {rate: runs[0] for rate, runs in curves.items()}"),
        ("settings-differ | not-reproduced", CURVES, "curves = learning_curves(RATES, SEEDS, **{**size.settings, 'train': 64})"),
        ("wrong-length", CURVES, "curves = learning_curves(RATES, SEEDS, **{**size.settings, 'epochs': 1})"),
        ("not-reproduced", CURVES, "curves = learning_curves(RATES, SEEDS, **{**size.settings, 'scale': 1.0})"),
        ("not-reproduced", CURVES, CURVES + "\nfor runs in curves.values():\n    for run in runs:\n        run.test_accuracy = [min(1.0, a + 0.02) for a in run.test_accuracy]"),
        ("error-for-accuracy", CURVES, CURVES + "\nfor runs in curves.values():\n    for run in runs:\n        run.test_accuracy = run.error"),
        ("percent-for-share", CURVES, CURVES + "\nfor runs in curves.values():\n    for run in runs:\n        run.test_accuracy = [100 * a for a in run.test_accuracy]"),
        ("seed-ignored", CURVES, CURVES + "\ncurves = {rate: [runs[0]] * len(runs) for rate, runs in curves.items()}"),
        ("test-for-validation", CURVES, LOOP.replace("data.selection()", "data.final()")),
        ("another-rate", CURVES, LOOP.replace("lr=rate", "lr=0.1")),
        ("network-not-renewed", CURVES, LOOP.replace("        net = network(seed)\n", "").replace("curves = {}\n", "curves = {}\nnets = {seed: network(seed) for seed in SEEDS}\n").replace("        run = fit", "        net = nets[seed]\n        run = fit")),
        ("lists-shared | not-a-list | seeds-missing", CURVES, LOOP.replace("    curves[rate] = []\n", "    curves[rate] = everything\n").replace("curves = {}\n", "curves = {}\neverything = []\n")),
        ("seed-ignored", CURVES, LOOP.replace("seed=seed, progress", "seed=0, progress").replace("net = network(seed)", "net = network(0)")),
        ("rate-changes", CURVES, LOOP.replace("lr=rate", "lr=lambda epoch: rate / (epoch + 1)")),
        ("settings-differ", CURVES, LOOP.replace("lr=rate", "lr=rate, batch_size=32")),
        ("seed-not-reset", CURVES, LOOP.replace("net = network(seed)", "net = network(len(curves))")),
        ("not-a-dictionary", CURVES, CURVES + "\ncurves = list(curves.values())"),
    ],
    "B-choose": [
        ("seed-picked", FINAL, FINAL.replace("np.median", "min")),
        ("training-for-validation", FINAL, FINAL.replace("run.error[-1]", "run.train_loss[-1]")),
        ("first-epoch-chosen", FINAL, FINAL.replace("run.error[-1]", "run.error[0]")),
        ("chooses-the-worst", BEST, BEST.replace("min", "max")),
        ("chooses-the-worst", FINAL, FINAL.replace("run.error", "run.test_accuracy")),
        ("largest-rate-chosen", BEST, "return max(curves)"),
        ("no-comparison", BEST, "return 0.1 if 0.1 in curves else next(iter(curves))"),
        ("index-for-rate", BEST, "return int(np.argmin(list(final.values())))"),
        ("error-for-rate", BEST, "return min(final.values())"),
        ("not-one-number", BEST, "return sorted(final.items(), key=lambda item: item[1])[0]"),
        ("input-changed", FINAL, "for runs in curves.values():\n        runs.sort(key=lambda run: run.error[-1])\n    " + FINAL),
        ("smallest-rate-chosen", BEST, "return min(curves)"),
        ("raises", FINAL, FINAL.replace("run.error[-1]", "run.validation_error[-1]")),
        ("returns-none | not-one-number", BEST, "min(final, key=final.get)"),
        ("nan-wins", FINAL, FINAL.replace("run.error[-1]", "run.test_loss[-1]")),
    ],
    "B-report": [
        ("test-used-for-selection", "rate = choose_rate(curves)", "found = {r: np.mean(open_test_set(r, SEEDS)) for r in RATES_WIDE}\nrate = min(found, key=found.get)"),
        ("test-used-for-selection", OPEN, OPEN + "\nfor other in (0.02, 0.04):\n    open_test_set(other, SEEDS)"),
        ("test-opened-twice", OPEN, OPEN + "\ntest_errors = open_test_set(rate, SEEDS)"),
        ("test-opened-twice", MEAN, "float(np.mean(open_test_set(rate, SEEDS)))"),
        ("seed-picked", OPEN, "test_errors = open_test_set(rate, SEEDS[:1])"),
        ("seed-picked", OPEN, "best = min(curves[rate], key=lambda run: run.error[-1])\ntest_errors = open_test_set(rate, [best.seed])"),
        ("seed-picked", '"errors": test_errors', '"errors": [min(test_errors)]'),
        ("best-seed-reported", MEAN, "min(test_errors)"),
        ("worst-seed-reported", MEAN, "max(test_errors)"),
        ("percent-for-share", MEAN, "100 * " + MEAN),
        ("percent-for-share", '"errors": test_errors', '"errors": [100 * e for e in test_errors]'),
        ("accuracy-for-error", MEAN, "1 - " + MEAN),
        ("accuracy-for-error", OPEN, OPEN + "\ntest_errors = [1 - e for e in test_errors]"),
        ("another-rate", "rate = choose_rate(curves)", "rate = 0.01"),
        ("another-seed", OPEN, "test_errors = open_test_set(rate, [7, 8])"),
        ("variance-for-spread", SPREAD, "float(np.var(test_errors))"),
        ("spread-zero", SPREAD, "0.0"),
        ("test-not-opened", OPEN, "test_errors = [run.error[-1] for run in curves[rate]]"),
        ("errors-differ", OPEN, "open_test_set(rate, SEEDS)\ntest_errors = [run.error[-1] for run in curves[rate]]"),
        ("entry-missing", '    "mean": float(np.mean(test_errors)),\n', ""),
        ("wrong-spread", SPREAD, "max(test_errors)"),
    ],
}
