"""Wrong summaries and timing functions (Part B): (right names, old text, new text) for the model solution's cells."""

QUARTILES = "np.percentile(seconds, [25, 50, 75])"
RETURNED = '{"seconds": float(middle), "low": float(low), "high": float(high)}'
WARM = "    for _ in range(warmup):\n        step(load())\n"
BEFORE = "        synchronise()\n        began = clock()\n"
AFTER = "        loss = step(batch)\n        synchronise()\n"
SAID = "{**summary(seconds), \"rounds\": rounds, \"device\": str(loss.device)}"


def summary(seconds: str, low: str = "np.percentile(seconds, 25)", high: str = "np.percentile(seconds, 75)") -> str:
    return f'''
def summary(seconds):
    return {{"seconds": {seconds}, "low": {low}, "high": {high}}}
'''


def timed(body: str, said: str = SAID) -> str:
    """time_step with another body."""
    return f'''
def time_step(step, load, rounds, warmup, synchronise, clock=time.perf_counter):
{body}
    return {said}
'''


MEAN_OF = '{"seconds": sum(seconds) / len(seconds), "low": min(seconds), "high": max(seconds), "rounds": rounds, "device": str(loss.device)}'
ALL_AT_ONCE = """    for _ in range(warmup):
        step(load())
    synchronise()
    began = clock()
    for _ in range(rounds):
        loss = step(load())
    synchronise()
    total = clock() - began"""
NO_WARM_UP = """    seconds = []
    for _ in range(rounds):
        batch = load()
        synchronise()
        began = clock()
        loss = step(batch)
        synchronise()
        seconds.append(clock() - began)"""
ALSO_TIMED = """    seconds = []
    for i in range(warmup + rounds):
        batch = load()
        synchronise()
        began = clock()
        loss = step(batch)
        synchronise()
        seconds.append(clock() - began)"""
OWN_CLOCK = NO_WARM_UP.replace("    seconds = []", WARM + "    seconds = []").replace("clock()", "time.perf_counter()")
OLD_LOAD = """    for _ in range(warmup):
        step(load())
    seconds = []
    for _ in range(rounds):
        synchronise()
        batch = load()
        began = clock()
        loss = step(batch)
        synchronise()
        seconds.append(clock() - began)"""

