"""How long steps take."""

import time

import keras

from .loop import Waiting

__all__ = ["Stopwatch"]

# The first steps compile, find their threads, and live on batches that were ready before anybody asked.
_WARMUP_STEPS = 5


class Stopwatch(keras.callbacks.Callback):
    """Steps taken, and seconds spent waiting for data, in so many seconds after the first steps; then ends training.

    Args:
        seconds: how long to measure.
        waiting: what watches the data. Default None: nothing does, and `waited` stays 0.

    Attributes:
        steps: that were measured.
        elapsed: seconds that they took.
        waited: seconds of those spent waiting for data.
    """

    def __init__(self, seconds: float, waiting: Waiting | None = None) -> None:
        super().__init__()
        self.seconds, self.waiting = seconds, waiting or Waiting()
        self.steps, self.elapsed, self.waited = 0, 0.0, 0.0

    @property
    def running(self) -> float:
        """Seconds of all steps, the first ones included, had none of them been compiled."""
        return self.elapsed * (1.0 + _WARMUP_STEPS / self.steps)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        now = time.monotonic()
        if batch + 1 == _WARMUP_STEPS:
            self._began, self._waited = now, self.waiting.seconds
        if batch + 1 > _WARMUP_STEPS:
            self.steps, self.elapsed = batch + 1 - _WARMUP_STEPS, now - self._began
            self.waited = self.waiting.seconds - self._waited
            self.model.stop_training = self.elapsed >= self.seconds
