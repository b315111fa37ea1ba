"""What the baselines share: one network that goes down one loss, and data in its own units."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from .. import admission, stepping
from ..trainer import Trainer
from ..viewing import as_encoded, seed_of_batch

__all__ = ["Learner"]

_TRAIN, _TEST = 0, 1

Statistics = tuple[Sequence[float], Sequence[float]]


class Learner(Trainer):
    """A trainer whose network predicts something of the data itself.

    A subclass names its networks in `parts` and writes `losses_of`. Inputs are scaled before they are compared: uint8
    pictures to [0, 1], anything by `statistics`.

    Args:
        statistics: mean and standard deviation of every channel (the last axis), whose units errors are counted in.
            Default None: as they are.
        seed: as in `Trainer`.
        **kwargs: `name` and `dtype`.
    """

    def __init__(self, statistics: Statistics | None = None, seed: int = 0, **kwargs: object) -> None:
        super().__init__(seed=seed, **kwargs)
        admission.check_strategy()
        self.statistics = None if statistics is None else _checked(statistics)

    @property
    def parts(self) -> list[keras.Layer]:
        """The networks that are trained, first the one that the inputs go into."""
        raise NotImplementedError(f"`{type(self).__name__}` must override `parts`.")

    def losses_of(self, inputs: tf.Tensor, seed: tf.Tensor, training: bool) -> tf.Tensor:
        """What each example costs, of shape `(batch,)`.

        Args:
            inputs: a batch as the networks take it.
            seed: int32 tensor of shape (2,), the same on all replicas.
            training: whether it is.
        """
        raise NotImplementedError(f"`{type(self).__name__}` must override `losses_of`.")

    def standard(self, inputs: tf.Tensor) -> tf.Tensor:
        """Inputs in the units that errors are counted in, float32."""
        inputs = tf.cast(inputs, tf.float32)
        return inputs if self.statistics is None else (inputs - self.statistics[0]) / self.statistics[1]

    def original(self, standard: tf.Tensor) -> tf.Tensor:
        """The other way, from `standard` units to those of the inputs."""
        standard = tf.cast(standard, tf.float32)
        return standard if self.statistics is None else standard * self.statistics[1] + self.statistics[0]

    def train_step(self, data: object) -> dict:
        inputs, restore = self._inputs(data), self.remember(self.parts)
        seed = seed_of_batch(self.seed, _TRAIN, self.batches_seen)
        loss, gradients = self.differentiate(lambda batch: self._objective(batch, seed, training=True), inputs)
        self.descend(loss, gradients, restore)
        return self._logged(loss, inputs)

    def test_step(self, data: object) -> dict:
        inputs = self._inputs(data)
        seed = seed_of_batch(self.seed, _TEST, stepping.seen(self._loss_tracker))
        return self._logged(self._objective(inputs, seed, training=False), inputs)

    def _inputs(self, data: object) -> tf.Tensor:
        inputs, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return as_encoded(inputs, self.parts[0])

    def _objective(self, inputs: tf.Tensor, seed: tf.Tensor, training: bool) -> tf.Tensor:
        return tf.reduce_mean(self.losses_of(inputs, seed, training)) + sum(self.losses)

    def _logged(self, loss: tf.Tensor, inputs: tf.Tensor) -> dict:
        stepping.track(self._loss_tracker, loss, tf.shape(inputs)[0])
        return stepping.measured(self.metrics)

    def check_values(self, examples: object) -> None:
        admission.check_finite(examples)

    def check_batch(self, batch: object, replicas: int) -> None:
        expected, shape = self.parts[0].inputs[0].shape, getattr(batch, "shape", None)
        if shape is None or len(shape) != len(expected) or not _fits(shape[1:], expected[1:]):
            raise ValueError(
                f"`x` must be examples of shape {tuple(expected[1:])}, as the encoder takes them. Received: "
                f"{type(batch).__name__ if shape is None else f'examples of shape {tuple(shape[1:])}'}"
            )
        for part in self.statistics or ():
            if len(part) not in (1, shape[-1]):
                raise ValueError(
                    f"`statistics` must have one number for each of the {shape[-1]} channels. "
                    f"Received: {len(part)} numbers"
                )
        layers = [layer for part in self.parts for layer in part._flatten_layers()]
        admission.check_batch_size(shape[0], replicas, layers)

    def get_config(self) -> dict:
        return super().get_config() | {"statistics": self.statistics, "seed": self.seed}


def _fits(shape: Sequence[int], expected: Sequence[int | None]) -> bool:
    return all(want is None or have == want for have, want in zip(shape, expected, strict=True))


def _checked(statistics: Statistics) -> Statistics:
    parts = tuple(tuple(np.ravel(part).tolist()) for part in statistics) if np.iterable(statistics) else ()
    if len(parts) != 2 or not all(parts) or not np.isfinite([*parts[0], *parts[1]]).all() or min(parts[1]) <= 0.0:
        raise ValueError(
            "`statistics` must have a finite mean and a positive standard deviation in every channel. "
            f"Received: statistics={statistics}"
        )
    return parts
