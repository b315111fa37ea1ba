"""What `fit` costs on top of the compiled step that it runs: callbacks, logs, the target's move, the monitor.

    python examples/benchmarks/fit.py --output fit.json

The bare step is `train_step` and the target's move in one compiled function; `fit` has `TargetEMA`, its metrics and the
monitor that watches for collapse on 256 examples, as `byol-keras pretrain` has, in a run under way: only its first ten
looks measure the examples every time. Both get ready pairs of views.
"""

import argparse
import time
from collections.abc import Callable

from fitting import fitted
from our_step import compiled_step, make_model, make_pair
from side_by_side import in_turns, options_of, report

import byol_keras as bk

EXAMPLES = 256  # that the monitor measures, as in `byol-keras pretrain`


def main() -> None:
    options = parse_options()
    results = {}
    for precision in options.precisions:
        model, pair = make_model(options.network, options.size, precision), make_pair(options.batch, options.size)
        contestants = {
            "fit": fitted(model, pair, options.steps, [monitor(options.size)]),
            "fit without the monitor": fitted(model, pair, options.steps),
            "the bare step": bare(model, pair, options.steps),
        }
        section = f"{options.network}, batch {options.batch}, {options.size} px, {precision}"
        results[section] = in_turns(contestants, options.batch * options.steps, options.repeats)
    report(f"{options.steps} steps in a row", results, "pictures", options.output)


def monitor(size: int) -> bk.callbacks.CollapseMonitor:
    examples = {name: view.numpy() for name, view in make_pair(EXAMPLES, size).items()}
    under_way = bk.callbacks.CollapseMonitor(examples=examples)
    under_way.set_state(under_way.get_state() | {"examined": [10, 0]})
    return under_way


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
    parser.add_argument("--steps", type=int, default=139, help="in a turn, beside its first: one measurement in 140")
    return parser.parse_args()


if __name__ == "__main__":
    main()
