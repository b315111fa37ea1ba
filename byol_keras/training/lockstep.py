"""Several processes that end training at the same step."""

import time

import keras

from ..distribution import Workers
from .interrupt import Interrupt

__all__ = ["Lockstep"]

_SECONDS = 1.0


class Lockstep(keras.callbacks.Callback):
    """Ends training on every worker at the same step, when one of them has a reason to end it.

    Workers wait for each other inside every step: one that left the others would leave them waiting. So a wish to stop
    (a signal, a collapse, a budget that is spent) is held back until all have heard of it, about a second later. List
    it after every callback that may stop training. With one worker it does nothing.

    Args:
        workers: the processes of the run.
        interrupt: where a signal is noted; one that another worker has received is noted there too. Default None.
    """

    def __init__(self, workers: Workers, interrupt: Interrupt | None = None) -> None:
        super().__init__()
        self.workers = workers
        self.interrupt = interrupt or Interrupt()
        self._wanted = False
        self._left = self._spacing = 1
        self._since = 0.0

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._left, self._since = self._spacing, time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self.workers.count == 1:
            return
        self._wanted |= self.model.stop_training
        self.model.stop_training = False
        self._left -= 1
        if self._left == 0:
            self._meet()

    def _meet(self) -> None:
        pace = self._spacing / max(time.monotonic() - self._since, 1e-3)
        signal = self.interrupt.received or 0
        heard = self.workers.exchanged([self._wanted, signal, max(1, round(_SECONDS * pace))])
        self.model.stop_training = bool(heard[:, 0].any())
        self.interrupt.received = int(heard[:, 1].max()) or self.interrupt.received
        self._left = self._spacing = int(heard[:, 2].min())
        self._since = time.monotonic()
