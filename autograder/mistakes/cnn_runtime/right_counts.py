"""Other right counts, summaries and timing functions (Parts A and B): name -> changed cells."""

from autograder.mistakes import Edits

PARAMETERS_LOOP = '''
def parameters(filters):
    """By the shapes of the weights."""
    found = []
    for weight, bias in (((filters, 1, 3, 3), filters), ((filters, filters, 3, 3), filters), ((25 * filters, 128), 128), ((128, 10), 10)):
        found.append(np.prod(weight) + bias)
    return found
'''
PARAMETERS_ARRAY = '''
def parameters(filters):
    return np.array([10 * filters, filters * (9 * filters + 1), 128 * (25 * filters + 1), 1290], dtype=np.float64)
'''
PARAMETERS_TORCH = '''
def parameters(filters):
    """Ask PyTorch."""
    layers = (torch.nn.Conv2d(1, filters, 3), torch.nn.Conv2d(filters, filters, 3), torch.nn.Linear(25 * filters, 128), torch.nn.Linear(128, 10))
    return [sum(p.numel() for p in layer.parameters()) for layer in layers]
'''
PARAMETERS_SPEC = '''
def parameters(filters):
    """Ask the description of the network."""
    spec = load_spec(NETWORKS / "convolutional_nn.json").changed(filters=filters)
    return [place.parameters for place in spec.places(1) if place.parameters]
'''
FORWARD_SHAPES = '''
def forward_flops(filters, batch):
    """Outputs times what each of them costs."""
    outputs = [filters * 26**2, filters * 11**2, 128, 10]
    each = [9, 9 * filters, 25 * filters, 128]
    return [2 * batch * a * b for a, b in zip(outputs, each)]
'''
FORWARD_FROM_SIZES = '''
def forward_flops(filters, batch):
    size, channels, found = 28, 1, []
    for _ in range(2):
        size = size - 3 + 1
        found.append(2 * batch * filters * channels * 3 * 3 * size * size)
        size, channels = size // 2, filters
    units = channels * size * size
    for outputs in (128, 10):
        found.append(2 * batch * units * outputs)
        units = outputs
    return tuple(found)
'''
FORWARD_FROM_PARAMETERS = '''
def forward_flops(filters, batch):
    """Weights without biases, each as often as it is used."""
    biases, positions = np.array([filters, filters, 128, 10]), np.array([26 * 26, 11 * 11, 1, 1])
    return 2 * batch * (np.array(parameters(filters)) - biases) * positions
'''
STEP_ARRAY = '''
def step_flops(filters, batch):
    return np.array(forward_flops(filters, batch)) * np.array([2, 3, 3, 3])
'''
STEP_THREE_PASSES = '''
def step_flops(filters, batch):
    forward = forward_flops(filters, batch)
    backward_filter, backward_data = list(forward), [0] + list(forward)[1:]
    return [sum(passes) for passes in zip(forward, backward_filter, backward_data)]
'''
SUMMARY_STATISTICS = '''
import statistics


def summary(seconds):
    low, middle, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return {"seconds": statistics.median(seconds), "low": low, "high": high}
'''
SUMMARY_EXCLUSIVE = '''
import statistics


def summary(seconds):
    low, middle, high = statistics.quantiles(seconds, n=4)
    return {"seconds": middle, "low": low, "high": high}
'''
SUMMARY_HALVES = '''
import statistics


def summary(seconds):
    """Quartiles as medians of the lower and the upper half."""
    ordered = sorted(seconds)
    half = len(ordered) // 2
    return {"seconds": statistics.median(ordered), "low": statistics.median(ordered[:half]), "high": statistics.median(ordered[-half:])}
'''
SUMMARY_BY_HAND = '''
def summary(seconds):
    ordered = sorted(seconds)
    n = len(ordered)
    middle = ordered[n // 2] if n % 2 else (ordered[n // 2 - 1] + ordered[n // 2]) / 2
    return {"high": ordered[(3 * n) // 4], "low": ordered[n // 4], "seconds": middle}
'''
SUMMARY_TORCH = '''
def summary(seconds):
    found = torch.quantile(torch.tensor(seconds, dtype=torch.float64), torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64))
    return dict(zip(("low", "seconds", "high"), found.tolist()))
'''
TIME_FIRST_ALL_BATCHES = '''
def time_step(step, load, rounds, warmup, synchronise, clock=time.perf_counter):
    """All batches first, then only steps."""
    batches = [load() for _ in range(warmup + rounds)]
    for batch in batches[:warmup]:
        step(batch)
    starts, stops = [], []
    for batch in batches[warmup:]:
        synchronise()
        starts.append(clock())
        loss = step(batch)
        synchronise()
        stops.append(clock())
    result = summary([b - a for a, b in zip(starts, stops)])
    result["rounds"], result["device"] = len(stops), loss.device
    return result
'''
TIME_ONE_BATCH = '''
def time_step(step, load, rounds, warmup, synchronise, clock=time.perf_counter):
    """The same batch again and again."""
    batch = load()
    for _ in range(warmup):
        loss = step(batch)

    def once():
        synchronise()
        began = clock()
        out = step(batch)
        synchronise()
        return clock() - began, str(out.device)

    found = [once() for _ in range(rounds)]
    return dict(summary([s for s, _ in found]), rounds=rounds, device=found[-1][1])
'''
TIME_READS_THE_LOSS = '''
def time_step(step, load, rounds, warmup, synchronise, clock=time.perf_counter):
    """Reading the loss waits for the device, too."""
    for _ in range(warmup):
        float(step(load()))
    seconds = np.zeros(rounds)
    for i in range(rounds):
        batch = load()
        synchronise()
        t0 = clock()
        loss = step(batch)
        loss.item()
        seconds[i] = clock() - t0
    return {**summary(list(seconds)), "rounds": rounds, "device": loss.device}
'''
TIME_ALL_THEN_CUT = '''
def time_step(step, load, rounds, warmup, synchronise, clock=time.perf_counter):
    """The warm-up is timed, too, and thrown away."""
    seconds = []
    while len(seconds) < warmup + rounds:
        batch = load()
        synchronise()
        seconds.append(-clock())
        loss = step(batch)
        synchronise()
        seconds[-1] += clock()
    kept = seconds[warmup:]
    return summary(kept) | {"rounds": len(kept), "device": "gpu" if "cuda" in str(loss.device) else "cpu"}
'''
TIME_GARBAGE_OFF = '''
import gc


def time_step(step, load, rounds, warmup, synchronise, clock=time.perf_counter):
    """Without Python's collection of garbage in between."""
    gc.disable()
    try:
        for _ in range(warmup):
            step(load())
            synchronise()
        seconds = []
        for _ in range(rounds):
            batch = load()
            synchronise()
            synchronise()
            start = clock()
            loss = step(batch)
            synchronise()
            end = clock()
            seconds.append(end - start)
    finally:
        gc.enable()
    return {"rounds": rounds, "device": str(loss.device).split(":")[0], **summary(seconds)}
'''
NO_SUMMARY = '''
def time_step(step, load, rounds, warmup, synchronise, clock=time.perf_counter):
    for _ in range(warmup):
        step(load())
    laps = []
    for _ in range(rounds):
        batch = load(); synchronise(); t = clock(); loss = step(batch); synchronise(); laps.append(clock() - t)
    laps.sort()
    return {"seconds": np.median(laps), "low": np.quantile(laps, 0.25), "high": np.quantile(laps, 0.75), "rounds": rounds, "device": loss.device.type if hasattr(loss.device, "type") else loss.device, "all": laps}
'''

