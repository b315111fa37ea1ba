"""Peak resident memory of a training step, ours and PyTorch's.

    python examples/benchmarks/memory.py --output memory.json

Every row is a process of its own that takes three steps. "step" is what the process needed at its worst beyond what it
needed with its libraries imported: parameters, momenta, gradients, activations and whatever else is kept. The compiled
rows are not measured: they are what XLA, compiling the step as a whole for a processor, says that it will take, with
both directions of the loss at once and, as on accelerators, one after the other.
"""

import argparse
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import rich
import rich.table
from children import children
from side_by_side import peer, resident, save
from step import SIZES

STEPS = 3


def main() -> None:
    options = parse_options()
    table = rich.table.Table("MiB", "imported", "peak", "step", "of PyTorch's")
    content = {}
    for name in options.networks:
        batch, size = options.batch or SIZES[name][0], options.size or SIZES[name][1]
        for precision in options.precisions:
            found = {row: peak(*maker) for row, maker in rows(name, batch, size, precision).items()}
            section = f"{name}, batch {batch}, {size} px, {precision}"
            content[section] = found
            show(table, section, found)
    rich.print(table)
    save(options.output, MiB=content)


def rows(name: str, batch: int, size: int, precision: str) -> dict[str, tuple]:
    settings = (size, precision)
    found = {
        "byol_keras": ("ours", name, batch, *settings),
        "its target left out": ("without_target", name, batch, *settings),
        "4 batches accumulated": ("ours", name, batch, *settings, "sgd", 4),
        "8 halves accumulated": ("ours", name, batch // 2, *settings, "sgd", 8),
        "a batch of 4 times as many": ("ours", name, 4 * batch, *settings),
        "compiled": ("compiled", name, batch, *settings),
        "compiled, one direction after the other": ("compiled_for_accelerators", name, batch, *settings),
    }
    if peer("torch"):
        found["PyTorch"] = ("theirs", name, batch, *settings)
        found["PyTorch, 4 times as many"] = ("theirs", name, 4 * batch, *settings)
    return found


def peak(*maker: object) -> dict[str, float]:
    how = planned if maker[0].startswith("compiled") else measured
    with children({"row": (how, *maker)}) as made:
        return made["row"]()


def planned(kind: str, *arguments: object) -> Callable[[], dict[str, float]]:
    """What XLA's own account of its buffers says about the step, arguments included."""
    folder = tempfile.TemporaryDirectory()
    os.environ["XLA_FLAGS"] = f"--xla_dump_to={folder.name} --xla_dump_hlo_as_text"
    import our_step
    import tensorflow as tf

    from byol_keras import threads

    threads.at_once = lambda: kind == "compiled"

    def run() -> dict[str, float]:
        name, batch, size, precision = arguments
        step = tf.function(our_step.make_model(name, size, precision).train_step, jit_compile=True)
        step(our_step.make_pair(batch, size))
        with folder:
            accounts = [path.read_text() for path in Path(folder.name).glob("*buffer-assignment.txt")]
        found = [int(count) for account in accounts for count in re.findall(r"Total bytes used: (\d+)", account)]
        return {"step": max(found) / 2**20}

    return run


def measured(kind: str, *arguments: object) -> Callable[[], dict[str, float]]:
    make = MAKERS[kind]()
    imported = resident()

    def run() -> dict[str, float]:
        step = make(*arguments)
        for _ in range(STEPS):
            step()
        return {"imported": imported, "peak": resident(), "step": resident() - imported}

    return run


def ours() -> Callable:
    import our_step

    import byol_keras  # noqa: F401

    return our_step.training_step


def without_target() -> Callable:
    ours()
    import our_step

    return our_step.step_without_target


def theirs() -> Callable:
    import torch_step

    return torch_step.training_step


MAKERS = {"ours": ours, "without_target": without_target, "theirs": theirs}


def show(table: rich.table.Table, section: str, found: dict[str, dict[str, float]]) -> None:
    table.add_row(f"[bold]{section}")
    for row, numbers in found.items():
        theirs = found.get("PyTorch", {}).get("step")
        share = f"{numbers['step'] / theirs:.2f}" if theirs else ""
        shown = (f"{numbers[key]:.0f}" if key in numbers else "" for key in ("imported", "peak", "step"))
        table.add_row(f"  {row}", *shown, share)
    table.add_section()


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=[*SIZES], choices=[*SIZES], help="what is trained")
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"], help="in what")
    parser.add_argument("--batch", type=int, help="examples. Default: the network's own, see step.py")
    parser.add_argument("--size", type=int, help="side of the pictures. Default: the network's own")
    parser.add_argument("--output", help="JSON file for the numbers")
    return parser.parse_args()


if __name__ == "__main__":
    main()
