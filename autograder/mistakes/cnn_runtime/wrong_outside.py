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
        ("not-a-list-of-rows", "rows += gpu_rows", "rows.append(gpu_rows)"),
        ("row-twice", "rows += gpu_rows", "rows += gpu_rows + gpu_rows"),
        ("wrongly-marked", "rows += gpu_rows", 'rows += [{**row, "predicted": False, "recorded": True} for row in gpu_rows]'),
        ("cpu-run-labelled-gpu", "rows += gpu_rows", 'rows += [{**measure_row(f, "torch"), "backend": "cuda"} for f in (8, 16, 32, 64, 128, 256)]'),
        ("copied-from-another-backend", """for name, sizes in FILTERS.items():
    for filters in sizes:
        rows.append(measure_row(filters, name))
""", """for filters in FILTERS["numpy"]:
    rows.append(measure_row(filters, "numpy"))
rows += [{**row, "backend": "torch"} for row in rows]
"""),
        ("computed-not-measured", """    for filters in sizes:
        rows.append(measure_row(filters, name))
""", """    one = measure_row(8, name)
    for filters in sizes:
        times = sum(step_flops(filters, BATCH)) / one["flops"]
        rows.append({**one, "filters": filters, "parameters": sum(parameters(filters)), "flops": sum(step_flops(filters, BATCH)),
                     **{k: one[k] * times for k in ("seconds", "low", "high")}})
"""),
        ("no-spread", """for name, sizes in FILTERS.items():
    for filters in sizes:
        rows.append(measure_row(filters, name))
""", """for name, sizes in FILTERS.items():
    for filters, ms in zip(sizes, (2, 5, 12, 40)):
        rows.append({"filters": filters, "backend": name, "batch": BATCH, "parameters": sum(parameters(filters)), "flops": sum(step_flops(filters, BATCH)),
                     "hardware": CPU, "threads": 1, "seconds": ms / 1e3, "low": ms / 1e3, "high": ms / 1e3, "rounds": ROUNDS, "device": "cpu"})
"""),
        ("recorded-as-measured", """for name, sizes in FILTERS.items():
    for filters in sizes:
        rows.append(measure_row(filters, name))
""", """for name, sizes in FILTERS.items():
    for point in study.recorded(name):
        if point.filters in sizes and point.batch == 64:
            rows.append({**point.as_json(), "device": "cpu", "recorded": False, "hardware": CPU, "rounds": ROUNDS, "batch": BATCH, "flops": sum(step_flops(point.filters, BATCH))})
"""),
        ("filters-not-handed-on", "prepare(filters, name, batch)", "prepare(8, name, batch)"),
        ("wrong-label", '"filters": filters,', '"filters": 8,'),
        ("rounded", "**timing", '**timing, **{k: round(timing[k], 3) for k in ("seconds", "low", "high")}'),
        ("not-in-order", "rows += gpu_rows", 'rows[1]["seconds"] = rows[0]["seconds"] * 2\nrows += gpu_rows'),
        ("wrong-flops", "sum(step_flops(filters, batch))", "sum(step_flops(filters, 128))"),
    ],
    "F-batch": [
        ("not-divided", 'row["seconds"] / row["batch"]', 'row["seconds"]'),
        ("upside-down", 'row["seconds"] / row["batch"]', 'row["batch"] / row["seconds"]'),
        ("wrong-unit", 'row["seconds"] / row["batch"]', '1e3 * row["seconds"] / row["batch"]'),
        ("multiplied-for-divided", 'row["seconds"] / row["batch"]', 'row["seconds"] * row["batch"]'),
        ("computed-not-measured", "[measure_row(8, name, batch) for batch in BATCHES]", '[{**one, "batch": batch, "flops": sum(step_flops(8, batch)), "seconds": one["seconds"] * batch, "low": one["low"] * batch, "high": one["high"] * batch} for one in [measure_row(8, name, 1)] for batch in BATCHES]'),
        ("other-backend", "    per_image[name] =", '    per_image["numpy"] = per_image["torch"] ='),
        ("size-not-reaching", "measure_row(8, name, batch)", '{**measure_row(8, name), "batch": batch, "flops": sum(step_flops(8, batch))}'),
        ("order-reversed", '[row["seconds"] / row["batch"] for row in measured]', '[row["seconds"] / row["batch"] for row in measured][::-1]'),
    ],
}
