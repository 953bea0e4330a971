"""Wrong solutions of Parts A, C and F2 by somebody who had only read the notebook: (right name, old text, new text) or (right name, new cell)."""

ROWS: dict[str, list[tuple[str, ...]]] = {
    "A-parameters": [
        ("one-bias-only", "9 * filters * filters + filters", "9 * filters * filters + 1"),
        ("channels-forgotten", "9 * filters * filters + filters", "9 * filters + filters"),
        ("total-for-layers", """def parameters(filters):
    return 9 * filters + filters + 9 * filters * filters + filters + 3200 * filters + 128 + 1290
"""),
        ("bias-per-input", "5 * 5 * filters * 128 + 128", "5 * 5 * filters * 128 + 25 * filters"),
        ("returns-none", """def parameters(filters):
    print([10 * filters, 9 * filters**2 + filters, 3200 * filters + 128, 1290])
"""),
        ("wrong-window", """def parameters(filters):
    return [26 * filters, 25 * filters**2 + filters, 3200 * filters + 128, 1290]
"""),
    ],
    "A-forward": [
        ("batch-forgotten", "2 * batch *", "2 *"),
        ("channels-forgotten", "filters * filters * 9 * 11", "filters * 9 * 11"),
        ("parameters-for-flops", """def forward_flops(filters, batch):
    return [2 * batch * p for p in parameters(filters)]
"""),
        ("one-side-only", "26 * 26", "26"),
        ("additions-counted-exactly", "2 * batch * filters * 1 * 9 * 26 * 26", "(9 + 8) * batch * filters * 26 * 26"),
        ("in-giga", """def forward_flops(filters, batch):
    F, N = filters, batch
    return [x / 1e9 for x in (12168 * N * F, 2178 * N * F * F, 6400 * N * F, 2560 * N)]
"""),
    ],
    "A-step": [
        ("gradient-of-the-images", "2 * first", "3 * first"),
        ("one-backward-only", "(3 * flops", "(2 * flops"),
        ("backward-only", "[2 * first, *(3 * flops", "[1 * first, *(2 * flops"),
        ("forward-only", """def step_flops(filters, batch):
    return forward_flops(filters, batch)
"""),
        ("total-for-layers", "return [2 * first, *(3 * flops for flops in others)]", "return 2 * first + 3 * sum(others)"),
        ("wrong-shape", """def step_flops(filters, batch):
    return forward_flops(filters, batch) * 3
"""),
        ("batch-squared", "return [2 * first, *(3 * flops for flops in others)]", "return [batch * x for x in (2 * first, *(3 * flops for flops in others))]"),
        ("arguments-exchanged", "forward_flops(filters, batch)", "forward_flops(batch, filters)"),
    ],
    "C-rows": [
        ("wrong-threads", '"threads": THREADS', '"threads": 99'),
        ("threads-unknown", '"threads": THREADS', '"threads": None'),
        ("hardware-written-in", '"hardware": prepared.hardware', '"hardware": "GPU"'),
        ("forward-only", "sum(step_flops(filters, batch))", "sum(forward_flops(filters, batch))"),
        ("layers-for-total", "sum(step_flops(filters, batch))", "step_flops(filters, batch)"),
        ("batch-forgotten", "sum(step_flops(filters, batch))", "sum(step_flops(filters, 1))"),
        ("counts-exchanged", """        "parameters": sum(parameters(filters)),
        "flops": sum(step_flops(filters, batch)),
""", """        "flops": sum(parameters(filters)),
        "parameters": sum(step_flops(filters, batch)),
"""),
        ("wrong-parameters", "sum(parameters(filters))", "sum(parameters(filters)[:2])"),
        ("per-image", "**timing", '**timing, **{k: timing[k] / batch for k in ("seconds", "low", "high")}'),
        ("all-rounds", "**timing", '**timing, **{k: timing[k] * ROUNDS for k in ("seconds", "low", "high")}'),
        ("prepare-not-called", """def measure_row(filters, name, batch=BATCH):
    point = min(study.recorded(name), key=lambda point: abs(point.filters - filters))
    counts = {"parameters": sum(parameters(filters)), "flops": sum(step_flops(filters, batch))}
    return {**point.as_json(), "filters": filters, "batch": batch, "device": "cpu", "recorded": False, "hardware": CPU, "rounds": ROUNDS, **counts}
"""),
        ("filters-not-handed-on", "prepare(filters, name, batch)", "prepare(8, name, batch)"),
        ("wrong-label", '"filters": filters,', '"filters": 8,'),
        ("rounded", "**timing", '**timing, **{k: round(timing[k], 3) for k in ("seconds", "low", "high")}'),
        ("wrong-flops", "sum(step_flops(filters, batch))", "sum(step_flops(filters, 128))"),
    ],
}
