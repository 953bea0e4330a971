"""Wrong rows and batches (Parts C and F): (right names, old text, new text) for the model solution's cells, or (right names, new cells).

What a row changes in the cells that measure, a student's own cell below them could do.
"""

from typing import Any

END = "rows += gpu_rows"
NOT_WRITTEN = """
def measure_row(filters, name, batch=BATCH):
    raise NotImplementedError
"""
MADE_UP_RECORD = """
rng = np.random.default_rng(1)
rows = []
for name, sizes in FILTERS.items():
    for filters in sizes:
        seconds = sum(step_flops(filters, BATCH)) / rng.uniform(1e10, 4e10)
        row = {"filters": filters, "backend": name, "batch": BATCH, "hardware": CPU, "threads": THREADS, "rounds": ROUNDS, "device": "cpu"}
        row |= {"parameters": sum(parameters(filters)), "flops": sum(step_flops(filters, BATCH))}
        rows.append(row | {"seconds": seconds, "low": rng.uniform(0.95, 0.99) * seconds, "high": rng.uniform(1.01, 1.1) * seconds})
rows += gpu_rows
"""
MADE_UP = """
def measure_row(filters, name, batch=BATCH):
    \"\"\"Nothing is prepared, nothing is timed.\"\"\"
    rng = np.random.default_rng(filters + batch)
    seconds = sum(step_flops(filters, batch)) / rng.uniform(1e10, 4e10)
    row = {"filters": filters, "backend": name, "batch": batch, "hardware": CPU, "threads": THREADS, "rounds": ROUNDS, "device": "cpu"}
    row |= {"parameters": sum(parameters(filters)), "flops": sum(step_flops(filters, batch))}
    return row | {"seconds": seconds, "low": rng.uniform(0.95, 0.99) * seconds, "high": rng.uniform(1.01, 1.1) * seconds}
"""
PREPARED_ONLY = MADE_UP.replace("Nothing is prepared, nothing", "A network is prepared; nothing").replace("    rng =", "    p = prepare(filters, name, batch)\n    rng =").replace("CPU,", "p.hardware,")
STEPS_WITHOUT_A_CLOCK = PREPARED_ONLY.replace("nothing is timed", "its steps run, and no clock is read").replace("    rng =", "    for _ in range(ROUNDS + WARMUP):\n        p.step(p.load())\n    rng =")
ANOTHER_FUNCTION_TIMED = MADE_UP.replace("Nothing is prepared, nothing is timed", "Something else is timed").replace("    rng =", "    p = prepare(filters, name, batch)\n    timing = time_step(lambda batch: np.float32(0), p.load, ROUNDS, WARMUP, p.synchronise)\n    rng =").replace("CPU,", "p.hardware,").replace("return row | {", "return row | timing | {}  # {")
NO_DIVISION = """
def per_image(some_rows, name):
    raise NotImplementedError
"""
MADE_UP_BATCHES = """
BATCHES = (1, 4, 16, 64, 256)
batch_rows = [
    {"filters": 8, "backend": name, "batch": batch, "hardware": CPU, "threads": THREADS, "rounds": ROUNDS, "device": "cpu"}
    | {"parameters": sum(parameters(8)), "flops": sum(step_flops(8, batch))}
    | {"seconds": 2e-4 * (i + batch), "low": 1.9e-4 * (i + batch), "high": 2.1e-4 * (i + 0.1 + batch)}
    for i, name in enumerate(("numpy", "torch"), 1)
    for batch in BATCHES
]
"""

