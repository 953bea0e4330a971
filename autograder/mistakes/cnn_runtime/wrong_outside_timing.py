"""Wrong solutions of Part B by somebody who had only read the notebook: (right name, old text, new text) or (right name, new cell)."""

HEAD = "def time_step(step, load, rounds, warmup, synchronise, clock=time.perf_counter):\n"
WARM = """    for _ in range(warmup):
        step(load())
"""
END = '    return {**summary(seconds), "rounds": rounds, "device": str(loss.device)}\n'
TIMED = """        batch = load()
        synchronise()
        began = clock()
        loss = step(batch)
        synchronise()
        seconds.append(clock() - began)
"""

ROWS: dict[str, list[tuple[str, ...]]] = {
    "B-summary": [
        ("mean-for-median", "float(middle)", "float(np.mean(seconds))"),
        ("best-for-median", "float(middle)", "float(min(seconds))"),
        ("sum-for-median", "float(middle)", "float(sum(seconds))"),
        ("last-for-median", "float(middle)", "float(seconds[-1])"),
        ("not-sorted", "float(middle)", "float(seconds[len(seconds) // 2])"),
        ("upper-middle", "float(middle)", "float(sorted(seconds)[len(seconds) // 2])"),
        ("range-for-quartiles", "[25, 50, 75]", "[0, 50, 100]"),
        ("wrong-percentile", "[25, 50, 75]", "[10, 50, 90]"),
        ("fraction-for-percent", "[25, 50, 75]", "[0.25, 0.5, 0.75]"),
        ("distance-for-quartile", '"low": float(low), "high": float(high)', '"low": float(middle - low), "high": float(high - middle)'),
        ("wrong-unit", "np.percentile(seconds, [25, 50, 75])", "1000 * np.percentile(seconds, [25, 50, 75])"),
        ("key-missing", '"seconds": float', '"Seconds": float'),
        ("not-a-dictionary", 'return {"seconds": float(middle), "low": float(low), "high": float(high)}', "return middle, low, high"),
        ("trimmed-mean", "float(middle)", "float(np.mean(sorted(seconds)[1:-1]))"),
        ("slowest-left-out", "np.percentile(seconds, [25, 50, 75])", "np.percentile(sorted(seconds)[:-1], [25, 50, 75])"),
        ("first-left-out", "np.percentile(seconds, [25, 50, 75])", "np.percentile(seconds[1:], [25, 50, 75])"),
        ("input-changed", "    low, middle", "    seconds.sort()\n    low, middle"),
        ("rounded", "float(middle)", "round(float(middle), 2)"),
        ("middle-of-quartiles", '"seconds": float(middle)', '"seconds": float((low + high) / 2)'),
    ],
    "B-time": [
        ("rounds-and-warm-up-exchanged", HEAD + """    for _ in range(rounds):
        step(load())
    seconds = []
    for _ in range(warmup):
""" + TIMED + END),
        ("warm-up-after", HEAD + """    seconds = []
    for _ in range(rounds):
""" + TIMED + WARM + END),
        ("warm-up-in-every-round", HEAD + """    seconds = []
    for _ in range(rounds):
        for _ in range(warmup):
            step(load())
""" + TIMED + END),
        ("best-for-median", END, '    return {**summary(seconds), "seconds": min(seconds), "rounds": rounds, "device": str(loss.device)}\n'),
        ("last-for-median", END, '    return {**summary(seconds), "seconds": seconds[-1], "rounds": rounds, "device": str(loss.device)}\n'),
        ("sum-for-median", END, '    return {**summary(seconds), "seconds": sum(seconds), "rounds": rounds, "device": str(loss.device)}\n'),
        ("own-clock", "clock()", "time.time()"),
        ("rounded", "seconds.append(clock() - began)", "seconds.append(round(clock() - began, 3))"),
        ("nothing-timed", "seconds.append(clock() - began)", "seconds.append(int(clock() - began))"),
        ("subtraction-reversed", "clock() - began", "began - clock()"),
        ("step-twice", "        loss = step(batch)\n", "        step(batch)\n        loss = step(batch)\n"),
        ("nothing-timed", "        synchronise()\n        began = clock()\n        loss = step(batch)\n", "        loss = step(batch)\n        synchronise()\n        began = clock()\n"),
        ("device-of-the-batch", "str(loss.device)", "str(batch.device)"),
        ("device-as-text", "str(loss.device)", "loss.device.type"),
        ("device-unknown", "str(loss.device)", "str(loss)"),
        ("not-a-dictionary", END, '    return summary(seconds)["seconds"]\n'),
        ("returns-none", END, '    print({**summary(seconds), "rounds": rounds, "device": str(loss.device)})\n'),
        ("not-a-dictionary", END, "    return seconds\n"),
        ("one-round-only", "        seconds.append(clock() - began)\n    return", "        seconds.append(clock() - began)\n        return"),
        ("last-for-median", "    seconds = []\n    for _ in range(rounds):\n", "    for _ in range(rounds):\n        seconds = []\n"),
        ("batch-not-handed-on", "        batch = load()\n        synchronise()\n        began = clock()\n        loss = step(batch)", "        synchronise()\n        began = clock()\n        loss = step(None)"),
    ],
}
