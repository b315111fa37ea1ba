"""Numbers that change during training, as pure functions of the optimizer's step."""

import math

import keras
import tensorflow as tf

__all__ = ["PerOptimizerStep", "WarmupCosine", "constant_tau", "cosine_tau", "warmup_cosine"]


def _progress(step: tf.Tensor | int, total_steps: int) -> tf.Tensor:
    return tf.clip_by_value(tf.cast(step, tf.float64) / max(total_steps, 1), 0.0, 1.0)


def constant_tau(step: tf.Tensor | int, total_steps: int, tau: float) -> tf.Tensor:
    """The same `tau` at every step (takes `step` and `total_steps` so that schedules are interchangeable)."""
    return tf.zeros_like(_progress(step, total_steps)) + tau


def cosine_tau(step: tf.Tensor | int, total_steps: int, tau: float) -> tf.Tensor:
    """From `tau` at step 0 to 1 at `total_steps`: `1 - (1 - tau) * (cos(pi * step / total_steps) + 1) / 2`.

    Computed in float64, which holds every step number.

    Args:
        step: how many optimizer steps were taken.
        total_steps: the step at which `tau` reaches 1; it stays there.
        tau: where it starts.

    Example:
    >>> [round(float(cosine_tau(step, 100, 0.99)), 4) for step in (0, 50, 100)]
    [0.99, 0.995, 1.0]

    Reference: [Grill et al., 2020](https://arxiv.org/abs/2006.07733), section 3.2.
    """
    return 1.0 - (1.0 - tau) * (tf.cos(math.pi * _progress(step, total_steps)) + 1.0) / 2.0


def warmup_cosine(step: tf.Tensor | int, total_steps: int, warmup_steps: int, learning_rate: float) -> tf.Tensor:
    """Linear from 0 to `learning_rate` over `warmup_steps`, then half a cosine down to 0 at `total_steps`.

    Args:
        step: how many optimizer steps were taken.
        total_steps: the step at which the rate is back at 0.
        warmup_steps: length of the climb; 0 starts at `learning_rate`.
        learning_rate: the peak.

    Example:
    >>> [round(float(warmup_cosine(step, 110, 10, 0.2)), 4) for step in (0, 5, 10, 60, 110)]
    [0.0, 0.1, 0.2, 0.1, 0.0]
    """
    step = tf.cast(step, tf.float32)
    climb = learning_rate * step / max(warmup_steps, 1)
    fraction = tf.clip_by_value((step - warmup_steps) / max(total_steps - warmup_steps, 1), 0.0, 1.0)
    descent = learning_rate * (tf.cos(math.pi * fraction) + 1.0) / 2.0
    return tf.where(step < warmup_steps, climb, descent)


@keras.saving.register_keras_serializable(package="byol_keras")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """`warmup_cosine` as a schedule for any Keras optimizer.

    Args:
        learning_rate: the peak. BYOL's rule is `base * batch_size / 256`.
        total_steps: optimizer steps of the whole run (under gradient accumulation `BYOL.compile` sees to it
            that the schedule counts optimizer steps, not batches).
        warmup_steps: length of the linear climb from 0. Default 0.

    Example:
    >>> schedule = WarmupCosine(0.2, total_steps=110, warmup_steps=10)
    >>> round(float(schedule(5)), 4)
    0.1
    """

    def __init__(self, learning_rate: float, total_steps: int, warmup_steps: int = 0) -> None:
        if total_steps < 1:
            raise ValueError(f"`total_steps` must be at least 1. Received: total_steps={total_steps}")
        if not 0 <= warmup_steps <= total_steps:
            raise ValueError(
                "`warmup_steps` must lie between 0 and `total_steps`. "
                f"Received: warmup_steps={warmup_steps}, total_steps={total_steps}"
            )
        self.learning_rate = float(learning_rate)
        self.total_steps = int(total_steps)
        self.warmup_steps = int(warmup_steps)

    def __call__(self, step: tf.Tensor | int) -> tf.Tensor:
        return warmup_cosine(step, self.total_steps, self.warmup_steps, self.learning_rate)

    def get_config(self) -> dict:
        return {
            "learning_rate": self.learning_rate,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
        }


@keras.saving.register_keras_serializable(package="byol_keras")
class PerOptimizerStep(keras.optimizers.schedules.LearningRateSchedule):
    """Lets `schedule` count optimizer steps under gradient accumulation.

    Keras hands schedules the number of batches, so that a schedule made for `n` optimizer steps would be over
    after `n / accumulation` of them. `BYOL.compile` puts this around the schedule of an accumulating optimizer.

    Args:
        schedule: any `LearningRateSchedule`.
        accumulation: batches per optimizer step.

    Example:
    >>> inner = WarmupCosine(0.2, total_steps=110, warmup_steps=10)
    >>> round(float(PerOptimizerStep(inner, accumulation=4)(20)), 4)
    0.1
    """

    def __init__(self, schedule: keras.optimizers.schedules.LearningRateSchedule, accumulation: int) -> None:
        self.schedule = schedule
        self.accumulation = accumulation

    def __call__(self, step: tf.Tensor | int) -> tf.Tensor:
        return self.schedule(tf.convert_to_tensor(step) // self.accumulation)

    def get_config(self) -> dict:
        return {
            "schedule": keras.saving.serialize_keras_object(self.schedule),
            "accumulation": self.accumulation,
        }

    @classmethod
    def from_config(cls, config: dict) -> "PerOptimizerStep":
        return cls(keras.saving.deserialize_keras_object(config["schedule"]), config["accumulation"])