ROWS: dict[str, list[tuple[Any, ...]]] = {
    "C-rows": [
        ("still-to-do", {"C-rows": NOT_WRITTEN, "C-rows-measured": MADE_UP_RECORD}),
        ("prepare-not-called", MADE_UP),
        ("not-called", PREPARED_ONLY),
        ("not-measured", STEPS_WITHOUT_A_CLOCK),
        ("not-called", ANOTHER_FUNCTION_TIMED),
        ("backend-not-handed-on", "prepare(filters, name, batch)", 'prepare(filters, "numpy", batch)'),
        ("warm-up-left-out", "ROUNDS, WARMUP", "ROUNDS, 0"),
        ("rounded", "        **timing,\n", "        **timing,\n        'seconds': round(timing['seconds'], 3),\n"),
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
        ("changed-after-timing", "        **timing,\n", "        **timing,\n        'low': -timing['low'],\n"),
        ("not-a-row", "        **timing,\n    }", "        **timing,\n    }.items()"),
        ("returns-none", "return {", "row = {"),
    ],
    "C-rows-measured": [
        ("still-to-do", "rows.append(measure_row(filters, name))", "measure_row(filters, name)\nrows = []\ngpu_rows = []"),
        ("size-missing", "in sizes:", "in sizes[:3]:"),
        ("row-twice", END, END + "\nrows.append(measure_row(8, 'numpy'))\n"),
        ("too-fast", END, "rows = [{**row, **{key: row[key] / 1e6 for key in ('seconds', 'low', 'high')}} for row in rows] + gpu_rows\n"),
        ("not-in-order", END, "rows = [{**row, 'low': row['high'], 'high': row['low']} for row in rows] + gpu_rows\n"),
        ("not-a-time", END, "rows = [{**row, 'low': -row['low']} for row in rows] + gpu_rows\n"),
        ("no-spread", END, "rows = [{**row, 'low': row['seconds'], 'high': row['seconds']} for row in rows] + gpu_rows\n"),
        ("hardware-unnamed", END, "rows = [{**row, 'hardware': 'GPU'} for row in rows] + gpu_rows\n"),
        ("wrong-batch", "measure_row(filters, name)", "measure_row(filters, name, 4)"),
        ("gpu-row-missing", END, ""),
        ("gpu-row-missing", END, "rows += gpu_rows[:3]\n"),
        ("copied-to-another-size", END, END + "\nrows[1] = {**rows[1], **{key: rows[0][key] for key in ('seconds', 'low', 'high')}}\n"),
        ("copied-from-another-backend", END, END + "\nrows[4] = {**rows[4], **{key: rows[0][key] for key in ('seconds', 'low', 'high')}}\n"),
        ("computed-not-measured", END, END + "\nrows[1] = {**rows[1], **{key: 3.1 * rows[0][key] for key in ('seconds', 'low', 'high')}}\n"),
        ("predicted-as-measured", END, "rows += [{**row, 'predicted': False} for row in gpu_rows]\n"),
        ("predicted-as-measured", END, "rows += [{key: row[key] for key in row if key != 'predicted'} for row in gpu_rows]\n"),
        ("predicted-row-changed", END, "rows += [{**row, 'seconds': row['low']} for row in gpu_rows]\n"),
        ("predicted-row-changed", END, "rows += [{**row, 'hardware': 'NVIDIA H100'} for row in gpu_rows]\n"),
        ("wrongly-marked", "measure_row(filters, name)", "{**measure_row(filters, name), 'recorded': True}"),
        ("wrongly-marked", END, "rows += [{**row, 'predicted': False, 'recorded': True} for row in gpu_rows]\n"),
        ("cpu-run-labelled-gpu", END, "rows += [measure_row(filters, 'numpy') | {'backend': 'cuda'} for filters in (8, 16)]\n"),
        ("gpu-invented", END, END + "\nrows.append({**gpu_rows[0], 'filters': 12, 'predicted': False})\n"),
        ("not-a-list-of-rows", END, END + "\nrows = {row['filters']: row for row in rows}\n"),
        ("not-a-list-of-rows", END, "rows.append(gpu_rows)\n"),
        ("recorded-as-measured", END, "mine = [point for point in study.recorded('numpy') if point.batch == 64 and point.filters in FILTERS['numpy']]\nrows[0] |= {key: getattr(mine[0], key) for key in ('seconds', 'low', 'high')}\n" + "rows += gpu_rows\n"),
    ],
    "F-batch": [
        ("still-to-do", {"F-batch": NO_DIVISION, "F-batch-measured": MADE_UP_BATCHES}),
        ("not-divided", 'row["seconds"] / row["batch"]', 'row["seconds"]'),
        ("upside-down", 'row["seconds"] / row["batch"]', 'row["batch"] / row["seconds"]'),
        ("one-batch-for-all", 'row["seconds"] / row["batch"]', 'row["seconds"] / 64'),
        ("one-batch-for-all", 'row["seconds"] / row["batch"]', 'row["seconds"] / BATCHES[-1]'),
        ("multiplied-for-divided", 'row["seconds"] / row["batch"]', 'row["seconds"] * row["batch"]'),
        ("wrong-unit", 'row["seconds"] / row["batch"]', '1000 * row["seconds"] / row["batch"]'),
        ("all-rows-for-one", ' if row["backend"] == name', ""),
        ("other-backend | wrong-shape", 'row["backend"] == name', 'row["backend"] == "numpy"'),
        ("returns-none", "return [", "found = ["),
        ("wrong-entry", 'row["seconds"]', 'row["low"]'),
        ("order-reversed", " for row in some_rows", " for row in some_rows[::-1]"),
        ("wrong-shape", " for row in some_rows", " for row in some_rows[4:]"),
        ("differs", 'row["seconds"] / row["batch"]', '1e-4 + 1e-6 * row["batch"]'),
    ],
    "F-batch-measured": [
        ("wrong-filters", "measure_row(8, name, batch)", "measure_row(16, name, batch)"),
        ("wrong-filters", "measure_row(8, name, batch)", "measure_row(batch, name, 8)"),
        ("size-missing", "measure_row(8, name, batch)", "measure_row(8, name)"),
        ("size-missing", "in BATCHES:", "in BATCHES[1:]:"),
        ("size-missing", "in ON_CPU:", "in ON_CPU[:1]:"),
        ("copied-from-another-backend", "        batch_rows.append(measure_row(8, name, batch))", "        batch_rows.append(measure_row(8, name, batch))\nbatch_rows[5:] = [{**row, 'backend': 'torch'} for row in batch_rows[:5]]"),
        ("computed-not-measured", "        batch_rows.append(measure_row(8, name, batch))", "        batch_rows.append(measure_row(8, name, batch))\nbatch_rows[4] |= {key: 256 * batch_rows[0][key] for key in ('seconds', 'low', 'high')}"),
    ],
}
