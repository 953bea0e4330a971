"""Right rows of Parts C, E and F, by somebody who had only read the notebook: exercise -> what is different -> its cell."""

CELLS: dict[str, dict[str, str]] = {
    "C-rows": {
        "timing first, sizes outside": """def measure_row(filters, name, batch=BATCH):
    p = prepare(filters, name, batch)
    row = time_step(p.step, p.load, ROUNDS, WARMUP, p.synchronise)
    row.update(filters=filters, backend=name, batch=batch, hardware=p.hardware, threads=THREADS)
    row["parameters"] = sum(parameters(filters))
    row["flops"] = sum(step_flops(filters, batch))
    return row


rows = []
for filters in (8, 16, 32, 64):
    for name in FILTERS:
        if filters in FILTERS[name]:
            rows.append(measure_row(filters, name))
rows.extend(gpu_rows)
""",
        "numpy numbers, more keys, from large to small": """def measure_row(filters, name, batch=BATCH):
    prepared = prepare(filters, name, batch)
    timing = time_step(prepared.step, prepared.load, ROUNDS, WARMUP, prepared.synchronise, time.perf_counter)
    return dict(
        timing,
        filters=np.int64(filters),
        backend=str(name),
        batch=np.int32(batch),
        parameters=np.sum(parameters(filters)),
        flops=np.sum(step_flops(filters, batch)),
        hardware=prepared.hardware,
        threads=torch.get_num_threads(),
        seconds_per_image=timing["seconds"] / batch,
        made="today",
        recorded=False,
        predicted=False,
    )


rows = [measure_row(f, name) for name in FILTERS for f in reversed(FILTERS[name])] + [dict(row) for row in gpu_rows]
""",
        "the course's count, all named": """def measure_row(filters, name, batch=BATCH):
    prepared = prepare(filters, name, batch)
    spec = study.study_spec(filters, batch)
    t = time_step(step=prepared.step, load=prepared.load, rounds=ROUNDS, warmup=WARMUP, synchronise=prepared.synchronise)
    return {
        "seconds": t["seconds"], "low": t["low"], "high": t["high"], "rounds": t["rounds"], "device": t["device"],
        "parameters": spec.parameters, "flops": study.training_flops(spec),
        "filters": filters, "backend": name, "batch": batch, "hardware": prepared.hardware, "threads": THREADS,
    }


rows = []
for name in FILTERS:
    for filters in FILTERS[name]:
        rows = rows + [measure_row(filters, name)]
rows = rows + gpu_rows
""",
        "measured twice, all of them, the second time kept": """def measure_row(filters, name, batch=BATCH):
    p = prepare(filters, name, batch)
    time_step(p.step, p.load, 2, 1, p.synchronise)
    return {
        **time_step(p.step, p.load, ROUNDS, WARMUP, p.synchronise),
        **{"filters": filters, "backend": name, "batch": batch, "threads": THREADS, "hardware": p.hardware},
        **{"parameters": float(sum(parameters(filters))), "flops": float(sum(step_flops(filters, batch)))},
    }


for attempt in range(2):
    rows = [measure_row(filters, name) for name, sizes in FILTERS.items() for filters in sizes]
rows = [*rows, *gpu_rows]
""",
        "a longer warm-up": """def measure_row(filters, name, batch=BATCH):
    prepared = prepare(filters, name, batch)
    timing = time_step(prepared.step, prepared.load, ROUNDS, 2 * WARMUP, prepared.synchronise)
    row = {"filters": filters, "backend": name, "batch": batch}
    row = row | {"parameters": sum(parameters(filters)), "flops": sum(step_flops(filters, batch))}
    row = row | {"hardware": prepared.hardware, "threads": THREADS}
    return row | timing


rows = sum(([measure_row(f, name) for f in sizes] for name, sizes in FILTERS.items()), [])
rows += gpu_rows
""",
    },
    "E-compare": {
        "loops": """KINDS = ("linear", "quadratic", "exponential")
errors, best = {}, {}
for backend_name in ("numpy", "torch"):
    pairs = [(row["filters"], row["seconds"]) for row in cpu_rows if row["backend"] == backend_name]
    x = np.array([p[0] for p in pairs], dtype=float)
    y = np.array([p[1] for p in pairs])
    errors[backend_name] = {}
    for kind in KINDS:
        errors[backend_name][kind] = held_out_error(x, y, kind)
    best[backend_name] = sorted(errors[backend_name], key=errors[backend_name].get)[0]
""",
        "from large to small, integers, numpy numbers": """KINDS = ("linear", "quadratic", "exponential")
errors, best = {}, {}
for name in ("torch", "numpy"):
    mine = sorted((r for r in cpu_rows if r["backend"] == name), key=lambda r: -r["filters"])
    x, y = np.array([r["filters"] for r in mine]), np.array([r["seconds"] for r in mine])
    values = np.array([held_out_error(x, y, kind) for kind in KINDS])
    errors[name] = dict(zip(KINDS, values))
    best[name] = KINDS[int(np.argmin(values))]
""",
        "a nested comprehension": """KINDS = ("linear", "quadratic", "exponential")


def of(name, key):
    return np.array([float(row[key]) for row in cpu_rows if row["backend"] == name])


errors = {name: {kind: held_out_error(of(name, "filters"), of(name, "seconds"), kind) for kind in KINDS} for name in ("numpy", "torch")}
best = {name: min(e, key=e.get) for name, e in errors.items()}
""",
        "milliseconds: a relative error does not mind": """KINDS = ("linear", "quadratic", "exponential")
errors, best = {}, {}
for name in {row["backend"] for row in cpu_rows}:
    table = np.array([(row["filters"], 1e3 * row["seconds"]) for row in cpu_rows if row["backend"] == name])
    errors[name] = {kind: held_out_error(table[:, 0], table[:, 1], kind) for kind in KINDS}
    smallest = min(errors[name].values())
    best[name] = next(kind for kind, error in errors[name].items() if error == smallest)
""",
    },
    "F-batch": {
        "batches outside": """BATCHES = (1, 4, 16, 64, 256)
batch_rows, per_image = [], {"numpy": [], "torch": []}
for batch in BATCHES:
    for name in per_image:
        row = measure_row(8, name, batch)
        batch_rows.append(row)
        per_image[name].append(row["seconds"] / batch)
""",
        "an array": """BATCHES = (1, 4, 16, 64, 256)
batch_rows, per_image = [], {}
for name in ("torch", "numpy"):
    for batch in BATCHES:
        batch_rows.append(measure_row(filters=8, name=name, batch=batch))
for name in ("torch", "numpy"):
    per_image[name] = np.array([r["seconds"] for r in batch_rows if r["backend"] == name]) / np.array(BATCHES)
""",
        "from large to small, put in order later": """BATCHES = (1, 4, 16, 64, 256)
batch_rows = [measure_row(8, name, b) for name in ("numpy", "torch") for b in sorted(BATCHES, reverse=True)]
per_image = {
    name: [next(r["seconds"] / r["batch"] for r in batch_rows if (r["backend"], r["batch"]) == (name, b)) for b in BATCHES]
    for name in ("numpy", "torch")
}
""",
        "a tuple": """BATCHES = (1, 4, 16, 64, 256)
batch_rows, per_image = [], {}
measured = {(name, b): measure_row(8, name, b) for name in ("numpy", "torch") for b in BATCHES}
batch_rows = list(measured.values())
for name in ("numpy", "torch"):
    per_image[name] = tuple(measured[name, b]["seconds"] / b for b in BATCHES)
""",
        "multiplied instead of divided": """BATCHES = (1, 4, 16, 64, 256)
batch_rows, per_image = [], {}
for name in ("numpy", "torch"):
    per_image[name] = []
    for b in BATCHES:
        batch_rows += [measure_row(8, name, b)]
        per_image[name] += [batch_rows[-1]["seconds"] * (1 / b)]
""",
    },
}
