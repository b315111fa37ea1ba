"""Whether the cost of a picture stays what it is as the pictures become more, and the replicas.

    python examples/benchmarks/growth.py --output growth.json

Three tables. Training: pictures drawn in the order of an epoch from a file on disk, alone and into a step of the small
network, and how long the first batch takes, for more and more pictures. Judging: features and nearest neighbours, per
picture. Replicas: one device and two logical ones, which share the cores, at the same global batch. The file of a
million pictures of 32 px takes 3 GB where temporary files lie.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from children import children
from side_by_side import in_turns, measure, options_of, report, resident

SIDE = 32
BLOCK = 10_000  # pictures written at a time
STEPS = 20  # of a turn
CLASSES, WIDTH, QUERIES, PIXELS = 10, 512, 1_000, 16


def main(arguments: list[str] | None = None) -> None:
    options = parse_options(arguments)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = {count: written(Path(folder, f"{count}.npy"), count) for count in options.pictures}
        for name, make in {"reading and shuffling": reading, "training, the small network": training}.items():
            makers = {f"of {count:,} pictures": (make, path, options.batch) for count, path in paths.items()}
            with children(makers) as made:
                results[name] = measure(made, STEPS * options.batch, options.repeats, options.seconds)
        for count, path in paths.items():
            with children({"start": (start, path, options.batch)}) as made:
                seconds, mebibytes = made["start"]()
            print(f"{count:,} pictures: first batch after {seconds:.2f} s, {mebibytes:.0f} MiB at most", flush=True)
    for name, make in {"features": features, "nearest neighbours": neighbours}.items():
        counts = {f"of {count:,}": count for count in options.judged}
        with children({what: (make, count) for what, count in counts.items()}) as made:
            results[name] = measure(made, counts, options.repeats, options.seconds)
    makers = {f"{n} replicas" if n > 1 else "one device": (replicated, n, options.batch) for n in (1, 2)}
    with children(makers) as made:
        results["replicas, the small network"] = in_turns(made, STEPS * options.batch, options.repeats)
    report("The cost of a picture", results, "pictures", options.output)


def written(path: Path, count: int) -> str:
    """Noise, blocks of which are turned over so that no two are the same."""
    pictures = np.lib.format.open_memmap(path, "w+", "uint8", (count, SIDE, SIDE, 3))
    block = np.random.default_rng(0).integers(0, 256, (min(BLOCK, count), SIDE, SIDE, 3), dtype="uint8")
    for begin in range(0, count, BLOCK):
        rows = min(BLOCK, count - begin)
        pictures[begin : begin + rows] = np.roll(block, begin // BLOCK)[:rows]
    pictures.flush()
    return str(path)


def stream(path: str, batch: int) -> object:
    import byol_keras as bk

    views = bk.views.ImageViews(SIDE, "cifar")
    source = bk.data.open_source(path)
    return bk.data.Pictures(source, SIDE, crop=(views.settings.area, views.settings.ratio)).training(batch)


def reading(path: str, batch: int) -> Callable[[], None]:
    batches = iter(stream(path, batch))

    def some() -> None:
        for _ in range(STEPS):
            next(batches).numpy()

    return some


def training(path: str, batch: int) -> Callable[[], None]:
    from our_step import compiled_step, make_model

    import byol_keras as bk

    batches = iter(stream(path, batch))
    views = bk.views.ImageViews(SIDE, "cifar")
    step = compiled_step(make_model("small", SIDE, "float32", views=views))

    def some() -> None:
        for _ in range(STEPS):
            logs = step(next(batches))
        float(logs["loss"])

    return some


def start(path: str, batch: int) -> Callable[[], tuple[float, float]]:
    """Seconds until the first batch is there, and the most memory that the process has held, libraries included."""
    import byol_keras as bk  # noqa: F401

    def run() -> tuple[float, float]:
        began = time.perf_counter()
        next(iter(stream(path, batch))).numpy()
        return time.perf_counter() - began, resident()

    return run


def features(count: int) -> Callable[[], None]:
    import byol_keras as bk

    encoder = bk.encoders.small_resnet((PIXELS, PIXELS, 3))
    pictures = np.random.default_rng(0).integers(0, 256, (count, PIXELS, PIXELS, 3), dtype="uint8")
    return lambda: bk.evaluation.extract_features(encoder, pictures)


def neighbours(count: int) -> Callable[[], None]:
    import byol_keras as bk

    rng = np.random.default_rng(0)
    bank, queries = rng.normal(size=(count, WIDTH)), rng.normal(size=(QUERIES, WIDTH))
    labels, truth = rng.integers(0, CLASSES, count), rng.integers(0, CLASSES, QUERIES)
    bank, queries = bank.astype("float32"), queries.astype("float32")
    return lambda: bk.evaluation.knn_accuracy(bank, labels, queries, truth)


def replicated(replicas: int, batch: int) -> Callable[[], float]:
    """`fit` on so many logical devices, which divide a global batch among themselves."""
    import tensorflow as tf

    from byol_keras.threads import spread_over_cores

    spread_over_cores()  # first: a strategy has TensorFlow begin
    (processor,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * replicas)
    devices = [f"CPU:{number}" for number in range(replicas)]
    strategy = tf.distribute.MirroredStrategy(devices) if replicas > 1 else tf.distribute.get_strategy()
    from fitting import fitted
    from our_step import make_model, make_pair

    with strategy.scope():
        model = make_model("small", SIDE, "float32")
    return fitted(model, make_pair(batch, SIDE), STEPS)


def parse_options(arguments: list[str] | None) -> argparse.Namespace:
    parser = options_of(__doc__, repeats=5, seconds=2.0)
    million = [10_000, 100_000, 1_000_000]
    parser.add_argument("--pictures", type=int, nargs="+", default=million, help="in the file")
    parser.add_argument("--judged", type=int, nargs="+", default=[10_000, 20_000, 40_000], help="features, neighbours")
    parser.add_argument("--batch", type=int, default=128, help="pictures of a step")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
