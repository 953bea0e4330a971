"""Networks that are prepared for timing are replaced by ones that only wait, as long as their operations would take."""

SLOW = {
    "A-table": "",
    "C-prepare": '''
def prepare(filters, name, batch=BATCH):
    spec = study.study_spec(filters, batch)
    seconds = study.training_flops(spec) / (8e10 if name == "numpy" else 7e10)

    def step(pair):
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            pass
        return np.float32(2.3)

    return SimpleNamespace(step=step, load=lambda: None, synchronise=lambda: None, hardware=CPU)
''',
    "D-epochs": "epoch_seconds = [0.625, 0.481, 0.455, 0.5, 0.47] * 4",
}
