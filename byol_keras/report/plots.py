"""Line plots and maps as inline SVG that follows the page's colours."""

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .markup import Html, tag

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CLASS_COLOURS", "curve", "scatter", "shares", "swatch"]

# Petroff (2021, arXiv 2107.02270): ten colours told apart with any of the common kinds of colour vision.
CLASS_COLOURS = (
    "#3f90da #ffa90e #bd1f01 #94a4a2 #832db6 #a96b59 #e76300 #b9ac70 #717581 #92dadd".split()  # noqa: SIM905
)
GREY = "#9aa0aa"
MARKERS = "osD^"

# Stand-ins that Matplotlib draws with; the page's style sheet knows the real colours, for light and for dark.
INKS = {"#010101": "var(--accent)", "#020202": "var(--muted)", "#030303": "var(--line)"}
ACCENT, MUTED, LINE = INKS

BINS = 240

LINES = (
    {"color": ACCENT, "linewidth": 1.6, "marker": "o", "markersize": 3.5},
    {"color": MUTED, "linewidth": 1.4, "linestyle": (0, (3, 2)), "marker": "o", "markersize": 2.5},
)


def curve(steps: np.ndarray, values: np.ndarray, description: str, percent: bool = False) -> Html:
    """Values over steps; of many, the mean of each stretch with the range around it.

    Args:
        steps: increasing integers.
        values: finite numbers.
        description: what somebody who can't see the plot should know.
        percent: whether the values are shares.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    figure, axes = _canvas(3.4, 1.75)
    centres, means, lows, highs = _binned(steps, values)
    if len(values) > BINS:
        axes.fill_between(centres, lows, highs, color=ACCENT, alpha=0.18, linewidth=0)
    axes.plot(centres, means, color=ACCENT, linewidth=1.6, marker="o" if len(means) < 3 else None, markersize=4)
    axes.plot(centres[-1:], means[-1:], color=ACCENT, marker="o", markersize=4, clip_on=False)
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: _short(step)))
    if percent:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}%"))
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.margins(x=0.02, y=0.08)
    return _svg(figure, description)


def _short(step: float) -> str:
    return f"{step / 1e6:g}M" if step >= 1e6 else f"{step / 1e3:g}k" if step >= 1e4 else f"{step:,.0f}"


def _binned(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, ...]:
    count = min(len(values), BINS)
    parts = [np.array_split(array, count) for array in (steps, values)]
    means = (np.array([part.mean() for part in array]) for array in parts)
    return (*means, np.array([part.min() for part in parts[1]]), np.array([part.max() for part in parts[1]]))


def shares(sizes: np.ndarray, lines: Mapping[str, np.ndarray], axis: str, description: str) -> Html:
    """Shares over sizes, on an axis on which each doubling is a step; the first line in the accent's colour.

    Args:
        sizes: increasing positive integers.
        lines: the shares at each size, by what they are.
        axis: what the sizes are of.
        description: what somebody who can't see the plot should know.
    """
    from matplotlib.ticker import FuncFormatter, NullLocator

    figure, axes = _canvas(3.4, 2.2)
    axes.set_xscale("log", base=2)
    for style, (name, values) in zip(LINES, lines.items(), strict=False):
        axes.plot(sizes, values, label=name, clip_on=False, **style)
    axes.set_xticks(_spaced(sizes), [_short(size) for size in _spaced(sizes)])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(axis, fontsize=8, color=MUTED, loc="right")
    axes.set_ylim(0.0, 1.0)
    axes.set_yticks(np.linspace(0.0, 1.0, 5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}%"))
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.margins(x=0.03)
    if len(lines) > 1:
        axes.legend(loc="lower right", fontsize=8, labelcolor=MUTED, frameon=False, handlelength=1.6)
    return _svg(figure, description)


def _spaced(sizes: np.ndarray) -> list[int]:
    """Sizes that have room for their number: of two that are close the larger, so that the last is named."""
    kept = []
    for size in sorted(map(int, sizes), reverse=True):
        if not kept or size * 1.8 <= kept[-1]:
            kept.append(size)
    return kept[:: 1 + len(kept) // 8][::-1]


def scatter(points: np.ndarray, groups: Sequence[np.ndarray], rest: np.ndarray, description: str) -> Html:
    """A map of points in the colours and shapes of their groups.

    Args:
        points: array of shape `(n, 2)`.
        groups: the indices of each group; `swatch(number)` is what the points of a group look like.
        rest: the indices of the others, which lie below in grey.
        description: what somebody who can't see the plot should know.
    """
    figure, axes = _canvas(6.4, 4.6)
    for number, members in [(len(CLASS_COLOURS), rest), *enumerate(groups)]:
        colour, marker = _look(number)
        axes.scatter(*points[members].T, s=11, color=colour, marker=marker, alpha=0.85, linewidth=0)
    axes.set_axis_off()
    axes.margins(0.02)
    return _svg(figure, description)


def swatch(number: int) -> Html:
    """The mark of a group, for a legend."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(0.2, 0.2), facecolor="none")
    axes = figure.add_axes((0, 0, 1, 1))
    colour, marker = _look(number)
    axes.plot([0], [0], color=colour, marker=marker, markersize=10, markeredgewidth=0)
    axes.set_axis_off()
    return _svg(figure)


def _look(number: int) -> tuple[str, str]:
    colour = CLASS_COLOURS[number] if number < len(CLASS_COLOURS) else GREY
    return colour, MARKERS[number % len(MARKERS)]


def _canvas(width: float, height: float) -> tuple["Figure", "Axes"]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
    axes = figure.add_subplot(facecolor="none")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    axes.tick_params(length=0, labelsize=8, labelcolor=MUTED)
    axes.ticklabel_format(useOffset=False)
    return figure, axes


def _svg(figure: "Figure", description: str | None = None) -> Html:
    """The figure as an element of the page: no declarations, no fixed size, the page's font and colours."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": description or "mark"}):
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    drawing = buffer.getvalue()
    box = re.search(r'viewBox="([^"]+)"', drawing)[1]
    drawing = re.search(r"<svg[^>]*>(.*)</svg>", drawing, re.DOTALL)[1]
    drawing = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r"font-family:[^;\"]*(&quot;[^;\"]*)*;?", "", drawing)
    drawing = re.sub(r'<g id="[^"]*"', "<g", drawing)
    drawing = re.sub(r"\s*\n\s*", "\n", drawing)
    for stand_in, colour in INKS.items():
        drawing = drawing.replace(stand_in, colour)
    spoken = {"role": "img", "aria_label": description} if description else {"aria_hidden": "true"}
    return tag("svg", Html(drawing), viewBox=box, **spoken)
