"""Right timing functions, by somebody who had only read the notebook: what is different -> the cell."""

HEAD = "def time_step(step, load, rounds, warmup, synchronise, clock=time.perf_counter):\n"

WAYS = {
    "one loop": """    seconds = []
    for i in range(-warmup, rounds):
        batch = load()
        synchronise()
        t0 = clock()
        loss = step(batch)
        synchronise()
        t1 = clock()
        if i >= 0:
            seconds.append(t1 - t0)
    result = summary(seconds)
    result["rounds"] = rounds
    result["device"] = str(loss.device)
    return result
""",
    "waits more often than needed": """    synchronise()
    for _ in range(warmup):
        batch = load()
        synchronise()
        step(batch)
        synchronise()
    synchronise()
    times = np.zeros(rounds)
    for r in range(rounds):
        synchronise()
        batch = load()
        synchronise()
        synchronise()
        start = clock()
        loss = step(batch)
        synchronise()
        synchronise()
        stop = clock()
        synchronise()
        times[r] = stop - start
    return dict(summary(times), rounds=rounds, device=f"{loss.device}")
""",
    "clock read outside, too, and stops kept": """    started = clock()
    w = 0
    while w < warmup:
        step(load())
        w += 1
    starts, stops = [], []
    clock()
    while len(stops) < rounds:
        b = load()
        clock()
        synchronise()
        starts.append(clock())
        loss = step(b)
        synchronise()
        stops.append(clock())
        clock()
    total = clock() - started
    return {**summary([b - a for a, b in zip(starts, stops)]), "rounds": len(stops), "device": str(loss.device), "total": total}
""",
    "try and finally": """    import gc

    was = gc.isenabled()
    gc.disable()
    seconds, devices = [], []
    try:
        [step(load()) for _ in range(warmup)]
        for _ in range(rounds):
            batch = load()
            synchronise()
            before = clock()
            try:
                loss = step(batch)
            finally:
                synchronise()
                seconds.append(clock() - before)
            devices.append(str(loss.device))
    finally:
        if was:
            gc.enable()
    s = summary(seconds)
    s.update({"rounds": len(seconds), "device": devices[-1]})
    return s
""",
    "all batches loaded before": """    for _ in range(warmup):
        step(load())
    batches = [load() for _ in range(rounds)]
    seconds = []
    for batch in batches:
        synchronise()
        began = clock()
        loss = step(batch)
        synchronise()
        ended = clock()
        seconds.append(ended - began)
    return {"device": loss.device.__str__(), "rounds": rounds, **summary(seconds)}
""",
    "a function within": """    def once():
        batch = load()
        synchronise()
        began = clock()
        loss = step(batch)
        synchronise()
        return clock() - began, loss

    for _ in range(warmup):
        once()
    results = [once() for _ in range(rounds)]
    device = str(results[0][1].device)
    return {**summary([seconds for seconds, _ in results]), "rounds": np.int64(rounds), "device": device}
""",
    "two different losses, the device asked in each round": """    for _ in range(warmup):
        warm = step(load())
    seconds = []
    where = set()
    for _ in range(rounds):
        batch = load()
        synchronise()
        began = clock()
        loss = step(batch)
        synchronise()
        seconds += [clock() - began]
        where.add(str(loss.device))
    (device,) = where
    return {**summary(seconds), "rounds": rounds, "device": device, "warm-up on": str(warm.device)}
""",
    "own median, printed": """    for _ in range(warmup):
        step(load())
    seconds = []
    for i in range(rounds):
        batch = load()
        synchronise()
        began = clock()
        loss = step(batch)
        synchronise()
        ended = clock()
        seconds.append(float(ended) - float(began))
        print(f"round {i}: {seconds[-1]:.6f} s on {loss.device}")
    low, middle, high = np.percentile(seconds, [25, 50, 75])
    return {"seconds": middle, "low": low, "high": high, "rounds": rounds, "device": str(loss.device), "mean": np.mean(seconds)}
""",
}

CELLS: dict[str, dict[str, str]] = {"B-time": {name: HEAD + body for name, body in WAYS.items()}}
