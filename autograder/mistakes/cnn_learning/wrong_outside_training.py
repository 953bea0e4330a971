"""Wrong solutions of B1 to B3 by somebody who had only read the notebook."""

LOOP = """losses, errors = train(network, split, lr=0.1, epochs=size.own_epochs)"""

ROWS: dict[str, list[tuple[str, ...]]] = {
    "B-error": [
        ("accuracy", "!= labels", "== labels"),
        ("percent", "return float(np.mean(", "return 100 * float(np.mean("),
        ("count", "float(np.mean(", "float(np.sum("),
        ("axis", "axis=1", "axis=0"),
        ("minimum", "np.argmax", "np.argmin"),
        ("top-probability", "np.argmax(network.forward(images), axis=1) != labels", "np.max(network.forward(images), axis=1) != labels"),
        ("updates", "    return", "    network.forward(images)\n    network.backward(labels)\n    network.update(0.01)\n    return"),
        ("one-batch", "    return", "    images, labels = images[:10], labels[:10]\n    return"),
        ("global", "network.forward(images), axis=1) != labels", "network.forward(split.validation_images), axis=1) != split.validation_labels"),
        ("loss", "float(np.mean(np.argmax(network.forward(images), axis=1) != labels))", "float(cross_entropy(network.forward(images), labels))"),
        ("divided-by-classes", "float(np.mean(np.argmax(network.forward(images), axis=1) != labels))", "float(np.sum(np.argmax(network.forward(images), axis=1) != labels) / 10)"),
        ("rounded", "float(np.mean(np.argmax(network.forward(images), axis=1) != labels))", "round(np.mean(np.argmax(network.forward(images), axis=1) != labels), 1)"),
        ("difference", "float(np.mean(np.argmax(network.forward(images), axis=1) != labels))", "float(np.mean(np.argmax(network.forward(images), axis=1) - labels))"),
        ("batches-averaged", "float(np.mean(np.argmax(network.forward(images), axis=1) != labels))", "float(np.mean([np.mean(np.argmax(network.forward(images[i : i + 3]), axis=1) != labels[i : i + 3]) for i in range(0, len(labels), 3)]))"),
        ("array", "float(np.mean(np.argmax(network.forward(images), axis=1) != labels))", "np.argmax(network.forward(images), axis=1) != labels"),
        ("weights-zeroed", "    return", "    for layer in network.layers:\n        if hasattr(layer, 'bias'):\n            layer.bias = layer.bias * 0\n    return"),
        ("printed", "return float", "print"),
        ("labels-sorted", "    return", "    labels.sort()\n    return"),
    ],
    "B-train": [
        ("last-batch-dropped", "range(0, len(images), batch_size)", "range(0, len(images) - batch_size + 1, batch_size)"),
        ("divided-by-batches", "* len(batch)", "* batch_size"),
        ("unweighted", "        losses.append(total / len(images))", "        losses.append(total / len(batch) / math.ceil(len(images) / batch_size))"),
        ("mean-of-batches", "* len(batch)", "* len(images) / math.ceil(len(images) / batch_size)"),
        ("divided-twice", "losses.append(total / len(images))", "losses.append(total / len(images) / batch_size)"),
        ("last-batch-only", "total += float(cross_entropy(probabilities, labels[batch])) * len(batch)", "total = float(cross_entropy(probabilities, labels[batch])) * len(images)"),
        ("summed", "losses.append(total / len(images))", "losses.append(total)"),
        ("total-not-reset", "        total = 0.0\n", "        total = locals().get('total', 0.0)\n"),
        ("loss-after-update", """            total += float(cross_entropy(probabilities, labels[batch])) * len(batch)
            network.backward(labels[batch])
            network.update(lr)""", """            network.backward(labels[batch])
            network.update(lr)
            total += float(cross_entropy(network.forward(images[batch]), labels[batch])) * len(batch)"""),
        ("loss-at-end", "losses.append(total / len(images))", "losses.append(float(cross_entropy(network.forward(images), labels)))"),
        ("same-order", "epoch_order(len(images), epoch, seed)", "epoch_order(len(images), 0, seed)"),
        ("seed-ignored", "epoch_order(len(images), epoch, seed)", "epoch_order(len(images), epoch)"),
        ("no-shuffle", "epoch_order(len(images), epoch, seed)", "np.arange(len(images))"),
        ("own-shuffle", "epoch_order(len(images), epoch, seed)", "np.random.permutation(len(images))"),
        ("epoch-from-one", "for epoch in range(epochs)", "for epoch in range(1, epochs + 1)"),
        ("labels-not-shuffled", "labels[batch]", "labels[start : start + batch_size]"),
        ("with-replacement", "batch = order[start : start + batch_size]", "batch = np.random.default_rng(start).choice(order, min(batch_size, len(images) - start))"),
        ("test-images", "split.validation_images, split.validation_labels", "split.test_images, split.test_labels"),
        ("training-error", "split.validation_images, split.validation_labels", "images, labels"),
        ("error-before", """        order = epoch_order(len(images), epoch, seed)
""", """        order = epoch_order(len(images), epoch, seed)
        errors.append(error_rate(network, split.validation_images, split.validation_labels))
"""),
        ("trains-on-validation", "    images, labels = split.train_images, split.train_labels", "    images = np.concatenate([split.train_images, split.validation_images])\n    labels = np.concatenate([split.train_labels, split.validation_labels])"),
        ("lr-fixed", "network.update(lr)", "network.update(0.1)"),
        ("lr-decays", "network.update(lr)", "network.update(lr / (epoch + 1))"),
        ("batch-fixed", "    losses, errors = [], []", "    batch_size = 64\n    losses, errors = [], []"),
        ("update-missing", "            network.update(lr)\n", ""),
        ("update-per-epoch", "            network.update(lr)\n        losses", "        network.update(lr)\n        losses"),
        ("update-first", """            network.backward(labels[batch])
            network.update(lr)
""", """            if start:
                network.update(lr)
            network.backward(labels[batch])
"""),
        ("one-batch", "        losses.append(total / len(images))", "            break\n        losses.append(total / len(images))"),
        ("stops-early", "    return losses, errors", "        if len(errors) > 1 and errors[-1] >= errors[-2]:\n            break\n    return losses, errors"),
        ("sorted", "    return losses, errors", "    return sorted(losses, reverse=True), sorted(errors, reverse=True)"),
        ("best-kept", "errors.append(error_rate(network, split.validation_images, split.validation_labels))", "errors.append(min([error_rate(network, split.validation_images, split.validation_labels), *errors]))"),
        ("smoothed", "losses.append(total / len(images))", "losses.append(total / len(images) if not losses else 0.5 * losses[-1] + 0.5 * total / len(images))"),
        ("swapped", "    return losses, errors", "    return errors, losses"),
        ("only-losses", "    return losses, errors", "    return losses"),
        ("last-only", "    return losses, errors", "    return losses[-1], errors[-1]"),
        ("accuracy", "error_rate(network, split.validation_images, split.validation_labels)", "1 - error_rate(network, split.validation_images, split.validation_labels)"),
        ("return-inside", "    return losses, errors", "        return losses, errors"),
        ("dead-network", "    images, labels = split.train_images, split.train_labels", "    network = build(layers, image, seed)\n    images, labels = split.train_images, split.train_labels"),
        ("images-scaled", "    images, labels = split.train_images, split.train_labels", "    images, labels = split.train_images / 255, split.train_labels"),
        ("globals", "def train(network, split, lr, epochs, batch_size=64, seed=0):", "whole = split\n\n\ndef train(network, split, lr, epochs, batch_size=64, seed=0):\n    split = whole"),
        ("shared-lists", "def train(network, split, lr, epochs, batch_size=64, seed=0):", "losses, errors = [], []\n\n\ndef train(network, split, lr, epochs, batch_size=64, seed=0, losses=losses, errors=errors):"),
        ("validated-each-batch", "            network.update(lr)\n", "            network.update(lr)\n            errors.append(error_rate(network, split.validation_images, split.validation_labels))\n"),
    ],
    "B-own": [
        ("wrong-rate", "lr=0.1", "lr=0.05"),
        ("wrong-epochs", "epochs=size.own_epochs", "epochs=size.own_epochs + 1"),
        ("wrong-seed", "seed=0)", "seed=1)"),
        ("made-up", LOOP, "losses = [2.3 * 0.5**e for e in range(size.own_epochs)]\nerrors = [0.5 * 0.5**e for e in range(size.own_epochs)]"),
        ("typed", LOOP, "losses, errors = [1.9, 0.8], [0.41, 0.2]"),
        ("the-course's", "network = build(layers, image, seed=0)\nlosses, errors = train(network, split, lr=0.1, epochs=size.own_epochs)", "losses, errors = [2.2] * size.own_epochs, [0.8, 0.7, 0.6][: size.own_epochs]"),
        ("trained-on", LOOP, LOOP + "\n" + LOOP),
        ("swapped", "losses, errors = train", "errors, losses = train"),
        ("none", LOOP, "train(network, split, lr=0.1, epochs=size.own_epochs)"),
        ("smoothed", LOOP, LOOP + "\nerrors = [e * 0.9 for e in errors]"),
        ("error-improved", LOOP, LOOP + "\nerrors = [errors[0], errors[-1] - 0.02]"),
        ("batch", "epochs=size.own_epochs)", "epochs=size.own_epochs, batch_size=32)"),
        ("order-seed", "epochs=size.own_epochs)", "epochs=size.own_epochs, seed=3)"),
        ("small-weights", "seed=0)", "seed=0, scale=0.5)"),
        ("numbers", LOOP, "losses, errors = 1.2, 0.3"),
        ("text", LOOP, "losses, errors = 'falling', 'falling too'"),
    ],
}
