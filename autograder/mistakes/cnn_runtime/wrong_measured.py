"""Wrong rows and batches (Parts C and F): (right names, old text, new text) for the model solution's cells."""

LOOP = """for name, sizes in FILTERS.items():
    for filters in sizes:
        rows.append(measure_row(filters, name))
rows += gpu_rows
"""
BATCH_LOOP = """    measured = [measure_row(8, name, batch) for batch in BATCHES]
"""
COPIED = """for name, sizes in FILTERS.items():
    first = measure_row(8, name)
    for filters in sizes:
        rows.append({**first, "filters": filters, "parameters": sum(parameters(filters)), "flops": sum(step_flops(filters, BATCH))})
rows += gpu_rows
"""
FROM_NUMPY = """for filters in FILTERS["numpy"]:
    row = measure_row(filters, "numpy")
    rows += [row, {**row, "backend": "torch"}]
rows += gpu_rows
"""
GPU_FROM_CPU = """rows += [measure_row(filters, "numpy") | {"backend": "cuda"} for filters in (8, 16)]
"""

ROWS: dict[str, list[tuple[str, ...]]] = {
    "C-rows": [
        ("still-to-do", LOOP, ""),
        ("size-missing", LOOP, LOOP.replace("in sizes", "in sizes[:3]")),
        ("size-missing", LOOP, LOOP.replace("FILTERS.items()", "[('numpy', (8, 16, 32, 64))]")),
        ("row-twice", LOOP, LOOP + "rows.append(measure_row(8, 'numpy'))\n"),
        ("too-fast", LOOP, LOOP.replace("rows += gpu_rows", "rows = [{**row, 'seconds': row['seconds'] / 1e6, 'low': row['low'] / 1e6, 'high': row['high'] / 1e6} for row in rows] + gpu_rows")),
        ("wrong-unit", LOOP, LOOP.replace("rows += gpu_rows", "rows = [{**row, **{key: 1e3 * row[key] for key in ('seconds', 'low', 'high')}} for row in rows] + gpu_rows")),
        ("not-in-order", LOOP, LOOP.replace("rows += gpu_rows", "rows = [{**row, 'low': row['high'], 'high': row['low']} for row in rows] + gpu_rows")),
        ("not-a-time", LOOP, LOOP.replace("rows += gpu_rows", "rows = [{**row, 'low': -row['low']} for row in rows] + gpu_rows")),
        ("no-spread", LOOP, LOOP.replace("rows += gpu_rows", "rows = [{**row, 'low': row['seconds'], 'high': row['seconds']} for row in rows] + gpu_rows")),
        ("hardware-unnamed", LOOP, LOOP.replace("rows += gpu_rows", "rows = [{**row, 'hardware': 'GPU'} for row in rows] + gpu_rows")),
        ("wrong-batch", LOOP, LOOP.replace("measure_row(filters, name)", "measure_row(filters, name, 4)")),
        ("rows-exchanged", LOOP, LOOP.replace("rows += gpu_rows", "rows = [{**row, **{key: other[key] for key in ('seconds', 'low', 'high')}} for row, other in zip(rows, rows[3::-1] + rows[:3:-1])] + gpu_rows")),
        ("size-not-reaching", LOOP, LOOP.replace("measure_row(filters, name)", "measure_row(8, name) | {'filters': filters, 'parameters': sum(parameters(filters)), 'flops': sum(step_flops(filters, BATCH))}")),
        ("backend-not-handed-on", "prepare(filters, name, batch)", 'prepare(filters, "numpy", batch)'),
        ("warm-up-left-out", "ROUNDS, WARMUP", "ROUNDS, 0"),
        ("rounded", "        **timing,\n", "        **timing,\n        'seconds': round(timing['seconds'], 3),\n"),
        ("gpu-row-missing", LOOP, LOOP.replace("rows += gpu_rows\n", "")),
        ("gpu-row-missing", LOOP, LOOP.replace("rows += gpu_rows\n", "rows += gpu_rows[:3]\n")),
        ("copied-to-another-size", LOOP, COPIED),
        ("copied-from-another-backend", LOOP, FROM_NUMPY),
        ("copied-to-another-size", LOOP, LOOP + "rows[1] = {**rows[1], 'seconds': rows[0]['seconds'], 'low': rows[0]['low'], 'high': rows[0]['high']}\n"),
        ("predicted-as-measured", LOOP, LOOP.replace("rows += gpu_rows", "rows += [{**row, 'predicted': False} for row in gpu_rows]")),
        ("predicted-as-measured", LOOP, LOOP.replace("rows += gpu_rows", "rows += [{key: row[key] for key in row if key != 'predicted'} for row in gpu_rows]")),
        ("predicted-row-changed", LOOP, LOOP.replace("rows += gpu_rows", "rows += [{**row, 'seconds': row['low']} for row in gpu_rows]")),
        ("predicted-row-changed", LOOP, LOOP.replace("rows += gpu_rows", "rows += [{**row, 'hardware': 'NVIDIA H100'} for row in gpu_rows]")),
        ("wrongly-marked", LOOP, LOOP.replace("measure_row(filters, name)", "{**measure_row(filters, name), 'recorded': True}")),
        ("cpu-run-labelled-gpu", LOOP, LOOP + GPU_FROM_CPU),
        ("gpu-invented", LOOP, LOOP.replace("rows += gpu_rows", "rows += gpu_rows\nrows.append({**gpu_rows[0], 'filters': 12, 'predicted': False})")),
        ("wrong-unit", "        **timing,\n", "        **timing,\n        'seconds': timing['seconds'] * 1000,\n"),
        ("wrong-unit", "        **timing,\n", "        **{k: (1000 * v if k in ('seconds', 'low', 'high') else v) for k, v in timing.items()},\n"),
        ("changed-after-timing", "        **timing,\n", "        **{k: (v / 1e6 if k in ('seconds', 'low', 'high') else v) for k, v in timing.items()},\n"),
        ("wrong-entry", "        **timing,\n", "        **timing,\n        'low': timing['high'],\n        'high': timing['low'],\n"),
        ("key-missing", '        "threads": THREADS,\n', ""),
        ("key-missing", '        "hardware": prepared.hardware,\n', ""),
        ("wrong-threads", '"threads": THREADS', '"threads": 4'),
        ("threads-unknown", '"threads": THREADS', '"threads": 0'),
        ("hardware-written-in", '"hardware": prepared.hardware', '"hardware": "CPU"'),
        ("wrong-parameters", "sum(parameters(filters))", "parameters(filters)[1]"),
        ("counts-of-another-network", "sum(parameters(filters))", "sum(parameters(16))"),
        ("forward-only", "sum(step_flops(filters, batch))", "sum(forward_flops(filters, batch))"),
        ("batch-forgotten", "sum(step_flops(filters, batch))", "sum(step_flops(filters, 1))"),
        ("counts-of-another-network", "sum(step_flops(filters, batch))", "sum(step_flops(8, batch))"),
        ("layers-for-total", "sum(parameters(filters))", "parameters(filters)"),
        ("too-few-rounds", "ROUNDS, WARMUP", "1, WARMUP"),
        ("too-few-rounds", "ROUNDS, WARMUP", "3, WARMUP"),
        ("filters-not-handed-on", "prepare(filters, name, batch)", "prepare(16, name, batch)"),
        ("batch-not-handed-on", "prepared = prepare(", "batch = 4\n    prepared = prepare("),
        ("wrong-entry", "        **timing,\n", "        **timing,\n        'low': timing['seconds'],\n        'high': timing['seconds'],\n"),
        ("not-a-list-of-rows", LOOP, LOOP + "rows = {row['filters']: row for row in rows}\n"),
        ("unknown-backend", LOOP, LOOP.replace("measure_row(filters, name)", "{**measure_row(filters, name), 'backend': name + ' on CPU'}")),
        ("changed-after-timing", "        **timing,\n", "        **timing,\n        'low': -timing['low'],\n"),
    ],
    "F-batch": [
        ("not-divided", 'row["seconds"] / row["batch"]', 'row["seconds"]'),
        ("upside-down", 'row["seconds"] / row["batch"]', 'row["batch"] / row["seconds"]'),
        ("one-batch-for-all", 'row["seconds"] / row["batch"]', 'row["seconds"] / 64'),
        ("one-batch-for-all", 'row["seconds"] / row["batch"]', 'row["seconds"] / BATCHES[-1]'),
        ("multiplied-for-divided", 'row["seconds"] / row["batch"]', 'row["seconds"] * row["batch"]'),
        ("wrong-unit", 'row["seconds"] / row["batch"]', '1000 * row["seconds"] / row["batch"]'),
        ("wrong-filters", "measure_row(8, name, batch)", "measure_row(16, name, batch)"),
        ("wrong-filters", "measure_row(8, name, batch)", "measure_row(batch, name, 8)"),
        ("size-missing", "measure_row(8, name, batch)", "measure_row(8, name)"),
        ("size-missing", "for batch in BATCHES]", "for batch in BATCHES[1:]]"),
        ("backend-missing", "    per_image[name] =", "    per_image['images'] ="),
        ("still-to-do", "    per_image[name] =", "    images ="),
        ("size-missing | still-to-do", '("numpy", "torch")', '("numpy",)'),
        ("copied-from-another-backend", BATCH_LOOP, BATCH_LOOP.replace("[measure_row(8, name, batch)", "batch_rows and [{**row, 'backend': name} for row in batch_rows] or [measure_row(8, name, batch)")),
        ("not-a-dictionary", "    per_image[name] = [", "    per_image = ["),
    ],
}
