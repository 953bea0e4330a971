"""Wrong networks (A7)."""

from __future__ import annotations

WALK = """        gradient = cross_entropy_gradient(self.probabilities, labels)
        for layer in reversed(self.layers[:-1]):
            gradient = layer.backward(gradient)"""
FORWARD = """        for layer in self.layers:
            x = layer.forward(x)
        self.probabilities = x
        return x"""
UPDATE = """        for layer in self.layers:
            if hasattr(layer, "weight"):
                layer.update(lr)"""

ROWS: dict[str, list[tuple[str, ...]]] = {
    "A-network": [
        ("same-seed-everywhere", "seed=[seed, trained]", "seed=seed"),
        ("same-seed-everywhere", "        trained += parameters > 0\n", ""),
        ("seed-ignored", "seed=[seed, trained]", "seed=trained"),
        ("scale-ignored", ", scale=scale))\n        elif kind == \"max_pool\"", "))\n        elif kind == \"max_pool\""),
        ("scale-ignored", "layer[\"units\"], seed=[seed, trained], scale=scale)", "layer[\"units\"], seed=[seed, trained])"),
        ("raises | wrong-layer-size", "made.append(Flatten())", "pass"),
        ("wrong-layer-size", "Conv(shape[0], layer[\"filters\"]", "Conv(image[0], layer[\"filters\"]"),
        ("wrong-layer-size", "Dense(math.prod(shape), layer[\"units\"]", "Dense(shape[0], layer[\"units\"]"),
        ("wrong-layer-size | raises", "        shape = out\n    return Network(made)", "    return Network(made)"),
        ("activation-missing", "        else:\n            made.append(", "        elif kind != \"relu\":\n            made.append("),
        ("softmax-missing", "    return Network(made)", "    return Network(made[:-1] + [type('Nothing', (), {'forward': lambda self, x: x})()])"),
        ("returns-none", "    return Network(made)", "    Network(made)"),
        ("input-changed", "    made = []", "    made = []\n    layers.insert(1, layers.pop(1))\n    layers[0][\"done\"] = True"),
        ("layers-shared", "    made = []\n", "    made = build.made = getattr(build, 'made', [])\n"),
        ("through-softmax-twice", WALK, WALK.replace("self.layers[:-1]", "self.layers")),
        ("gradient-from-logits | raises", "        self.probabilities = x\n        return x", "        return x", ),
        ("gradient-not-averaged", WALK, WALK.replace("(self.probabilities, labels)", "(self.probabilities, labels) * len(labels)")),
        ("gradient-averaged-twice", WALK, WALK.replace("(self.probabilities, labels)", "(self.probabilities, labels) / len(labels)")),
        ("gradient-sign", WALK, WALK.replace("gradient = cross", "gradient = -cross")),
        ("activation-backward-skipped", WALK, WALK.replace("            gradient = layer", "            if isinstance(layer, ReLU):\n                continue\n            gradient = layer")),
        ("layer-not-reached", WALK, WALK.replace("self.layers[:-1]", "self.layers[1:-1]")),
        ("raises", WALK, WALK.replace("reversed(self.layers[:-1])", "self.layers[:-1]")),
        ("backward-updates", WALK, WALK + "\n            if hasattr(layer, 'weight'):\n                layer.update(0.1)"),
        ("update-before-backward | backward-updates", WALK, WALK.replace("            gradient = layer", "            if hasattr(layer, 'grad_weight'):\n                layer.update(0.1)\n            gradient = layer")),
        ("keeps-state", WALK, "        gradient = cross_entropy_gradient(self.probabilities, labels)\n        self.back = getattr(self, 'back', None) or self.layers[:-1]\n        while self.back:\n            gradient = self.back.pop().backward(gradient)\n        self.back = [self.layers[0]]"),
        ("not-updated | weight-not-updated", UPDATE, "        pass"),
        ("only-some-updated", UPDATE, UPDATE.replace('hasattr(layer, "weight")', "isinstance(layer, Dense)")),
        ("only-some-updated", UPDATE, UPDATE + "\n                return"),
        ("rate-ignored", UPDATE, UPDATE.replace("update(lr)", "update(0.01)")),
        ("updated-twice", UPDATE, UPDATE + "\n                layer.update(lr)"),
        ("raises", UPDATE, UPDATE.replace('            if hasattr(layer, "weight"):\n                layer', "            layer")),
        ("activation-before-softmax", FORWARD, FORWARD.replace("            x = layer.forward(x)", "            if layer is self.layers[-1]:\n                x = np.maximum(x, 0)\n            x = layer.forward(x)")),
    ],
}
