"""How long things take to begin: imports, the command's help, and the first step of a small network.

    python examples/benchmarks/startup.py --output startup.json

Every turn starts each contestant as a process of its own; seconds are from its start to its end, and differences are
taken within a turn. On a busy machine Keras alone takes a second more or less, so that what our import adds to it is
counted inside of a process as well, after Keras'. So is "the first step", from the call of `fit` to the end of its
first step: tracing, compiling and the step itself.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable

import rich
import rich.table
from children import children
from side_by_side import options_of, save, spread

COMMANDS = {
    "import keras": ["-c", "import keras"],
    "import keras, tensorflow": ["-c", "import keras, tensorflow"],
    "import byol_keras": ["-c", "import byol_keras"],
    "byol-keras --help": ["-m", "byol_keras", "--help"],
    "byol-keras pretrain --help": ["-m", "byol_keras", "pretrain", "--help"],
}
# What each is compared with.
BESIDE = {
    "import byol_keras": "import keras",
    "byol-keras --help": "import keras, tensorflow",
    "byol-keras pretrain --help": "import keras, tensorflow",
}
_ADDED = "import byol_keras, after keras"
_ADDS = "import time, keras; began = time.perf_counter(); import byol_keras; print(time.perf_counter() - began)"


def main(arguments: list[str] | None = None) -> None:
    options = parse_options(arguments)
    for command in COMMANDS.values():
        seconds(command)  # so that files lie in memory
    turns = [turn() for _ in range(options.repeats)]
    began = {name: [one[name] for one in turns] for name in turns[0]}
    with children({"first": (first_step, options.batch, options.size)}) as made:
        first = made["first"]()
    show(began, first)
    save(options.output, **{"seconds": began, "first step": first})


def turn() -> dict[str, float]:
    return {name: seconds(command) for name, command in COMMANDS.items()} | {_ADDED: float(output_of(["-c", _ADDS]))}


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    output_of(command)
    return time.perf_counter() - began


def output_of(command: list[str]) -> str:
    return subprocess.run([sys.executable, *command], check=True, capture_output=True, text=True).stdout


def first_step(batch: int, size: int) -> Callable[[], float]:
    import tensorflow as tf
    from fitting import Clock
    from our_step import make_model, make_pair

    import byol_keras as bk

    model, data = make_model("small", size, "float32"), tf.data.Dataset.from_tensors(make_pair(batch, size)).repeat()

    def run() -> float:
        clock, began = Clock(), time.perf_counter()
        model.fit(data, steps_per_epoch=1, callbacks=[bk.callbacks.TargetEMA(), clock], verbose=0)
        return clock.began - began

    return run


def show(began: dict[str, list[float]], first: float) -> None:
    table = rich.table.Table("", "seconds", "more than")
    for name, taken in began.items():
        beside = BESIDE.get(name)
        more = [a - b for a, b in zip(taken, began[beside], strict=True)] if beside else []
        table.add_row(name, spread(taken, ".2f"), f"{beside}: {spread(more, '.2f')}" if more else "")
    table.add_row("the first step of the small network", f"{first:.1f}", "")
    rich.print(table)


def parse_options(arguments: list[str] | None) -> argparse.Namespace:
    parser = options_of(__doc__, repeats=9)
    parser.add_argument("--batch", type=int, default=128, help="of the first step")
    parser.add_argument("--size", type=int, default=32, help="side of its pictures")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
