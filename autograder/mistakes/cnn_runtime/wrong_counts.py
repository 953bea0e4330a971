"""Wrong counts (Part A): (right names, old text, new text) for the model solution's cells."""

CONV1, CONV2 = "9 * filters + filters,", "9 * filters * filters + filters,"
DENSE, OUT = "5 * 5 * filters * 128 + 128,", "128 * 10 + 10,"
F1, F2 = "2 * batch * filters * 1 * 9 * 26 * 26,", "2 * batch * filters * filters * 9 * 11 * 11,"
F3, F4 = "2 * batch * 25 * filters * 128,", "2 * batch * 128 * 10,"
STEP = "[2 * first, *(3 * flops for flops in others)]"

ROWS: dict[str, list[tuple[str, ...]]] = {
    "A-parameters": [
        ("biases-forgotten", CONV1, "9 * filters,"),
        ("biases-forgotten", OUT, "128 * 10,"),
        ("biases-forgotten", DENSE, "25 * filters * 128,"),
        ("one-bias-only", CONV2, "9 * filters * filters + 1,"),
        ("channels-forgotten", CONV2, "9 * filters + filters,"),
        ("doubled-for-squared", CONV2, "9 * 2 * filters + filters,"),
        ("channels-mixed-up", CONV1, "9 * filters * filters + filters,"),
        ("channels-mixed-up", CONV1, "3 * 9 * filters + filters,"),
        ("window-forgotten", CONV2, "filters * filters + filters,"),
        ("window-forgotten", CONV1, "3 * filters + filters,"),
        ("wrong-window", CONV1, "25 * filters + filters,"),
        ("wrong-size-for-dense", DENSE, "11 * 11 * filters * 128 + 128,"),
        ("wrong-size-for-dense", DENSE, "7 * 7 * filters * 128 + 128,"),
        ("wrong-size-for-dense", DENSE, "6 * 6 * filters * 128 + 128,"),
        ("wrong-size-for-dense", DENSE, "13 * 13 * filters * 128 + 128,"),
        ("filters-forgotten", DENSE, "5 * 5 * 128 + 128,"),
        ("positions-forgotten", DENSE, "filters * 128 + 128,"),
        ("filters-written-in", DENSE, "400 * 128 + 128,"),
        ("filters-written-in", CONV2, "9 * 16 * filters + filters,"),
        ("filters-written-in", "def parameters(filters):", "def parameters(filters):\n    filters = 16"),
        ("bias-per-position", CONV1, "9 * filters + filters * 26 * 26,"),
        ("weights-per-position", CONV1, "9 * filters * 26 * 26 + filters,"),
        ("total-for-layers", "    return [", "    return sum(["),  # completed below
        ("wrong-shape", OUT, ""),
        ("layers-reversed", "    return [", "    return lambda: ["),  # completed below
        ("returns-none", "    return [", "    found = ["),
        ("wrong-input-of-output", OUT, "25 * filters * 10 + 10,"),
        ("flops-for-parameters", CONV2, "2 * 9 * filters * filters * 11 * 11,"),
    ],
    "A-forward": [
        ("factor-two-missing", F1, F1.replace("2 * ", "", 1)),
        ("factor-two-missing", F4, F4.replace("2 * ", "", 1)),
        ("batch-forgotten", "def forward_flops(filters, batch):", "def forward_flops(filters, batch):\n    batch = 1"),
        ("wrong-positions", F1, F1.replace("26 * 26", "28 * 28")),
        ("wrong-positions", F2, F2.replace("11 * 11", "13 * 13")),
        ("wrong-positions", F2, F2.replace("11 * 11", "5 * 5")),
        ("wrong-positions", F1, F1.replace("26 * 26", "13 * 13")),
        ("wrong-positions", F2, "batch * filters * filters * 9 * 13 * 13,"),
        ("positions-forgotten", F2, F2.replace(" * 11 * 11", "")),
        ("channels-forgotten", F2, F2.replace("filters * filters", "filters")),
        ("channels-mixed-up", F1, F1.replace("filters * 1", "filters * filters")),
        ("window-forgotten", F2, F2.replace(" * 9", "")),
        ("window-forgotten", F1, F1.replace(" * 9", " * 3")),
        ("wrong-size-for-dense", F3, F3.replace("25", "49")),
        ("wrong-size-for-dense", F3, F3.replace("25", "169")),
        ("biases-counted", F1, "2 * batch * filters * (9 + 1) * 26 * 26,"),
        ("biases-counted", F3, "batch * (2 * 25 * filters + 1) * 128,"),
        ("additions-counted-exactly", F3, "batch * (2 * 25 * filters - 1) * 128,"),
        ("parameters-for-flops", F4, "2 * batch * (128 * 10 + 10),"),
        ("in-mega", F1, F1.replace("26,", "26 / 1e6,")),
        ("batch-squared", F4, "2 * batch * batch * 128 * 10,"),
        ("wrong-classes", F4, "2 * batch * 128 * 128,"),
    ],
    "A-step": [
        ("gradient-of-the-images", STEP, "[3 * first, *(3 * flops for flops in others)]"),
        ("one-backward-only", STEP, "[2 * first, *(2 * flops for flops in others)]"),
        ("forward-only", STEP, "[first, *others]"),
        ("backward-only", STEP, "[first, *(2 * flops for flops in others)]"),
        ("first-layer-not-trained", STEP, "[first, *(3 * flops for flops in others)]"),
        ("wrong-end", STEP, "[3 * first, 3 * others[0], 3 * others[1], 2 * others[2]]"),
        ("wrong-end", STEP, "[3 * first, *(2 * flops for flops in others)]"),
        ("too-many-passes", STEP, "[4 * first, *(4 * flops for flops in others)]"),
        ("total-for-layers", STEP, "2 * first + 3 * sum(others)"),
        ("batch-forgotten", "forward_flops(filters, batch)", "forward_flops(filters, 1)"),
    ],
}
table = ROWS["A-parameters"]
BODY = '''
def parameters(filters):
    found = [10 * filters, 9 * filters**2 + filters, 3200 * filters + 128, 1290]
    return {}
'''
for i, (names, *_) in enumerate(table):
    if names == "total-for-layers":
        table[i] = (names, BODY.format("sum(found)"))
    if names == "layers-reversed":
        table[i] = (names, BODY.format("found[::-1]"))
table += [
    ("running-total", BODY.format("list(np.cumsum(found))")),
    ("wrong-shape", BODY.format("[*found[:2], 0, 0, *found[2:]]")),
    ("not-a-list", BODY.format("dict(zip(('conv 1', 'conv 2', 'dense', 'output'), found))")),
    ("bytes-for-parameters", BODY.format("[4 * n for n in found]")),
]