SOLUTIONS: dict[str, dict[str, str | Edits]] = {
    "parameters by shapes": {"A-parameters": PARAMETERS_LOOP},
    "parameters as an array of floats": {"A-parameters": PARAMETERS_ARRAY},
    "parameters counted by PyTorch": {"A-parameters": PARAMETERS_TORCH},
    "parameters from the description": {"A-parameters": PARAMETERS_SPEC},
    "forward by outputs": {"A-forward": FORWARD_SHAPES},
    "forward from sizes, layer by layer": {"A-forward": FORWARD_FROM_SIZES},
    "forward from parameters": {"A-forward": FORWARD_FROM_PARAMETERS},
    "step as an array": {"A-step": STEP_ARRAY},
    "step as three passes": {"A-step": STEP_THREE_PASSES},
    "summary by statistics": {"B-summary": SUMMARY_STATISTICS},
    "summary with exclusive quartiles": {"B-summary": SUMMARY_EXCLUSIVE},
    "summary with medians of halves": {"B-summary": SUMMARY_HALVES},
    "summary by hand": {"B-summary": SUMMARY_BY_HAND},
    "summary by PyTorch": {"B-summary": SUMMARY_TORCH},
    "time: all batches first": {"B-time": TIME_FIRST_ALL_BATCHES},
    "time: one batch": {"B-time": TIME_ONE_BATCH},
    "time: reads the loss": {"B-time": TIME_READS_THE_LOSS},
    "time: warm-up timed and cut off": {"B-time": TIME_ALL_THEN_CUT},
    "time: garbage collection off": {"B-time": TIME_GARBAGE_OFF},
    "time: no summary": {"B-time": NO_SUMMARY},
}
