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
""",
        "numpy numbers, more keys": """def measure_row(filters, name, batch=BATCH):
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
""",
        "measured twice, the second time kept": """def measure_row(filters, name, batch=BATCH):
    p = prepare(filters, name, batch)
    time_step(p.step, p.load, 2, 1, p.synchronise)
    return {
        **time_step(p.step, p.load, ROUNDS, WARMUP, p.synchronise),
        **{"filters": filters, "backend": name, "batch": batch, "threads": THREADS, "hardware": p.hardware},
        **{"parameters": float(sum(parameters(filters))), "flops": float(sum(step_flops(filters, batch)))},
    }
""",
        "a longer warm-up": """def measure_row(filters, name, batch=BATCH):
    prepared = prepare(filters, name, batch)
    timing = time_step(prepared.step, prepared.load, ROUNDS, 2 * WARMUP, prepared.synchronise)
    row = {"filters": filters, "backend": name, "batch": batch}
    row = row | {"parameters": sum(parameters(filters)), "flops": sum(step_flops(filters, batch))}
    row = row | {"hardware": prepared.hardware, "threads": THREADS}
    return row | timing
""",
    },
    "E-compare": {
        "loops": """def compare(some_rows, name):
    pairs = [(row["filters"], row["seconds"]) for row in some_rows if row["backend"] == name]
    x = np.array([p[0] for p in pairs], dtype=float)
    y = np.array([p[1] for p in pairs])
    errors = {}
    for kind in KINDS:
        errors[kind] = held_out_error(x, y, kind)
    return errors, sorted(errors, key=errors.get)[0]
""",
        "from large to small, integers, numpy numbers": """def compare(some_rows, name):
    mine = sorted((r for r in some_rows if r["backend"] == name), key=lambda r: -r["filters"])
    x, y = np.array([r["filters"] for r in mine]), np.array([r["seconds"] for r in mine])
    values = np.array([held_out_error(x, y, kind) for kind in KINDS])
    return dict(zip(KINDS, values)), KINDS[int(np.argmin(values))]
""",
        "two functions, a list": """def of(some_rows, name, key):
    return np.array([float(row[key]) for row in some_rows if row["backend"] == name])


def compare(some_rows, name):
    e = {kind: held_out_error(of(some_rows, name, "filters"), of(some_rows, name, "seconds"), kind) for kind in KINDS}
    return [e, min(e, key=e.get)]
""",
        "milliseconds: a relative error does not mind": """KINDS = ("linear", "quadratic", "exponential")


def compare(some_rows, name):
    table = np.array([(row["filters"], 1e3 * row["seconds"]) for row in some_rows if row["backend"] == name])
    errors = {kind: held_out_error(table[:, 0], table[:, 1], kind) for kind in KINDS}
    smallest = min(errors.values())
    return errors, next(kind for kind, error in errors.items() if error == smallest)
""",
    },
    "F-batch": {
        "a loop": """def per_image(some_rows, name):
    found = []
    for row in some_rows:
        if row["backend"] == name:
            found.append(row["seconds"] / row["batch"])
    return found
""",
        "an array": """def per_image(some_rows, name):
    mine = [r for r in some_rows if r["backend"] == name]
    return np.array([r["seconds"] for r in mine]) / np.array([r["batch"] for r in mine])
""",
        "put in order of the batches": """def per_image(some_rows, name):
    times = {row["batch"]: row["seconds"] for row in some_rows if row["backend"] == name}
    return [times[batch] / batch for batch in sorted(times)]
""",
        "a tuple": """def per_image(some_rows, name):
    return tuple(row["seconds"] / row["batch"] for row in filter(lambda row: row["backend"] == name, some_rows))
""",
        "multiplied instead of divided": """def per_image(some_rows, name):
    rows = list(some_rows)
    return [rows[i]["seconds"] * (1 / rows[i]["batch"]) for i in range(len(rows)) if rows[i]["backend"] == name]
""",
    },
}
