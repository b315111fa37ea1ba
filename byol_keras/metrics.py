"""A metric for quantities that follow a schedule."""

import keras
import tensorflow as tf

__all__ = ["Latest"]


@keras.saving.register_keras_serializable(package="byol_keras")
class Latest(keras.metrics.Mean):
    """Shows the newest value, since the mean over an epoch means little for a rate that follows a schedule.

    Args:
        name: name of the metric.
        dtype: its dtype policy.

    Example:
    >>> metric = Latest()
    >>> metric.update_state(0.1), metric.update_state(0.3), round(float(metric.result()), 3)
    (None, None, 0.3)
    """

    def __init__(self, name: str = "latest", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, values: tf.Tensor, sample_weight: tf.Tensor | None = None) -> None:
        super().reset_state()
        super().update_state(values)

    def reset_state(self) -> None:
        """Keeps the value: it is still the newest one when an epoch begins."""
