"""An evaluation for the eye."""

from typing import TYPE_CHECKING

from .results import Evaluation, Row

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["table"]

# With more columns than this, accuracy and interval side by side are too wide for a terminal.
_WIDE = 3


def table(evaluation: Evaluation) -> "Table":
    """One line per representation, one column per judge; each cell is an accuracy and its 95% interval, in percent.

    The best of each column are bold. The table is one of `rich`.

    Args:
        evaluation: what `judge` returns.

    Example:
    >>> import numpy as np, rich
    >>> row = Row.measured("online", "knn", np.array([True] * 8 + [False] * 2))
    >>> rich.print(table(Evaluation((row,), 10, 10, 2)).columns[1]._cells[0])
    80.0 (49.0 - 94.3)
    """
    from rich.markup import escape
    from rich.table import Table

    judges = list(dict.fromkeys(row.judge for row in evaluation.rows))
    best = {judge: max(row.accuracy for row in evaluation.rows if row.judge == judge) for judge in judges}
    drawn = Table(caption=_caption(evaluation), caption_justify="left")
    drawn.add_column("representation", no_wrap=True)
    for judge in judges:
        drawn.add_column(judge, justify="right")
    for name in dict.fromkeys(row.representation for row in evaluation.rows):
        rows = [row for row in evaluation.rows if row.representation == name]
        cells = {row.judge: _cell(row, best, len(judges) > _WIDE) for row in rows}
        drawn.add_row(escape(name), *(cells.get(judge, "") for judge in judges))
    return drawn


def _cell(row: Row, best: dict[str, float], narrow: bool) -> str:
    interval = f"{100 * row.low:.1f} - {100 * row.high:.1f}"
    text = f"{100 * row.accuracy:.1f}" + (f"\n{interval}" if narrow else f" ({interval})")
    return f"[bold]{text}[/bold]" if row.accuracy == best[row.judge] else text


def _caption(evaluation: Evaluation) -> str:
    return (
        f"% of {evaluation.test_examples:,} examples right (95% interval), learned from "
        f"{evaluation.train_examples:,} labels, {evaluation.classes} classes; "
        f"kNN: k {evaluation.k}, temperature {evaluation.temperature}"
    )
