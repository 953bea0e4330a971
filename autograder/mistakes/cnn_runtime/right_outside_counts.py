"""Right solutions of Part A and of B1, by somebody who had only read the notebook: exercise -> what is different -> its cell."""

CELLS: dict[str, dict[str, str]] = {
    "A-parameters": {
        "counted by numpy arrays": """def parameters(filters):
    shapes = [((filters, 1, 3, 3), (filters,)), ((filters, filters, 3, 3), (filters,)), ((25 * filters, 128), (128,)), ((128, 10), (10,))]
    return [int(np.prod(w) + np.prod(b)) for w, b in shapes]
""",
        "a real network is asked": """def parameters(filters):
    layers = [torch.nn.Conv2d(1, filters, 3), torch.nn.Conv2d(filters, filters, 3), torch.nn.Linear(25 * filters, 128), torch.nn.Linear(128, 10)]
    return [sum(p.numel() for p in layer.parameters()) for layer in layers]
""",
        "sizes followed through the network": """def parameters(filters):
    size = 28
    result = []
    channels = 1
    for _ in range(2):
        result.append(filters * (channels * 3 * 3 + 1))
        size = (size - 3 + 1) // 2
        channels = filters
    inputs = filters * size * size
    for outputs in (128, 10):
        result.append(outputs * (inputs + 1))
        inputs = outputs
    return result
""",
        "an array": """def parameters(filters):
    F = filters
    return np.array([10 * F, F * (9 * F + 1), 3200 * F + 128, 1290])
""",
        "floats in a tuple": """def parameters(filters):
    F = float(filters)
    return 10 * F, 9 * F**2 + F, 25 * F * 128 + 128, 1290.0
""",
        "a polynomial's values": """def parameters(filters):
    table = np.array([[0, 10, 0], [0, 1, 9], [128, 3200, 0], [1290, 0, 0]])
    return list(table @ np.array([1, filters, filters**2]))
""",
        "helpers": """def parameters(filters):
    def conv(c, k):
        return c * k * 3 * 3 + k

    def dense(n, m):
        return n * m + m

    print("counting", filters)
    return [conv(1, filters), conv(filters, filters), dense(filters * 5 * 5, 128), dense(128, 10)]
""",
    },
    "A-forward": {
        "a product of tuples": """def forward_flops(filters, batch):
    import math

    F, N = filters, batch
    return [2 * math.prod(t) for t in ((N, F, 1, 3, 3, 26, 26), (N, F, F, 3, 3, 11, 11), (N, 25 * F, 128), (N, 128, 10))]
""",
        "weights times positions": """def forward_flops(filters, batch):
    weights = np.array(parameters(filters)) - np.array([filters, filters, 128, 10])
    return list(2 * batch * weights * np.array([676, 121, 1, 1]))
""",
        "loops over the outputs": """def forward_flops(filters, batch):
    conv1 = conv2 = 0
    for _ in range(26 * 26):
        conv1 += 2 * 9 * filters
    for _ in range(11 * 11):
        conv2 += 2 * 9 * filters * filters
    return [batch * conv1, batch * conv2, batch * filters * 6400, batch * 2560]
""",
        "a dense layer as a convolution of its whole image": """def forward_flops(filters, batch):
    def conv(K, C, R, S, P, Q):
        return 2 * batch * K * C * R * S * P * Q

    return (conv(filters, 1, 3, 3, 26, 26), conv(filters, filters, 3, 3, 11, 11), conv(128, filters, 5, 5, 1, 1), conv(10, 128, 1, 1, 1, 1))
""",
        "floats": """def forward_flops(filters, batch):
    F, N = np.float64(filters), np.float64(batch)
    return np.array([12168 * F, 2178 * F**2, 6400 * F, 2560]) * N
""",
        "the course's ConvSpec": """def forward_flops(filters, batch):
    from helpers.primitives import ConvSpec

    one = ConvSpec(N=batch, C=1, H=28, W=28, K=filters, R=3, S=3)
    two = ConvSpec(N=batch, C=filters, H=13, W=13, K=filters, R=3, S=3)
    return [one.flops, two.flops, 2 * batch * 25 * filters * 128, 2 * batch * 128 * 10]
""",
    },
    "A-step": {
        "an array times an array": """def step_flops(filters, batch):
    return np.array(forward_flops(filters, batch)) * np.array([2, 3, 3, 3])
""",
        "a comprehension": """def step_flops(filters, batch):
    return [f * (2 if i == 0 else 3) for i, f in enumerate(forward_flops(filters, batch))]
""",
        "three passes added": """def step_flops(filters, batch):
    forward = list(forward_flops(filters, batch))
    backward_filter = list(forward)
    backward_data = [0] + forward[1:]
    return [a + b + c for a, b, c in zip(forward, backward_filter, backward_data)]
""",
        "written out": """def step_flops(filters, batch):
    return (
        4 * batch * filters * 9 * 676,
        6 * batch * filters * filters * 9 * 121,
        6 * batch * 25 * filters * 128,
        6 * batch * 1280,
    )
""",
        "changed in place": """def step_flops(filters, batch):
    work = [3.0 * x for x in forward_flops(filters, batch)]
    work[0] = work[0] * 2 / 3
    return [int(round(x)) for x in work]
""",
    },
    "B-summary": {
        "the statistics module": """def summary(seconds):
    import statistics

    low, _, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return {"seconds": statistics.median(seconds), "low": low, "high": high}
""",
        "numpy scalars": """def summary(seconds):
    return dict(seconds=np.median(seconds), low=np.percentile(seconds, 25), high=np.percentile(seconds, 75))
""",
        "by hand": """def summary(seconds):
    s = sorted(seconds)

    def at(share):
        place = share * (len(s) - 1)
        below = int(place)
        above = min(below + 1, len(s) - 1)
        return s[below] + (place - below) * (s[above] - s[below])

    return {"low": at(0.25), "seconds": at(0.5), "high": at(0.75)}
""",
        "more entries, another order, another mapping": """def summary(seconds):
    from collections import OrderedDict

    q = np.quantile(np.array(seconds), (0.25, 0.5, 0.75))
    return OrderedDict(low=q[0], seconds=q[1], high=q[2], spread=q[2] - q[0], n=len(seconds), all=list(seconds))
""",
        "torch": """def summary(seconds):
    q = torch.quantile(torch.tensor(seconds, dtype=torch.float64), torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64))
    return {"seconds": q[1].item(), "low": q[0].item(), "high": q[2].item()}
""",
        "a subclass of dict": """class Summary(dict):
    def __getattr__(self, name):
        return self[name]


def summary(seconds):
    result = Summary()
    result["seconds"] = np.median(seconds)
    result["low"], result["high"] = np.percentile(seconds, [25, 75])
    return result
""",
        "arrays without axes": """def summary(seconds):
    s = np.sort(np.asarray(seconds, dtype=float))
    return {"seconds": np.array(np.median(s)), "low": np.array(np.percentile(s, 25)), "high": np.array(np.percentile(s, 75))}
""",
        "the quartiles of statistics, whose ends lie further out": """def summary(seconds):
    import statistics

    low, middle, high = statistics.quantiles(seconds, n=4)
    return {"seconds": middle, "low": low, "high": high}
""",
        "hinges: medians of the lower and the upper half": """def summary(seconds):
    s = sorted(seconds)
    half = (len(s) + 1) // 2
    return {"seconds": float(np.median(s)), "low": float(np.median(s[:half])), "high": float(np.median(s[-half:]))}
""",
    },
}
