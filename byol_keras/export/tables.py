"""What exports came to, for the eye."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .verification import Check, Verification

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["dims_table", "verification_table"]


def verification_table(found: Verification) -> "Table":
    """Two lines per artefact and runtime, narrow enough for a terminal; those that break a bound are red."""
    from rich.table import Table

    drawn = Table(caption=f"compared on {found.examples:,} examples", caption_justify="left", show_lines=True)
    drawn.add_column("artefact\nruntime, weights")
    for name in ("largest\ndifference", "cosine\ncentred", "kNN\nof encoder", "MB", "ms at 1\nat 32"):
        drawn.add_column(name, justify="right")
    for check in found.checks:
        drawn.add_row(*_cells(check), style="red" if check.broken else None)
    return drawn


def _cells(check: Check) -> list[str]:
    from rich.markup import escape

    # Of a SavedModel the version as well.
    parts = check.artefact.rstrip("/").split("/")
    name = "/".join(parts[-1:] if parts[-1].endswith((".tflite", ".onnx")) else parts[-2:])
    plain = (1, 32) if 1 in check.milliseconds else ()
    times = [f"{time:.2f}" if size in plain else f"{time:.2f} at {size}" for size, time in check.milliseconds.items()]
    return [
        f"{escape(name)}\n{check.runtime}, {check.precision}",
        f"{check.difference:.0e}",
        f"{check.cosine:.4f}\n{check.centred_cosine:.4f}",
        "" if check.knn is None else f"{check.knn:.1%}\n{check.knn_before:.1%}",
        f"{check.megabytes:.2f}",
        "\n".join(times),
    ]


def dims_table(lines: Sequence[tuple[int, float, float]]) -> "Table":
    """What `compare_dims` found."""
    from rich.table import Table

    drawn = Table()
    for column in ("numbers", "variance kept", "kNN"):
        drawn.add_column(column, justify="right")
    for index, (dim, kept, accuracy) in enumerate(lines):
        whole = index == len(lines) - 1
        drawn.add_row(f"{dim}, as they are" if whole else str(dim), f"{kept:.1%}", f"{accuracy:.1%}")
    return drawn
