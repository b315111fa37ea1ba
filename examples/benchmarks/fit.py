"""What `fit` costs on top of the compiled step that it runs: callbacks, logs, the target's move, the monitor.

    python examples/benchmarks/fit.py --output fit.json

The bare step is `train_step` and the target's move in one compiled function; `fit` has `TargetEMA`, its metrics and the
monitor that watches for collapse on 256 examples, as `byol-keras pretrain` has. Both get ready pairs of views.
"""

import argparse
import time
from collections.abc import Callable

import keras
import tensorflow as tf
from our_step import compiled_step, make_model, make_pair
from side_by_side import Measured, options_of, report

import byol_keras as bk

EXAMPLES = 256  # that the monitor looks at, as in `byol-keras pretrain`


class Clock(keras.callbacks.Callback):
    """Seconds from the end of the first step to the end of the last."""

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        now = time.perf_counter()
        if batch == 0:
            self.began = now
        self.seconds, self.steps = now - self.began, batch


def main() -> None:
    options = parse_options()
    results = {}
    for precision in options.precisions:
        model, pair = make_model(options.network, options.size, precision), make_pair(options.batch, options.size)
        contestants = {
            "fit": fitted(model, pair, options.steps, [bk.callbacks.CollapseMonitor(examples=looked_at(options.size))]),
            "fit without the monitor": fitted(model, pair, options.steps, []),
            "the bare step": bare(model, pair, options.steps),
        }
        section = f"{options.network}, batch {options.batch}, {options.size} px, {precision}"
        results[section] = in_turns(contestants, options.batch * options.steps, options.repeats)
    report(f"{options.steps} steps in a row", results, "pictures", options.output)


def in_turns(contestants: dict[str, Callable[[], float]], pictures: int, repeats: int) -> list[Measured]:
    """As `measure`, of contestants that tell how long they took: what precedes a run's first step is not counted."""
    for run in contestants.values():
        run()
    turns = [{name: pictures / run() for name, run in contestants.items()} for _ in range(repeats)]
    return [
        Measured(name, [turn[name] for turn in turns], [turn["fit"] / turn[name] for turn in turns])
        for name in contestants
    ]


def looked_at(size: int) -> dict:
    return {name: view.numpy() for name, view in make_pair(EXAMPLES, size).items()}


def fitted(model: bk.BYOL, pair: dict, steps: int, callbacks: list) -> Callable[[], float]:
    data = tf.data.Dataset.from_tensors(pair).repeat()

    def run() -> float:
        clock = Clock()
        others = [bk.callbacks.TargetEMA(0.99, "constant"), *callbacks, clock]
        model.fit(data, steps_per_epoch=steps + 1, epochs=1, callbacks=others, verbose=0)
        return clock.seconds

    return run


def bare(model: bk.BYOL, pair: dict, steps: int) -> Callable[[], float]:
    step = compiled_step(model)

    def run() -> float:
        began = time.perf_counter()
        for _ in range(steps):
            logs = step(pair)
        float(logs["loss"])
        return time.perf_counter() - began

    return run


def parse_options() -> argparse.Namespace:
    parser = options_of(__doc__, repeats=5)
    parser.add_argument("--network", default="small", choices=["small", "resnet18", "resnet50"], help="what is trained")
    parser.add_argument("--batch", type=int, default=128, help="examples")
    parser.add_argument("--size", type=int, default=32, help="side of the pictures")
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"], help="in what")
    parser.add_argument("--steps", type=int, default=40, help="in a turn: a multiple of the monitor's 20")
    return parser.parse_args()


if __name__ == "__main__":
    main()
