"""A training step of BYOL, ours and PyTorch's, on the same networks.

    python examples/benchmarks/step.py --output step.json

In a step: both views, which are ready, through the online and the target network, the loss in both directions, its
gradients, SGD with momentum and weight decay, the target's move, loss and spread of the targets for the log. Every
contestant has a process of its own, which sleeps unless it is its turn.
"""

import argparse

import peaks
from children import children
from our_step import operations, training_step
from side_by_side import measure, options_of, peer, report

# Batch and side of the pictures.
SIZES = {"small": (128, 32), "resnet18": (64, 32), "resnet50": (8, 224)}


def main() -> None:
    options = parse_options()
    results = {}
    for name in options.networks:
        batch, size = options.batch or SIZES[name][0], options.size or SIZES[name][1]
        for precision in options.precisions:
            section = f"{name}, batch {batch}, {size} px, {precision}"
            with children(contestants(name, batch, size, precision, options)) as made:
                results[section] = measure(made, batch, options.repeats, options.seconds)
            print_speed(section, results[section], operations_of(name, size))
    report("A step of BYOL", results, "pictures", options.output)
    print_peaks()


def contestants(name: str, batch: int, size: int, precision: str, options: argparse.Namespace) -> dict[str, tuple]:
    ours = (training_step, name, batch, size, precision)
    found = {"byol_keras": ours}
    if options.lars:
        found["byol_keras, LARS"] = (*ours, "lars")
    if theirs := peer("torch_step"):
        found["PyTorch"] = (theirs.training_step, name, batch, size, precision)
        if options.compiled:
            found["PyTorch, torch.compile"] = (*found["PyTorch"], True)
    return found


def operations_of(name: str, size: int) -> float:
    with children({"operations": (operations, name, size)}) as made:
        return made["operations"]()


def print_speed(section: str, measured: list, per_picture: float) -> None:
    speeds = ", ".join(f"{one.name} {one.rate * per_picture / 1e9:.0f}" for one in measured)
    print(f"{section}: {per_picture / 1e9:.2f} GFLOP per picture; GFLOP/s: {speeds}", flush=True)


def print_peaks() -> None:
    makers = {"TensorFlow": (peaks.tensorflow_peaks,)}
    if peer("torch"):
        makers["PyTorch"] = (peaks.torch_peaks,)
    with children(makers) as made:
        for name, call in made.items():
            call()
            print(f"{name} at its best, GFLOP/s: " + ", ".join(f"{k} {v:.0f}" for k, v in call().items()), flush=True)


def parse_options() -> argparse.Namespace:
    parser = options_of(__doc__, repeats=5, seconds=3.0)
    parser.add_argument("--networks", nargs="+", default=[*SIZES], choices=[*SIZES], help="what is trained")
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"], help="in what")
    parser.add_argument("--batch", type=int, help="examples. Default: the network's own, see SIZES")
    parser.add_argument("--size", type=int, help="side of the pictures. Default: the network's own")
    parser.add_argument("--lars", action="store_true", help="also our step with LARS")
    parser.add_argument("--compiled", action="store_true", help="also PyTorch's through torch.compile")
    return parser.parse_args()


if __name__ == "__main__":
    main()
