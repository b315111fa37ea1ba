"""What a run shows while it trains."""

import statistics
import time
from collections import deque
from itertools import pairwise
from typing import Any

import keras

__all__ = ["Progress", "readable_time", "say", "standard_console"]

_SECONDS_BETWEEN_LINES = 10.0
_WIDE = 120
# The pace is looked at so often, in seconds, and what is left is told by the last so many looks.
_LOOK, _LOOKS = 1.0, 120


class Progress(keras.callbacks.Callback):
    """A bar that moves in a terminal; a line every ten seconds where the output goes to a file.

    Args:
        console: a `rich.console.Console`.
        total_steps: length of the whole run.
        steps_per_epoch: batches in an epoch.
    """

    def __init__(self, console: Any, total_steps: int, steps_per_epoch: int) -> None:
        super().__init__()
        self.console = console
        self.total_steps = total_steps
        self.steps_per_epoch = steps_per_epoch
        self._numbers: dict[str, float] = {}
        self._bar: Any = None
        self._marks: deque[tuple[int, float]] = deque(maxlen=_LOOKS)
        self._shown = time.monotonic()

    def __enter__(self) -> "Progress":
        from rich.progress import BarColumn, Progress, TextColumn

        if self.console.is_terminal:
            bar = [BarColumn(20)] if self.console.width >= _WIDE else []
            self._bar = Progress(*bar, TextColumn("{task.description}"), console=self.console, transient=True)
            self._task = self._bar.add_task("the first step is being compiled", total=self.total_steps)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def hear(self, line: dict[str, float]) -> None:
        """Takes the newest numbers from the journal."""
        self._numbers |= line

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        step, now = int(self.model.batches_seen.numpy()), time.monotonic()
        # Not from the start on: the first step is compiled, and says nothing about the others.
        if not self._marks or now - self._marks[-1][1] >= _LOOK:
            self._marks.append((step, now))
        if self._bar is not None:
            text = f"epoch {self._epoch(step)}  {self._text(step)}"
            self._bar.update(self._task, completed=step, description=text)
        elif now - self._shown >= _SECONDS_BETWEEN_LINES or step == self.total_steps:
            self._shown = now
            place = f"epoch {self._epoch(step)}  step {step:,}/{self.total_steps:,}"
            say(self.console, f"{place}  {self._text(step)}")

    def _epoch(self, step: int) -> str:
        return f"{(step - 1) // self.steps_per_epoch + 1}/{-(-self.total_steps // self.steps_per_epoch)}"

    def _text(self, step: int) -> str:
        """The newest numbers, those first that a narrow terminal should not cut off."""
        # The median, which a checkpoint, a judgement or a compilation in between does not move.
        paces = [(till - since) / (last - first) for (first, since), (last, till) in pairwise(self._marks)]
        left = self.total_steps - step
        parts = [f"{readable_time(left * statistics.median(paces))} left"] if paces else []
        known = {name: self._numbers.get(name) for name in _FORMATS}
        return "  ".join(parts + [_FORMATS[name].format(value) for name, value in known.items() if value is not None])


_FORMATS = {
    "loss": "loss {:.3f}",
    "target_std": "std {:.2f}",
    "knn_accuracy": "kNN {:.1%}",
    "examples_per_second": "{:,.0f} examples/s",
    "waiting": "waiting {:.0%}",
    "tau": "tau {:.4f}",
    "learning_rate": "rate {:.3g}",
}


def say(console: Any, text: str, style: str | None = None) -> None:
    """Prints a line as it is, whatever brackets and colons the paths in it may have."""
    console.print(text, style=style, markup=False, emoji=False, highlight=False, soft_wrap=True)


def standard_console(quiet: bool = False) -> Any:
    """Where a run shows what it does if nobody says otherwise; a quiet one, what another process shows already."""
    from rich.console import Console

    return Console(quiet=quiet)


def readable_time(seconds: float) -> str:
    """Seconds as people say them.

    Example:
    >>> readable_time(59), readable_time(150), readable_time(4000)
    ('59 s', '2 min 30 s', '1 h 06 min')
    """
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
