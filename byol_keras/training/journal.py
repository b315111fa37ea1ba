"""The numbers of a run, written down as they come."""

import json
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from ..callbacks import TargetEMA
from ..callbacks.window import Window
from ..writing import write_text
from .folder import RunFolder
from .loop import Waiting
from .plan import Plan

__all__ = ["Journal"]


class Journal(keras.callbacks.Callback):
    """Appends a line to `metrics.jsonl` every so many steps, and a point to TensorBoard's curves.

    A line holds the step, the epoch, the seconds of training so far, the means of `loss` and `target_std` since the
    last line, the newest `tau` and `learning_rate`, examples per second, the share of time spent waiting for data,
    and whatever the monitors have found since. What an epoch's end brings is a line of its own. The time between two
    epochs, in which monitors judge and checkpoints are written, counts in `seconds` alone.

    Args:
        folder: of the run.
        plan: of the run.
        target: knows `tau`.
        every: steps between two lines.
        waiting: tells the seconds spent waiting for data so far.
        monitors: callbacks that tell what they have measured `since` a step.
        listeners: called with every line.
    """

    def __init__(
        self,
        folder: RunFolder,
        plan: Plan,
        target: TargetEMA,
        every: int,
        waiting: Waiting,
        monitors: Sequence[Any] = (),
        listeners: Sequence[Callable[[dict], None]] = (),
    ) -> None:
        super().__init__()
        self.folder = folder
        self.plan = plan
        self.target = target
        self.every = every
        self.waiting = waiting
        self.monitors = monitors
        self.listeners = listeners
        self.seconds = 0.0
        self._writer: tf.summary.SummaryWriter | None = None
        self._entered: float | None = None
        self._heard: dict[str, int] = {}

    @property
    def elapsed(self) -> float:
        """Seconds of training so far, in all sessions together."""
        return self.seconds + (0.0 if self._entered is None else time.monotonic() - self._entered)

    def get_state(self) -> dict:
        return {"seconds": self.elapsed, "heard": self._heard}

    def set_state(self, state: dict) -> None:
        self.seconds, self._heard = state["seconds"], dict(state["heard"])

    def cut(self, step: int) -> None:
        """Removes the lines after `step`: the run goes on from there, and will write them again."""
        if tf.io.gfile.exists(self.folder.metrics):
            with tf.io.gfile.GFile(self.folder.metrics) as file:
                kept = [line for line in file.read().splitlines() if _step_of(line) <= step]
            write_text(self.folder.metrics, "".join(f"{line}\n" for line in kept))

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._writer = self._writer or tf.summary.create_file_writer(self.folder.logs)
        self._windows = {"loss": Window(), "target_std": Window()}
        self._entered = self._since = self._ended = time.monotonic()
        self._step = self._line_step = int(self.model.batches_seen.numpy())
        self._waited = self.waiting.seconds

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        for window in self._windows.values():
            window.begin_epoch()
        self._since += time.monotonic() - self._ended

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        for name, window in self._windows.items():
            window.add(batch + 1, logs[name])
        # What metrics hold can't be asked for here: with several processes each answer is one that all give together.
        self._step, self._rate = int(self.model.batches_seen.numpy()), float(logs["learning_rate"])
        self._ended = time.monotonic()
        if self._step - self._line_step >= self.every:
            self._write(self._numbers())

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if news := self._news():
            self._write(news)

    def on_train_end(self, logs: dict | None = None) -> None:
        if self._step > self._line_step:
            self._write(self._numbers())
        self.seconds, self._entered = self.elapsed, None

    def _numbers(self) -> dict[str, float]:
        elapsed, waited = max(self._ended - self._since, 1e-9), self.waiting.seconds
        numbers = {name: window.take() for name, window in self._windows.items()}
        numbers |= {"tau": float(self.target.tau_at(int(self.model.optimizer.iterations.numpy())))}
        numbers |= {"learning_rate": self._rate}
        numbers |= {"examples_per_second": (self._step - self._line_step) * self.plan.batch_size / elapsed}
        numbers |= {"waiting": min(max((waited - self._waited) / elapsed, 0.0), 1.0)}
        self._since, self._waited, self._line_step = self._ended, waited, self._step
        return self._news() | numbers

    def _news(self) -> dict[str, float]:
        """What the monitors have found since they were last asked."""
        found: dict[str, float] = {}
        for monitor in self.monitors:
            name = type(monitor).__name__
            heard = self._heard.get(name, 0)
            news = monitor.since(heard)
            self._heard[name] = news.pop("step", heard)
            found |= news
        return found

    def _write(self, numbers: dict[str, float]) -> None:
        epoch = (self._step - 1) // self.plan.steps_per_epoch
        line = {"step": self._step, "epoch": epoch, "seconds": round(self.elapsed, 2)}
        line |= {name: _rounded(value) for name, value in numbers.items()}
        with tf.io.gfile.GFile(self.folder.metrics, "a") as file:
            file.write(json.dumps(line) + "\n")
        with self._writer.as_default(step=self._step):
            for name, value in numbers.items():
                tf.summary.scalar(name, value)
        self._writer.flush()
        for listen in self.listeners:
            listen(line)


def _rounded(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _step_of(line: str) -> float:
    # The last line of a run that was killed may be cut short.
    try:
        return json.loads(line)["step"]
    except ValueError:
        return math.inf
