"""Whether a run collapses, told from what was measured along its way."""

import bisect
import math
import numbers
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Verdict", "verdict"]

# From runs on vectors and pictures with several optimizers, rates, heads and targets. Healthy ones kept 83% of their
# highest `target_std` through warm-up and dips of 100 steps, a single one 64%. Collapsing ones on pictures were below
# 60% within 120 steps and most below 25% within 200.
_FELL, _HALVED, _GONE = 0.6, 0.5, 0.25
_NO_SPREAD = 0.05
_FEWEST = 4
# Networks without batch normalisation may start with hardly any spread, and need time to find some.
_PATIENCE = 100

_REMEDY = (
    "Likely causes: no predictor, heads without batch normalisation, a learning rate too high, a target that follows "
    "at once (`tau` near 0), or views that are all alike. Mend that and start again: a collapse does not heal."
)


@dataclass(frozen=True)
class Verdict:
    """What the measurements of a run say.

    Args:
        state: `"healthy"`, `"collapsing"`, `"collapsed"`, or `"unknown"` where it is too early to tell, or where
            what is low rises.
        sentence: the same in words, with the numbers that it rests on, likely causes and remedy.
    """

    state: str
    sentence: str


def verdict(history: Iterable[Mapping]) -> Verdict:
    """Judges a run by how much of its spread it kept and where that is going, rather than by how low it is.

    Healthy runs start high or low, dip while the rate warms up, and recover; what gives a collapse away is
    that `target_std` leaves its highest value behind and keeps falling. Below half of it a run counts as collapsing
    unless it rises again, below 60% if it still falls; below a quarter it has collapsed, and so it has where a hundred
    steps found hardly any spread. What is low and clearly rises is left open. An effective rank that loses three
    quarters counts as well: a projection can stay spread out while the representation behind it thins.

    Args:
        history: measurements in their order, e.g. the lines of `metrics.jsonl`: mappings with `step`, `target_std` and
            possibly `effective_rank`. Whatever else they hold is left aside, and so are values that are not finite.

    Example:
    >>> verdict([{"step": 20 * i, "target_std": 0.8 - 0.1 * i} for i in range(6)]).state
    'collapsing'
    >>> verdict([{"step": 20 * i, "target_std": 0.4 + 0.05 * i} for i in range(6)]).sentence
    'Healthy: target_std is 0.60 at step 100, and has been 0.60 at most (step 100).'
    """
    history = list(history)
    spread = _Course(*_series(history, "target_std", lowest=0.0))
    state = _state(spread)
    rank = _Course(*_series(history, "effective_rank", lowest=1.0))
    if state == "healthy" and len(rank.values) >= _FEWEST and rank.kept < _GONE and rank.trend < 1.1:
        return Verdict("collapsing", f"The representation is losing its directions: {rank.fall()}. {_REMEDY}")
    return Verdict(state, _sentence(state, spread))


@dataclass(frozen=True)
class _Course:
    """Smoothed values above the lowest possible one, and the steps they belong to."""

    name: str
    lowest: float
    steps: list
    values: list

    @property
    def now(self) -> float:
        return self.values[-1]

    @property
    def highest(self) -> float:
        return max(self.values)

    @property
    def kept(self) -> float:
        """The share of the highest value that is left."""
        return self.now / self.highest if self.highest > 0.0 else 1.0

    @property
    def trend(self) -> float:
        """The newest value by that of a quarter of the run ago. Next to nothing there is no ratio: 0.01 stands in."""
        since = self.steps[-1] - (self.steps[-1] - self.steps[0]) / 4
        before = min(bisect.bisect_right(self.steps, since) - 1, len(self.steps) - 4)
        return self.now / max(self.values[before], 0.01)

    def fall(self) -> str:
        start = self.steps[self.values.index(self.highest)]
        top, end = self.highest + self.lowest, self.now + self.lowest
        return (
            f"{self.name} fell from {top:.2f} (step {start}) to {end:.2f} (step {self.steps[-1]}), "
            f"{end / top:.0%} of its highest"
        )


def _series(history: list[Mapping], name: str, lowest: float) -> tuple[str, float, list, list]:
    """Arguments of a `_Course`: medians of three, so that one odd batch neither sets the mark nor gives the alarm."""
    lines = [line for line in history if _is_finite(line.get(name))]
    raw = [float(line[name]) - lowest for line in lines]
    values = [statistics.median(raw[max(0, index - 2) : index + 1]) for index in range(len(raw))]
    return name, lowest, [line.get("step", index) for index, line in enumerate(lines)], values


def _is_finite(value: object) -> bool:
    return isinstance(value, numbers.Real) and math.isfinite(value)


def _state(spread: _Course) -> str:
    if len(spread.values) < _FEWEST:
        return "unknown"
    if spread.kept < _GONE:
        return "collapsed" if spread.trend < 1.5 else "unknown"
    if spread.now < _NO_SPREAD:
        waited = spread.steps[-1] - spread.steps[0] >= _PATIENCE
        return "collapsed" if waited and spread.trend < 1.5 else "unknown"
    if spread.kept < _HALVED:
        return "collapsing" if spread.trend < 1.1 else "unknown"
    return "collapsing" if spread.kept < _FELL and spread.trend < 0.98 else "healthy"


def _sentence(state: str, spread: _Course) -> str:
    if len(spread.values) < _FEWEST:
        return f"Too early to tell: {len(spread.values)} measurements of target_std, {_FEWEST} are needed."
    if state == "unknown":
        now = f"{spread.now:.2f} at step {spread.steps[-1]}"
        return f"Undecided: target_std is low, but it rises or the run is young ({now})."
    if state == "healthy":
        highest = spread.steps[spread.values.index(spread.highest)]
        now = f"target_std is {spread.now:.2f} at step {spread.steps[-1]}"
        return f"Healthy: {now}, and has been {spread.highest:.2f} at most (step {highest})."
    if spread.highest < _NO_SPREAD:
        return f"Collapsed: target_std never rose above {spread.highest:.2f} in {spread.steps[-1]} steps. {_REMEDY}"
    lead = "Collapsed" if state == "collapsed" else "Collapsing"
    direction = "and is still falling" if spread.trend < 0.98 else "and does not rise again"
    return f"{lead}: {spread.fall()}, {direction}. {_REMEDY}"
