"""Wrong solutions of B1 to B3 by somebody who had only read the notebook."""

LOOP = """losses, errors = train(network, split, lr=0.1, epochs=size.own_epochs)"""

ROWS: dict[str, list[tuple[str, ...]]] = {
    "B-error": [
        ("accuracy-for-error", "!= labels", "== labels"),
        ("percent-for-share", "return float(np.mean(", "return 100 * float(np.mean("),
        ("count-for-share", "float(np.mean(", "float(np.sum("),
        ("raises", "axis=1", "axis=0"),
        ("argmin", "np.argmax", "np.argmin"),
        ("all-wrong", "np.argmax(network.forward(images), axis=1) != labels", "np.max(network.forward(images), axis=1) != labels"),
        ("evaluate-trains", "    return", "    network.forward(images)\n    network.backward(labels)\n    network.update(0.01)\n    return"),
        ("some-images-only", "    return", "    images, labels = images[:10], labels[:10]\n    return"),
        ("raises", "network.forward(images), axis=1) != labels", "network.forward(split.validation_images), axis=1) != split.validation_labels"),
        ("loss-for-error", "float(np.mean(np.argmax(network.forward(images), axis=1) != labels))", "float(cross_entropy(network.forward(images), labels))"),
        ("rounded", "float(np.mean(np.argmax(network.forward(images), axis=1) != labels))", "float(np.sum(np.argmax(network.forward(images), axis=1) != labels) / 10)"),
        ("rounded", "float(np.mean(np.argmax(network.forward(images), axis=1) != labels))", "round(np.mean(np.argmax(network.forward(images), axis=1) != labels), 1)"),
        ("differs", "float(np.mean(np.argmax(network.forward(images), axis=1) != labels))", "float(np.mean(np.argmax(network.forward(images), axis=1) - labels))"),
        ("unweighted-mean", "float(np.mean(np.argmax(network.forward(images), axis=1) != labels))", "float(np.mean([np.mean(np.argmax(network.forward(images[i : i + 3]), axis=1) != labels[i : i + 3]) for i in range(0, len(labels), 3)]))"),
        ("not-one-number", "float(np.mean(np.argmax(network.forward(images), axis=1) != labels))", "np.argmax(network.forward(images), axis=1) != labels"),
        ("evaluate-trains", "    return", "    for layer in network.layers:\n        if hasattr(layer, 'bias'):\n            layer.bias = layer.bias * 0\n    return"),
        ("returns-none", "return float", "print"),
        ("input-changed", "    return", "    labels.sort()\n    return"),
    ],
    "B-train": [
        ("ragged-batch-skipped", "range(0, len(images), batch_size)", "range(0, len(images) - batch_size + 1, batch_size)"),
        ("last-batch-counted-full", "* len(batch)", "* batch_size"),
        ("constant-factor", "        losses.append(total / len(images))", "        losses.append(total / len(batch) / math.ceil(len(images) / batch_size))"),
        ("unweighted-mean", "* len(batch)", "* len(images) / math.ceil(len(images) / batch_size)"),
        ("loss-divided-twice", "losses.append(total / len(images))", "losses.append(total / len(images) / batch_size)"),
        ("last-batch-loss", "total += float(cross_entropy(probabilities, labels[batch])) * len(batch)", "total = float(cross_entropy(probabilities, labels[batch])) * len(images)"),
        ("loss-summed", "losses.append(total / len(images))", "losses.append(total)"),
        ("losses-not-reset", "        total = 0.0\n", "        total = locals().get('total', 0.0)\n"),
        ("loss-after-update", """            total += float(cross_entropy(probabilities, labels[batch])) * len(batch)
            network.backward(labels[batch])
            network.update(lr)""", """            network.backward(labels[batch])
            network.update(lr)
            total += float(cross_entropy(network.forward(images[batch]), labels[batch])) * len(batch)"""),
        ("loss-after-training", "losses.append(total / len(images))", "losses.append(float(cross_entropy(network.forward(images), labels)))"),
        ("same-order-every-epoch", "epoch_order(len(images), epoch, seed)", "epoch_order(len(images), 0, seed)"),
        ("seed-not-passed", "epoch_order(len(images), epoch, seed)", "epoch_order(len(images), epoch)"),
        ("order-ignored", "epoch_order(len(images), epoch, seed)", "np.arange(len(images))"),
        ("shuffles-itself", "epoch_order(len(images), epoch, seed)", "np.random.permutation(len(images))"),
        ("epochs-from-one", "for epoch in range(epochs)", "for epoch in range(1, epochs + 1)"),
        ("labels-not-ordered", "labels[batch]", "labels[start : start + batch_size]"),
        ("differs", "batch = order[start : start + batch_size]", "batch = np.random.default_rng(start).choice(order, min(batch_size, len(images) - start))"),
        ("test-for-validation", "split.validation_images, split.validation_labels", "split.test_images, split.test_labels"),
        ("training-for-validation", "split.validation_images, split.validation_labels", "images, labels"),
        ("wrong-length", """        order = epoch_order(len(images), epoch, seed)
""", """        order = epoch_order(len(images), epoch, seed)
        errors.append(error_rate(network, split.validation_images, split.validation_labels))
"""),
        ("trained-on-validation", "    images, labels = split.train_images, split.train_labels", "    images = np.concatenate([split.train_images, split.validation_images])\n    labels = np.concatenate([split.train_labels, split.validation_labels])"),
        ("rate-ignored", "network.update(lr)", "network.update(0.1)"),
        ("rate-decays", "network.update(lr)", "network.update(lr / (epoch + 1))"),
        ("batch-size-ignored", "    losses, errors = [], []", "    batch_size = 64\n    losses, errors = [], []"),
        ("no-update", "            network.update(lr)\n", ""),
        ("update-after-loop", "            network.update(lr)\n        losses", "        network.update(lr)\n        losses"),
        ("differs", """            network.backward(labels[batch])
            network.update(lr)
""", """            if start:
                network.update(lr)
            network.backward(labels[batch])
"""),
        ("only-first-batch", "        losses.append(total / len(images))", "            break\n        losses.append(total / len(images))"),
        ("stops-early", "    return losses, errors", "        if len(errors) > 1 and errors[-1] >= errors[-2]:\n            break\n    return losses, errors"),
        ("sorted", "    return losses, errors", "    return sorted(losses, reverse=True), sorted(errors, reverse=True)"),
        ("best-so-far", "errors.append(error_rate(network, split.validation_images, split.validation_labels))", "errors.append(min([error_rate(network, split.validation_images, split.validation_labels), *errors]))"),
        ("smoothed", "losses.append(total / len(images))", "losses.append(total / len(images) if not losses else 0.5 * losses[-1] + 0.5 * total / len(images))"),
        ("pair-swapped", "    return losses, errors", "    return errors, losses"),
        ("not-a-pair", "    return losses, errors", "    return losses"),
        ("not-a-pair", "    return losses, errors", "    return losses[-1], errors[-1]"),
        ("accuracy-for-error", "error_rate(network, split.validation_images, split.validation_labels)", "1 - error_rate(network, split.validation_images, split.validation_labels)"),
        ("return-in-loop", "    return losses, errors", "        return losses, errors"),
        ("raises", "    images, labels = split.train_images, split.train_labels", "    network = build(layers, image, seed)\n    images, labels = split.train_images, split.train_labels"),
        ("images-changed", "    images, labels = split.train_images, split.train_labels", "    images, labels = split.train_images / 255, split.train_labels"),
        ("raises", "def train(network, split, lr, epochs, batch_size=64, seed=0):", "whole = split\n\n\ndef train(network, split, lr, epochs, batch_size=64, seed=0):\n    split = whole"),
        ("lists-shared", "    losses, errors = [], []\n", "    losses, errors = train.__dict__.setdefault('kept', ([], []))\n"),
        ("one-entry-a-batch", "            network.update(lr)\n", "            network.update(lr)\n            errors.append(error_rate(network, split.validation_images, split.validation_labels))\n"),
    ],
    "B-own": [
        ("another-rate", "lr=0.1", "lr=0.05"),
        ("wrong-length", "epochs=size.own_epochs", "epochs=size.own_epochs + 1"),
        ("another-seed", "seed=0)", "seed=1)"),
        ("not-reproduced", LOOP, "losses = [2.3 * 0.5**e for e in range(size.own_epochs)]\nerrors = [0.5 * 0.5**e for e in range(size.own_epochs)]"),
        ("not-reproduced", LOOP, "losses, errors = [1.9, 0.8], [0.41, 0.2]"),
        ("not-reproduced", "network = build(layers, image, seed=0)\nlosses, errors = train(network, split, lr=0.1, epochs=size.own_epochs)", "losses, errors = [2.2] * size.own_epochs, [0.8, 0.7, 0.6][: size.own_epochs]"),
        ("not-reproduced", LOOP, LOOP + "\n" + LOOP),
        ("percent-for-share", "losses, errors = train", "errors, losses = train"),
        ("still-to-do", LOOP, "train(network, split, lr=0.1, epochs=size.own_epochs)"),
        ("not-reproduced", LOOP, LOOP + "\nerrors = [e * 0.9 for e in errors]"),
        ("not-reproduced", LOOP, LOOP + "\nerrors = [errors[0], errors[-1] - 0.02]"),
        ("not-reproduced", "epochs=size.own_epochs)", "epochs=size.own_epochs, batch_size=32)"),
        ("not-reproduced", "epochs=size.own_epochs)", "epochs=size.own_epochs, seed=3)"),
        ("not-reproduced", "seed=0)", "seed=0, scale=0.5)"),
        ("wrong-length", LOOP, "losses, errors = 1.2, 0.3"),
        ("not-an-array", LOOP, "losses, errors = 'falling', 'falling too'"),
    ],
}
