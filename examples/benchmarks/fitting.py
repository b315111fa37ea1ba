"""Turns of `fit` that say how long their steps took."""

import time
from collections.abc import Callable

import keras
import tensorflow as tf

import byol_keras as bk

__all__ = ["Clock", "fitted"]


class Clock(keras.callbacks.Callback):
    """Seconds from the end of the first step to the end of the last."""

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        now = time.perf_counter()
        if batch == 0:
            self.began = now
        self.seconds = now - self.began


def fitted(model: bk.BYOL, pair: dict, steps: int, callbacks: list | None = None) -> Callable[[], float]:
    """A function that trains for `steps` steps and one before them, which is not counted, and returns their seconds.

    Nor is what follows: threads of the pipeline may notice only seconds later that nobody wants more of it.

    Args:
        model: compiled.
        pair: a batch, which every step takes.
        steps: how many are counted.
        callbacks: beside the one that moves the target. Default None: no others.
    """
    data = tf.data.Dataset.from_tensors(pair).repeat()

    def run() -> float:
        clock = Clock()
        others = [bk.callbacks.TargetEMA(0.99, "constant"), *(callbacks or []), clock]
        model.fit(data, steps_per_epoch=steps + 1, epochs=1, callbacks=others, verbose=0)
        return clock.seconds

    return run
