"""The verdict of a run in words for somebody who has never trained a network."""

from collections.abc import Collection
from dataclasses import dataclass

from ..evaluation import Row
from ..evaluation.diagnosis import verdict
from .advice import Advice, advise
from .journal import ended_badly, series
from .record import Judgement, RunRecord
from .wording import KINDS, between, count, judge_name, percent, points

__all__ = ["CALLED", "TRAINED", "Comparison", "Summary", "compare", "summarize"]

BEGINNINGS = {"untrained": "the same network before training", "initial": "the encoder that it started from"}
# What needs no training: an encoder that isn't above it need not have been trained.
BASELINES = (*BEGINNINGS, *dict.fromkeys(words.raw for words in KINDS.values()), "pca")
TRAINED = ("online", "target")
CALLED = {name: f"the {name}" for name in BASELINES} | BEGINNINGS | {"pca": "the principal components"}


@dataclass(frozen=True)
class Comparison:
    """The trained encoder beside what it has to beat, by one judge.

    Args:
        judge: the first of `"knn"`, `"linear"`, ... that judged it.
        trained: its accuracy.
        baselines: those of `BASELINES` that were measured by the same judge.

    Example:
    >>> rows = [Row("online", "knn", 0.5, 0.48, 0.52), Row("untrained", "knn", 0.3, 0.28, 0.32)]
    >>> comparison = Comparison("knn", rows[0], (rows[1],))
    >>> comparison.clear, comparison.loses_to(BEGINNINGS), comparison.ties_with(BEGINNINGS)
    (True, False, False)
    """

    judge: str
    trained: Row
    baselines: tuple[Row, ...]

    @property
    def unbeaten(self) -> list[Row]:
        """The baselines that its interval does not lie above."""
        return [other for other in self.baselines if not self.trained.low > other.high]

    @property
    def clear(self) -> bool:
        """Whether its interval lies above those of all baselines."""
        return bool(self.baselines) and not self.unbeaten

    def loses_to(self, names: Collection[str]) -> bool:
        """Whether its interval lies below that of one of these baselines."""
        return any(self.trained.high < other.low for other in self.baselines if other.representation in names)

    def ties_with(self, names: Collection[str]) -> bool:
        """Whether its interval and that of one of these baselines touch."""
        others = (other for other in self.baselines if other.representation in names)
        return any(self.trained.low <= other.high and other.low <= self.trained.high for other in others)


@dataclass(frozen=True)
class Summary:
    """What the page says first.

    Args:
        state: `"good"`, `"unsure"` or `"bad"`: green, amber, red.
        headline: a few words.
        paragraphs: whether it learned and how much; then whether training was healthy, where that can be told.
        advice: what to do next, each a sentence and a command or None.
        comparison: the numbers behind it, where there was an evaluation.
    """

    state: str
    headline: str
    paragraphs: list[str]
    advice: list[Advice]
    comparison: Comparison | None


def compare(judgement: Judgement) -> Comparison | None:
    """The trained encoder's first accuracy beside the baselines', or None where it wasn't judged."""
    judges = sorted({row.judge for row in judgement.rows}, key=lambda judge: (judge != "knn", judge != "linear", judge))
    names = [*TRAINED, *(row.representation for row in judgement.rows if row.representation not in BASELINES)]
    for judge in judges:
        trained = next(filter(None, (judgement.find(name, judge) for name in names)), None)
        if trained is not None:
            others = (judgement.find(name, judge) for name in BASELINES)
            return Comparison(judge, trained, tuple(filter(None, others)))
    return None


def summarize(run: RunRecord) -> Summary:
    """The verdict on a run folder, from its evaluation and the health of its measurements."""
    comparison, health, broken = compare(run.judgement), verdict(run.history), ended_badly(run.history)
    state, headline = _verdict(comparison, health.state, broken)
    result = [_result(comparison, run) if comparison else _unjudged(run)]
    notes = ["The last loss is not a finite number: from there training could not go on."] if broken else []
    notes += [health.sentence.replace("`", "")] if health.state != "unknown" else []
    # What is wrong comes first, and then nobody asks how good it is.
    ruined = broken or health.state == "collapsed"
    paragraphs = notes + (result if comparison else []) if ruined else result + notes
    advice = advise(run, state, health.state, len(comparison.baselines) if comparison else None)
    return Summary(state, headline, paragraphs, advice, comparison)


def _verdict(comparison: Comparison | None, health: str, broken: bool) -> tuple[str, str]:
    if broken:
        return "bad", "Training broke down"
    if health == "collapsed":
        return "bad", "The encoder collapsed"
    if comparison is None:
        return "unsure", "Signs of collapse" if health == "collapsing" else "Not judged yet"
    if comparison.loses_to(BEGINNINGS):
        return "bad", "Training made it worse"
    if not comparison.baselines:
        return "unsure", "Nothing to compare with"
    if comparison.ties_with(BEGINNINGS):
        return "unsure", "Little was learned"
    if not comparison.clear:
        return "unsure", f"It learned, but is not above {CALLED[comparison.unbeaten[0].representation]}"
    if health == "collapsing":
        return "unsure", "It learned, with signs of collapse"
    return "good", "It learned"


def _result(comparison: Comparison, run: RunRecord) -> str:
    trained, tested = comparison.trained, run.judgement.fact("test_examples")
    examples = f"{count(tested)} {run.words.many}" if tested else run.words.many
    first = (
        f"By its {judge_name(comparison.judge)}, the trained encoder names the right class for "
        f"{percent(trained.accuracy)} of {examples} whose classes were kept from it (95% interval {between(trained)})."
    )
    gaps = " and ".join(_gap(trained, other) for other in comparison.baselines)
    classes = run.judgement.fact("classes")
    chance = f" Guessing among {classes} classes would give about {100 / classes:.2g}%." if classes else ""
    return first + (f" That is {gaps}." if gaps else "") + chance


def _gap(trained: Row, other: Row) -> str:
    """How far the encoder lies from a baseline; a gap inside the uncertainty is called that."""
    difference = trained.accuracy - other.accuracy
    reference = f"{CALLED[other.representation]} ({percent(other.accuracy)}, {between(other)})"
    if trained.low <= other.high and other.low <= trained.high:
        return f"about as good as {reference}"
    return f"{points(difference)} {'above' if difference > 0 else 'below'} {reference}"


def _unjudged(run: RunRecord) -> str:
    history = run.history
    values = series(history, "knn_accuracy")[1]
    if not history:
        return "Nothing has been measured yet: the run has written no metrics."
    if not len(values):
        return "No labels were looked at, so nobody knows yet what the encoder is good for."
    return (
        f"During training its nearest neighbours named the right class for {percent(values[-1])} of the "
        f"{run.words.many} ({percent(values[0])} at the first look). What {CALLED[run.words.raw]} and the network "
        "before training would reach is not known yet."
    )