ROWS: dict[str, list[tuple[str, ...]]] = {
    "B-summary": [
        ("mean-for-median", summary("np.mean(seconds)")),
        ("best-for-median", summary("min(seconds)")),
        ("worst-for-median", summary("max(seconds)")),
        ("sum-for-median", summary("sum(seconds)")),
        ("not-sorted", summary("seconds[len(seconds) // 2]")),
        ("upper-middle", summary("sorted(seconds)[len(seconds) // 2]")),
        ("wrong-unit", summary("1000 * np.median(seconds)")),
        ("last-for-median", summary("seconds[-1]")),
        ("range-for-quartiles", summary("np.median(seconds)", "min(seconds)", "max(seconds)")),
        ("deviation-for-quartiles", summary("np.median(seconds)", "np.mean(seconds) - np.std(seconds)", "np.mean(seconds) + np.std(seconds)")),
        ("deviation-for-quartiles", summary("np.median(seconds)", "np.std(seconds)", "np.std(seconds)")),
        ("wrong-percentile", summary("np.median(seconds)", "np.percentile(seconds, 5)", "np.percentile(seconds, 95)")),
        ("fraction-for-percent", summary("np.median(seconds)", "np.percentile(seconds, 0.25)", "np.percentile(seconds, 0.75)")),
        ("quartiles-exchanged", QUARTILES, "np.percentile(seconds, [75, 50, 25])"),
        ("key-missing", '"seconds": float(middle)', '"median": float(middle)'),
        ("not-a-dictionary", RETURNED, "middle, low, high"),
        ("returns-none", "    return {", "    {"),
        ("input-changed", "    low, middle", "    seconds.sort()\n    low, middle"),
        ("width-for-quartiles | quartiles-exchanged", summary("np.median(seconds)", "np.percentile(seconds, 75) - np.percentile(seconds, 25)")),
        ("distance-for-quartile", summary("np.median(seconds)", "np.median(seconds) - np.percentile(seconds, 25)")),
    ],
    "B-time": [
        ("missing-synchronise-after", AFTER, "        loss = step(batch)\n"),
        ("missing-synchronise-before", BEFORE, "        began = clock()\n"),
        ("missing-synchronise-after", timed(WARM + NO_WARM_UP.replace("        synchronise()\n", ""))),
        ("missing-synchronise-before", timed(OLD_LOAD)),
        ("missing-synchronise-after", "        synchronise()\n        seconds.append(clock() - began)", "        seconds.append(clock() - began)\n        synchronise()"),
        ("warm-up-included", timed(NO_WARM_UP)),
        ("warm-up-included", WARM, ""),
        ("warm-up-included", timed(ALSO_TIMED)),
        ("data-loading-included", timed(WARM + NO_WARM_UP.replace("        batch = load()\n", "").replace("step(batch)", "step(load())"))),
        ("data-loading-included", "        batch = load()\n        synchronise()\n        began = clock()\n", "        synchronise()\n        began = clock()\n        batch = load()\n"),
        ("mean-for-median", "**summary(seconds)", "**summary(seconds), \"seconds\": float(np.mean(seconds))"),
        ("best-for-median", "**summary(seconds)", "**summary(seconds), \"seconds\": min(seconds)"),
        ("mean-for-median", SAID, MEAN_OF),
        ("wrong-unit", "seconds.append(clock() - began)", "seconds.append(1000 * (clock() - began))"),
        ("wrong-unit", "seconds.append(clock() - began)", "seconds.append((clock() - began) * 1e6)"),
        ("wrong-number-of-rounds", "range(rounds)", "range(rounds - 1)"),
        ("wrong-number-of-rounds", "range(rounds)", "range(rounds - warmup)"),
        ("wrong-number-of-rounds", "range(rounds)", "range(rounds + 1)"),
        ("wrong-number-of-warm-up-steps | warm-up-included", "range(warmup)", "range(warmup - 1)"),
        ("wrong-number-of-warm-up-steps", "range(warmup)", "range(1)"),
        ("one-reading-for-all-rounds", timed(ALL_AT_ONCE, '{"seconds": total / rounds, "low": total / rounds, "high": total / rounds, "rounds": rounds, "device": str(loss.device)}')),
        ("one-reading-for-all-rounds", timed(ALL_AT_ONCE, '{"seconds": total, "low": total, "high": total, "rounds": rounds, "device": str(loss.device)}')),
        ("own-clock", timed(OWN_CLOCK)),
        ("step-not-called", "loss = step(batch)", "loss = np.float32(0)"),
        ("cpu-run-labelled-gpu", "str(loss.device)", '"cuda"'),
        ("cpu-run-labelled-gpu", "str(loss.device)", '"cuda" if warmup else "cpu"'),
        ("gpu-run-labelled-cpu", "str(loss.device)", '"cpu"'),
        ("gpu-run-labelled-cpu", "str(loss.device)", '"cuda" if torch.cuda.is_available() else "cpu"'),
        ("device-unknown", "str(loss.device)", "CPU"),
        ("key-missing", ', "device": str(loss.device)', ""),
        ("key-missing", '"rounds": rounds, ', ""),
        ("wrong-number-of-rounds", '"rounds": rounds', '"rounds": rounds + warmup'),
        ("returns-none", "    return {**", "    {**"),
        ("raises", "step(load())", "step()"),
        ("range-for-quartiles", "**summary(seconds)", "**summary(seconds), \"low\": min(seconds), \"high\": max(seconds)"),
        ("raises", "began = clock()", "began = clock"),
    ],
}
