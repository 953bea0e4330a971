"""Wrong errors, loops and runs (B1 to B3)."""

from __future__ import annotations

ERROR = "return float(np.mean(np.argmax(network.forward(images), axis=1) != labels))"
TAKE = "            batch = order[start : start + batch_size]\n"
STEPS = "            network.backward(labels[batch])\n            network.update(lr)\n"
TOTAL = "            total += float(cross_entropy(probabilities, labels[batch])) * len(batch)\n"
KEEP = "        losses.append(total / len(images))\n"
ERRORS = "        errors.append(error_rate(network, split.validation_images, split.validation_labels))\n"
ORDER = "        order = epoch_order(len(images), epoch, seed)\n"
WHOLE_EPOCH = (
    ORDER + "        total = 0.0\n        for start in range(0, len(images), batch_size):\n" + TAKE
    + "            probabilities = network.forward(images[batch])\n" + TOTAL + STEPS + KEEP + ERRORS
)  # fmt: skip
RUN = "losses, errors = train(network, split, lr=0.1, epochs=size.own_epochs)"

ROWS: dict[str, list[tuple[str, ...]]] = {
    "B-error": [
        ("accuracy-for-error", ERROR, ERROR.replace("!=", "==")),
        ("percent-for-share", ERROR, ERROR.replace("float(", "100 * float(")),
        ("count-for-share", ERROR, ERROR.replace("np.mean", "np.sum")),
        ("loss-for-error", ERROR, "return float(cross_entropy(network.forward(images), labels))"),
        ("argmin", ERROR, ERROR.replace("argmax", "argmin")),
        ("compared-with-all", ERROR, ERROR.replace("axis=1) !=", "axis=1)[:, None] !=")),
        ("divided-by-a-number", ERROR, "return float(np.sum(np.argmax(network.forward(images), axis=1) != labels)) / 10_000"),
        ("some-images-only", ERROR, ERROR.replace("(images)", "(images[:64])").replace("labels", "labels[:64]")),
        ("unweighted-mean", ERROR, "return float(np.mean([np.mean(np.argmax(network.forward(images[i : i + 64]), axis=1) != labels[i : i + 64]) for i in range(0, len(images), 64)]))"),
        ("evaluate-trains", ERROR, "wrong = np.argmax(network.forward(images), axis=1) != labels\n    network.backward(labels)\n    network.update(0.1)\n    return float(np.mean(wrong))"),
        ("probability-for-answer", ERROR, "p = network.forward(images)\n    return float(1 - np.mean(p[np.arange(len(labels)), labels]))"),
        ("raises", ERROR, ERROR.replace("images", "split.validation_images")),
    ],
    "B-train": [
        ("accuracy-for-error", ERRORS, ERRORS.replace("error_rate(network, split.validation_images, split.validation_labels)", "1 - error_rate(network, split.validation_images, split.validation_labels)")),
        ("percent-for-share", ERRORS, ERRORS.replace("error_rate(", "100 * error_rate(")),
        ("training-for-validation", ERRORS, ERRORS.replace("validation", "train")),
        ("test-for-validation", ERRORS, ERRORS.replace("validation", "test")),
        ("error-before-epoch", WHOLE_EPOCH, ERRORS + WHOLE_EPOCH.replace(ERRORS, "")),
        ("last-batch-loss", TOTAL + STEPS + KEEP, STEPS + "        losses.append(float(cross_entropy(probabilities, labels[batch])))\n"),
        ("unweighted-mean", TOTAL + STEPS + KEEP, TOTAL.replace(" * len(batch)", "") + STEPS + KEEP.replace("len(images)", "math.ceil(len(images) / batch_size)")),
        ("loss-divided-twice", TOTAL, TOTAL.replace(" * len(batch)", "")),
        ("loss-divided-twice", KEEP, KEEP.replace("len(images)", "len(images) / batch_size")),
        ("last-batch-counted-full", TOTAL, TOTAL.replace("len(batch)", "batch_size")),
        ("loss-summed", KEEP, KEEP.replace(" / len(images)", "")),
        ("losses-not-reset", "    losses, errors = [], []\n    for epoch in range(epochs):\n" + ORDER + "        total = 0.0\n", "    losses, errors, total = [], [], 0.0\n    for epoch in range(epochs):\n" + ORDER),
        ("ragged-batch-skipped", "range(0, len(images), batch_size)", "range(0, len(images) - batch_size + 1, batch_size)"),
        ("order-ignored", ORDER, "        order = np.arange(len(images))\n"),
        ("same-order-every-epoch", ORDER, ORDER.replace("epoch, seed", "0, seed")),
        ("epochs-from-one", ORDER, ORDER.replace("epoch, seed", "epoch + 1, seed")),
        ("seed-not-passed", ORDER, ORDER.replace("epoch, seed", "epoch")),
        ("labels-not-ordered", TOTAL + STEPS, TOTAL + STEPS.replace("labels[batch]", "labels[start : start + batch_size]")),
        ("batches-overlap", "range(0, len(images), batch_size)", "range(len(images))"),
        ("one-image-at-a-time", "    images, labels =", "    batch_size = 1\n    images, labels ="),
        ("batch-size-ignored", "    images, labels =", "    batch_size = 64\n    images, labels ="),
        ("first-batch-skipped", "range(0, len(images), batch_size)", "range(batch_size, len(images), batch_size)"),
        ("only-first-batch", STEPS, STEPS + "            break\n"),
        ("no-update", STEPS, "            network.backward(labels[batch])\n"),
        ("update-after-loop", STEPS + KEEP, "            network.backward(labels[batch])\n        network.update(lr)\n" + KEEP),
        ("update-before-backward | raises | not-updated | weight-not-updated", STEPS, "            if start or epoch:\n                network.update(lr)\n            network.backward(labels[batch])\n"),
        ("backward-twice | updated-twice", STEPS, STEPS + "            network.update(lr)\n"),
        ("rate-divided", STEPS, STEPS.replace("(lr)", "(lr / batch_size)")),
        ("rate-divided", STEPS, STEPS.replace("(lr)", "(lr / len(batch))")),
        ("rate-ignored", STEPS, STEPS.replace("(lr)", "(0.1)")),
        ("rate-decays", STEPS, STEPS.replace("(lr)", "(lr / (epoch + 1))")),
        ("trained-on-test", "images, labels = split.train_images, split.train_labels", "images, labels = split.test_images, split.test_labels"),
        ("trained-on-validation", "images, labels = split.train_images, split.train_labels", "images, labels = split.validation_images, split.validation_labels"),
        ("one-entry-a-batch", TOTAL + STEPS + KEEP, STEPS + "            losses.append(float(cross_entropy(probabilities, labels[batch])))\n"),
        ("return-in-loop | one-epoch-only", "    return losses, errors", "        return losses, errors"),
        ("not-a-pair", "    return losses, errors", "    return errors"),
        ("validation-for-training", KEEP, "        losses.append(float(cross_entropy(network.forward(split.validation_images), split.validation_labels)))\n"),
        ("loss-after-training", KEEP, "        losses.append(float(cross_entropy(network.forward(images), labels)))\n"),
    ],
    "B-own": [
        ("another-rate", RUN, RUN.replace("0.1", "0.01")),
        ("another-seed", "build(layers, image, seed=0)", "build(layers, image, seed=1)"),
        ("not-reproduced", RUN, "train(network, split, lr=0.1, epochs=1)\n" + RUN),
        ("wrong-length", RUN, RUN.replace("size.own_epochs", "1")),
        ("still-to-do", RUN, "train(network, split, lr=0.1, epochs=size.own_epochs)"),
        ("not-reproduced", "build(layers, image, seed=0)", "build(layers, image, seed=0, scale=0.5)"),
        ("not-reproduced | loss-rises", RUN, "losses, errors = [2.1, 0.4], [0.2, 0.1]"),
        ("percent-for-share", RUN, RUN + "\nerrors = [100 * e for e in errors]"),
        ("curves-identical", RUN, RUN + "\nlosses = errors"),
    ],
}
