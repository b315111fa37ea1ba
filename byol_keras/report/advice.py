"""What to do after a run: sentences, with commands where there are any."""

import shlex

from .journal import History, series
from .record import RunRecord
from .wording import count, percent

__all__ = ["Advice", "advise", "evaluate_command", "still_rising"]

Advice = tuple[str, str | None]

# Below this share of waiting the data keep up well enough.
MUCH_WAITING = 0.2


def advise(run: RunRecord, colour: str, judged: bool) -> list[Advice]:
    """Sentences for the verdict, each with a command or None.

    Args:
        run: the run folder.
        colour: the verdict's state.
        judged: whether there is an evaluation.
    """
    advice: list[Advice] = []
    if colour == "bad":
        advice.append(("Start again with a recipe by name, or with a lower learning rate.", None))
    elif not judged and run.history:
        advice.append((f"Judge it with labelled {run.words.many}:", evaluate_command(run)))
    if judged and colour == "unsure" and run.history:
        advice.append(
            (
                f"Train for longer, or on more {run.words.many}: this run made {count(run.history[-1]['step'])} steps.",
                None,
            )
        )
    elif colour != "bad" and still_rising(run.history):
        advice.append(("Its accuracy was still rising when the run ended: train for longer.", None))
    waiting = series(run.history, "waiting")[1]
    if len(waiting) and waiting.mean() > MUCH_WAITING:
        share = percent(waiting.mean())
        advice.append((f"The device waited for data {share} of the time: --cache keeps pictures in memory.", None))
    if colour == "good":
        embed = f"byol-keras embed --run {shlex.quote(run.path)} --output features.npz"
        advice.append(("Put it to use:", embed))
    return advice


def evaluate_command(run: RunRecord) -> str:
    """The line that judges the run, on its own data where the configuration names them."""
    data = run.config.get("data", "null")
    source = "SOURCE" if data in ("", "null", "arrays") else shlex.quote(data)
    return f"byol-keras evaluate --run {shlex.quote(run.path)} --data {source}"


def still_rising(history: History) -> bool:
    """Whether the last quarter of the accuracies measured in training lies a point above the quarter before.

    Example:
    >>> still_rising([{"step": i, "knn_accuracy": 0.1 * i} for i in range(8)])
    True
    """
    values = series(history, "knn_accuracy")[1]
    quarter = len(values) // 4
    return bool(quarter) and bool(values[-quarter:].mean() > values[-2 * quarter : -quarter].mean() + 0.01)
