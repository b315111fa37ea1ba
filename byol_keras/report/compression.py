"""What shorter features keep, as curves and as numbers."""

import numpy as np

from ..evaluation import Compression
from .markup import Html, tag
from .plots import shares
from .tables import cells_table
from .wording import count, percent

__all__ = ["compression_curves", "compression_table"]

_AXIS = "components, 4 bytes each"


def compression_curves(found: Compression) -> Html:
    """The variance that is kept, and the accuracy where it was measured, over the number of components."""
    figures = [_variance(found)]
    if all(row.accuracy is not None for row in found.rows):
        figures.append(_accuracy(found))
    return tag("div", *figures, class_="curves")


def compression_table(found: Compression) -> Html:
    """A line for each number of components."""
    judged = any(row.accuracy is not None for row in found.rows)
    head = ["Components", "Bytes", "Variance kept", "Held-out error", *["Nearest neighbours"] * judged]
    lines = [
        (
            count(row.components),
            count(row.bytes),
            percent(row.variance),
            percent(row.error),
            *[percent(row.accuracy) if row.accuracy is not None else "not measured"] * judged,
        )
        for row in found.rows
    ]
    return cells_table("numbers", head, lines)


def _variance(found: Compression) -> Html:
    enough = next((row for row in found.rows if row.variance >= 0.9), found.rows[-1])
    explanation = "How much of the squared distance from the mean the components explain; the rest is the error."
    lines = {
        "fitted": np.array([row.variance for row in found.rows]),
        "held out": np.array([1.0 - row.error for row in found.rows]),
    }
    value = f"{percent(enough.variance)} in {count(enough.components)}"
    return _figure(found, "Variance kept", value, explanation, lines)


def _accuracy(found: Compression) -> Html:
    best = max(row.accuracy for row in found.rows)
    short = next(row for row in found.rows if row.accuracy >= best - 0.01)
    explanation = (
        f"Right answers. With {count(short.components)} components they come within a point of the best for the first "
        "time."
    )
    lines = {"right answers": np.array([row.accuracy for row in found.rows])}
    value = f"{percent(short.accuracy)} in {count(short.components)}"
    return _figure(found, "Nearest neighbours", value, explanation, lines)


def _figure(found: Compression, title: str, value: str, explanation: str, lines: dict[str, np.ndarray]) -> Html:
    sizes, first = np.array([row.components for row in found.rows]), next(iter(lines.values()))
    description = (
        f"{title} from {percent(first[0])} with {count(sizes[0])} components to {percent(first[-1])} with "
        f"{count(sizes[-1])}"
    )
    caption = tag("figcaption", tag("div", tag("h3", title), tag("b", value)), tag("p", explanation))
    return tag("figure", caption, shares(sizes, lines, _AXIS, description))
