"""Key numbers and curves of a run."""

import math
from collections.abc import Callable

import numpy as np

from .journal import History, series
from .markup import Html, tag
from .plots import curve
from .record import RunRecord
from .wording import count, duration, percent, short

__all__ = ["CURVES", "curves", "key_numbers"]

# What is drawn, in this order, and what a reader should know to read it.
CURVES = {
    "loss": (
        "Loss",
        "How far the predictions lie from their targets. Lower alone is not better: a collapsed network has 0.",
    ),
    "target_std": ("Spread of the targets", "target_std: near 1 is healthy, a steady fall towards 0 is collapse."),
    "knn_accuracy": (
        "Nearest-neighbour accuracy",
        "Right answers while training, on examples whose classes are kept from it.",
    ),
    "linear_accuracy": ("Linear accuracy", "Right answers of a linear classifier while training."),
    "effective_rank": ("Effective rank", "How many directions the features really use. Higher is richer."),
    "alignment": ("Alignment", "Distance between two views of one example. Lower is more alike."),
    "uniformity": ("Uniformity", "How evenly the features cover the sphere. Lower is more even."),
    "learning_rate": ("Learning rate", "How large the steps are, as scheduled."),
    "tau": ("Tau", "How slowly the target follows the online network; 1 is not at all."),
}
SHARES = {"knn_accuracy", "linear_accuracy"}


def key_numbers(run: RunRecord) -> Html:
    """Steps, examples seen, time, speed and waiting, each where it was measured."""
    facts = [(name, fact(run)) for name, fact in FACTS.items()]
    items = [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts if value is not None]
    return tag("dl", *items, class_="facts") if items else Html()


def _steps(run: RunRecord) -> str | None:
    return count(run.history[-1]["step"]) if run.history else None


def _epochs(run: RunRecord) -> str | None:
    begun, length = series(run.history, "epoch")[1], run.number("steps_per_epoch")
    if run.history and length:
        return short(round(run.history[-1]["step"] / length, 1))
    return count(begun[-1] + 1) if len(begun) else None


def _seen(run: RunRecord) -> str | None:
    batch_size = run.number("batch_size")
    if not run.history or not batch_size:
        return None
    return count(run.history[-1]["step"] * batch_size // (run.number("accumulate") or 1))


def _time(run: RunRecord) -> str | None:
    seconds = series(run.history, "seconds")[1]
    return duration(seconds.max()) if len(seconds) else None


def _speed(run: RunRecord) -> str | None:
    speeds = series(run.history, "examples_per_second")[1]
    # What runs of earlier versions have written.
    speeds = speeds if len(speeds) else series(run.history, "pictures_per_second")[1]
    return count(np.median(speeds)) if len(speeds) else None


def _waiting(run: RunRecord) -> str | None:
    shares = series(run.history, "waiting")[1]
    return percent(shares.mean()) if len(shares) else None


FACTS: dict[str, Callable[[RunRecord], str | None]] = {
    "Steps": _steps,
    "Epochs": _epochs,
    "Examples seen": _seen,
    "Time": _time,
    "Examples per second": _speed,
    "Waiting for data": _waiting,
}


def curves(history: History) -> Html:
    """One small plot for each measurement of `CURVES` that the run has."""
    figures = [_curve(history, name) for name in CURVES if len(series(history, name)[0])]
    return tag("div", *figures, class_="curves") if figures else Html()


def _curve(history: History, name: str) -> Html:
    title, explanation = CURVES[name]
    steps, values = series(history, name)
    word = percent if name in SHARES else short
    lost = sum(name in row and not math.isfinite(row[name]) for row in history)
    if lost:
        explanation += f" {count(lost)} of its numbers {'was' if lost == 1 else 'were'} not finite and left out."
    description = (
        f"{title} from {word(values[0])} at step {count(steps[0])} to {word(values[-1])} at step {count(steps[-1])}, "
        f"between {word(values.min())} and {word(values.max())}"
    )
    head = tag("div", tag("h3", title), tag("b", word(values[-1])))
    caption = tag("figcaption", head, tag("p", explanation))
    return tag("figure", caption, curve(steps, values, description, percent=name in SHARES))
