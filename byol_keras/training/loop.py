"""The steps of a run, from wherever it stands to its end."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from ..data import Examples
from ..data.waiting import timed
from ..distribution import Workers
from ..model import BYOL
from .plan import Plan

__all__ = ["Piece", "Waiting", "feed", "pieces", "train"]


class Waiting:
    """Seconds spent waiting for data, over all the datasets of a run."""

    def __init__(self) -> None:
        self._clocks: list[Any] = []

    def watch(self, data: tf.data.Dataset) -> tf.data.Dataset:
        """The dataset, watched from here on."""
        data, clock = timed(data)
        self._clocks.append(clock)
        return data

    @property
    def seconds(self) -> float:
        """The sum so far."""
        return sum(clock.waited for clock in self._clocks)


class Piece(NamedTuple):
    """Epochs of one length that Keras can train in one go."""

    first_epoch: int
    end_epoch: int
    steps_per_epoch: int


def pieces(start: int, total_steps: int, steps_per_epoch: int) -> Iterator[Piece]:
    """What is left of a run: the rest of an epoch, whole epochs, and a last one that the budget cuts short.

    Example:
    >>> [tuple(piece) for piece in pieces(start=7, total_steps=33, steps_per_epoch=5)]
    [(1, 2, 3), (2, 6, 5), (6, 7, 3)]
    """
    step = start
    while step < total_steps:
        epoch, done = divmod(step, steps_per_epoch)
        if done or total_steps - step < steps_per_epoch:
            piece = Piece(epoch, epoch + 1, min(steps_per_epoch - done, total_steps - step))
        else:
            piece = Piece(epoch, total_steps // steps_per_epoch, steps_per_epoch)
        yield piece
        step += (piece.end_epoch - piece.first_epoch) * piece.steps_per_epoch


def feed(
    examples: Examples, plan: Plan, workers: Workers, waiting: Waiting | None = None, start: int = 0
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """What `fit` takes: batches from number `start` on, each divided among the replicas of all processes.

    A process reads the rows of its own replicas only, in the order in which one device would have them.

    Args:
        examples: what to learn from.
        plan: tells the batch size.
        workers: the processes that share the work.
        waiting: watches the data, if it is to be watched.
        start: number of the first batch. Default 0.
    """
    watch = (waiting or Waiting()).watch
    replicas = workers.strategy.num_replicas_in_sync
    if replicas == 1:
        return watch(examples.training(plan.batch_size, start))
    check_divides(plan, workers)

    def part(context: tf.distribute.InputContext) -> tf.data.Dataset:
        place = context.input_pipeline_id, context.num_input_pipelines
        return watch(examples.training(plan.batch_size, start, place).rebatch(plan.batch_size // replicas))

    return workers.strategy.distribute_datasets_from_function(part)


def check_divides(plan: Plan, workers: Workers) -> None:
    """Refuses a batch that replicas can't share alike."""
    replicas = workers.strategy.num_replicas_in_sync
    if plan.batch_size % replicas:
        raise ValueError(
            f"`batch_size` must be a multiple of the {replicas} replicas that share a batch. "
            f"Received: batch_size={plan.batch_size}"
        )


def train(
    model: BYOL,
    examples: Examples,
    plan: Plan,
    callbacks: list[keras.callbacks.Callback],
    waiting: Waiting,
    workers: Workers,
) -> None:
    """Trains a model from the step at which it stands to the end of its plan, or until a callback stops it."""
    for piece in pieces(int(model.batches_seen.numpy()), plan.total_steps, plan.steps_per_epoch):
        with examples.skipped.explained():
            data = feed(examples, plan, workers, waiting, start=int(model.batches_seen.numpy()))
            _fit(model, data, piece, callbacks)
        if model.stop_training:
            break
    examples.skipped.flush()


def _fit(model: BYOL, data: Any, piece: Piece, callbacks: list[keras.callbacks.Callback]) -> None:
    model.fit(
        data,
        initial_epoch=piece.first_epoch,
        epochs=piece.end_epoch,
        steps_per_epoch=piece.steps_per_epoch,
        callbacks=callbacks,
        verbose=0,
    )
