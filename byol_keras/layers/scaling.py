"""What layers that bring numbers to one scale have in common."""

import math
from collections.abc import Sequence
from typing import ClassVar

import keras
import tensorflow as tf

__all__ = ["Scaling"]


class Scaling(keras.layers.Layer):
    """Subtracts a mean from the last axis and divides it by a deviation. A subclass says what that axis counts.

    Args:
        mean: a number for each place on the last axis. Default 0.
        deviation: standard deviation of each, positive. Default 1.
        **kwargs: of every Keras layer.
    """

    each: ClassVar[str]
    """What there is one number of the mean and of the deviation for."""

    def __init__(
        self, mean: Sequence[float] | None = None, deviation: Sequence[float] | None = None, **kwargs: object
    ) -> None:
        super().__init__(**{"dtype": "float32"} | kwargs)
        self.mean = self._checked("mean", mean, -math.inf, "finite")
        self.deviation = self._checked("deviation", deviation, 0.0, "positive")

    def _checked(self, name: str, values: Sequence[float] | None, above: float, rule: str) -> list[float] | None:
        if values is None:
            return None
        values = [float(value) for value in values]
        bad = [value for value in values if not above < value < math.inf]
        if bad:
            raise ValueError(f"`{name}` must be {rule} in every {self.each}. Received: {bad[0]} in one")
        return values

    def build(self, input_shape: tuple) -> None:
        for name, values in (("mean", self.mean), ("deviation", self.deviation)):
            if values is not None and len(values) != input_shape[-1]:
                raise ValueError(
                    f"`{name}` must have one number for each of the {input_shape[-1]} {self.each}s. "
                    f"Received: {len(values)} numbers"
                )

    def scaled(self, values: tf.Tensor) -> tf.Tensor:
        """The numbers on one scale."""
        scaled = values if self.mean is None else values - tf.constant(self.mean)
        return scaled if self.deviation is None else scaled / tf.constant(self.deviation)

    def get_config(self) -> dict:
        return super().get_config() | {"mean": self.mean, "deviation": self.deviation}
