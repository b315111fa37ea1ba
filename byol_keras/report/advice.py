"""What to do after a run: sentences, with commands where there are any."""

import shlex
from collections.abc import Iterator

from .journal import History, series
from .record import RunRecord
from .wording import count, percent

__all__ = ["Advice", "advise", "evaluate_command"]

Advice = tuple[str, str | None]

# Below this share of waiting the data keep up well enough.
MUCH_WAITING = 0.2


def advise(run: RunRecord, state: str, health: str, baselines: int | None) -> list[Advice]:
    """Sentences for the verdict, each with a command or None.

    Args:
        run: the run folder.
        state: the verdict's: `"good"`, `"unsure"` or `"bad"`.
        health: the state of its measurements, such as `"healthy"` or `"collapsing"`.
        baselines: how many the encoder was judged beside; None where it was not judged.
    """
    advice: list[Advice] = []
    if state == "bad" or health == "collapsing":
        advice.append(("Start again with a recipe by name, or with a lower learning rate.", None))
    elif run.history:
        advice += _what_is_open(run, state, baselines)
    waiting = series(run.history, "waiting")[1]
    if len(waiting) and waiting.mean() > MUCH_WAITING:
        share = percent(waiting.mean())
        advice.append((f"The device waited for data {share} of the time: byol-keras bench says what would help.", None))
    if state == "good":
        advice.append(("Put it to use:", f"{_command('embed', run)} --output features.npz"))
    return advice


def _what_is_open(run: RunRecord, state: str, baselines: int | None) -> Iterator[Advice]:
    """What to do with a run that is not known to be wrong."""
    if baselines is None:
        yield f"Judge it with labelled {run.words.many}:", evaluate_command(run)
    elif not baselines:
        yield "Judge it beside the untrained network:", evaluate_command(run)
    if baselines and state == "unsure":
        steps = count(run.history[-1]["step"])
        yield f"Train for longer, or on more {run.words.many}: this run made {steps} steps.", None
    elif still_rising(run.history):
        yield "Its accuracy was still rising when the run ended: train for longer.", None


def evaluate_command(run: RunRecord) -> str:
    """The line that judges the run, by its own data where they have labels."""
    return _command("evaluate", run, len(series(run.history, "knn_accuracy")[1]) > 0)


def _command(name: str, run: RunRecord, own_data: bool = True) -> str:
    """A command for the run: on its own data where these will do and can be opened again, else on a source to name."""
    named = own_data and run.config.get("data", "null") not in ("", "null", "arrays")
    return f"byol-keras {name} --run {shlex.quote(run.path)}" + ("" if named else " --data SOURCE")


def still_rising(history: History) -> bool:
    """Whether the last quarter of the accuracies measured in training lies a point above the quarter before.

    Example:
    >>> still_rising([{"step": i, "knn_accuracy": 0.1 * i} for i in range(8)])
    True
    """
    values = series(history, "knn_accuracy")[1]
    quarter = len(values) // 4
    return bool(quarter) and bool(values[-quarter:].mean() > values[-2 * quarter : -quarter].mean() + 0.01)
