"""Prediction: a representation from which the future of a series can be told."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from .. import admission
from ..arguments import check_positive
from ..cloning import inputs_of
from ..stepping import gathered
from ..viewing import as_encoded
from .learner import Learner
from .series import LastStep, mean_over, weights_of_steps

__all__ = ["NextStep"]


@keras.saving.register_keras_serializable(package="byol_keras")
class NextStep(Learner):
    """Learns states from which the next step of a series can be told, and which change slowly.

    A causal network gives every step a state `s[t]` that knows `x[0], ..., x[t]`; a linear layer tells from it what
    comes `horizon` steps later:

    ```
    prediction = mean over t of  |head(s[t]) - x[t + horizon]|^2 / channels
    temporal   = mean over t of  |u[t + 1] - u[t]|^2,       u = c / |c|,  c = s - mean of the batch's states
    loss       = prediction + weight * temporal             weight: the argument `temporal`
    ```

    The second term is the slow-feature objective: what a state says should outlast a step. A state that never changes
    would be the slowest, and two things keep states from it. It foretells nothing but the mean, so the first term
    rises; and directions are those from the mean, of length 1, so that a constant part common to all states gains
    nothing. Errors must be of the order of 1 for `temporal` to mean what it says: give `statistics` where series are
    not of unit variance.

    Trailing steps that are all zeros are padding: they are no targets, and no states of theirs are compared. Each
    series counts the same, whatever its length.

    Calling the model, and `predict`, gives the predictions, of shape `(batch, time, channels)`: what stands at step t
    is of step `t + horizon`. The representation is what `encoder` returns, the state at the last step before the
    padding: `bk.evaluation.extract_features(model.encoder, data)`. Logged are `loss`, `prediction` and `temporal`.

    Args:
        states: a built functional or `Sequential` model from `(time, channels)` to `(time, features)` in which no
            state depends on later steps, e.g. recurrent layers with `return_sequences=True`.
        horizon: how many steps ahead to predict, at least 1. Default 1.
        temporal: weight of the second term, 0 or more. Default 0.1.
        statistics: mean and standard deviation of every channel, whose units errors are counted in. Default None: as
            they are.
        seed: int, what the order of arrays depends on. Default 0.
        **kwargs: `name` and `dtype`, as for every Keras model.

    Example:
    >>> import byol_keras as bk, numpy as np
    >>> states = keras.Sequential([keras.Input((None, 2)), keras.layers.GRU(8, return_sequences=True)])
    >>> model = bk.baselines.NextStep(states)
    >>> model.compile("adam")
    >>> series = np.random.default_rng(0).normal(size=(64, 10, 2)).astype("float32")
    >>> sorted(model.fit(series, epochs=1, verbose=0).history)
    ['loss', 'prediction', 'temporal']
    >>> bk.evaluation.extract_features(model.encoder, series).shape
    (64, 8)

    Reference: [Wiskott and Sejnowski, 2002](https://doi.org/10.1162/089976602317318938), for slow features.
    """

    def __init__(
        self,
        states: keras.Model,
        horizon: int = 1,
        temporal: float = 0.1,
        statistics: tuple[Sequence[float], Sequence[float]] | None = None,
        seed: int = 0,
        **kwargs: object,
    ) -> None:
        _check(states)
        check_positive(horizon=horizon)
        if not temporal >= 0.0:
            raise ValueError(f"`temporal` must be 0 or more. Received: temporal={temporal}")
        super().__init__(statistics, seed, **kwargs)
        self.states = states
        self.horizon = int(horizon)
        self.temporal = float(temporal)
        (series,) = keras.tree.flatten(inputs_of(states))
        self.encoder = keras.Model(series, LastStep(name="last_step")([series, states.outputs[0]]), name=states.name)
        self.head = keras.layers.Dense(series.shape[-1], dtype="float32", name="head")
        self.head.build(states.outputs[0].shape)
        self.prediction_tracker = keras.metrics.Mean(name="prediction")
        self.temporal_tracker = keras.metrics.Mean(name="temporal")
        self.built = True

    @property
    def parts(self) -> list[keras.Layer]:
        return [self.states, self.head]

    def call(self, inputs: object, training: bool | None = None) -> tf.Tensor:
        return self.original(self.head(self.states(as_encoded(inputs, self.states), training=training)))

    def losses_of(self, inputs: tf.Tensor, seed: tf.Tensor, training: bool) -> tf.Tensor:
        states = self.states(inputs, training=training)
        real = weights_of_steps(inputs)
        wrong = self._wrong(self.head(states), self.standard(inputs), real)
        changing = _changing(tf.cast(states, tf.float32), real)
        self.prediction_tracker.update_state(wrong)
        self.temporal_tracker.update_state(changing)
        return wrong + self.temporal * changing

    def _wrong(self, predictions: tf.Tensor, series: tf.Tensor, real: tf.Tensor) -> tf.Tensor:
        ahead = self.horizon
        errors = tf.math.squared_difference(predictions[:, :-ahead], series[:, ahead:])
        return mean_over(tf.reduce_mean(errors, axis=-1), real[:, ahead:])

    def check_batch(self, batch: object, replicas: int) -> None:
        super().check_batch(batch, replicas)
        if batch.shape[1] <= self.horizon:
            raise ValueError(
                f"`horizon` must be less than the {batch.shape[1]} steps of a series. Received: horizon={self.horizon}"
            )

    def get_config(self) -> dict:
        states = keras.saving.serialize_keras_object(self.states)
        return super().get_config() | {"states": states, "horizon": self.horizon, "temporal": self.temporal}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "NextStep":
        states = keras.saving.deserialize_keras_object(config["states"], custom_objects)
        return cls(**config | {"states": states})


def _changing(states: tf.Tensor, real: tf.Tensor) -> tf.Tensor:
    counted = gathered(tf.reduce_sum(states * real[..., None], axis=1)), gathered(tf.reduce_sum(real, axis=1))
    mean = tf.math.divide_no_nan(*(tf.reduce_sum(part, axis=0) for part in counted))
    unit = tf.math.l2_normalize(states - mean, axis=-1)
    moved = tf.reduce_sum(tf.math.squared_difference(unit[:, 1:], unit[:, :-1]), axis=-1)
    return mean_over(moved, real[:, 1:])


def _check(states: keras.Model) -> None:
    admission.check_head(states, "states")
    inputs, outputs = getattr(states, "inputs", None) or [], getattr(states, "outputs", None) or []
    taken, returned = ([tuple(tensor.shape) for tensor in ends] for ends in (inputs, outputs))
    fits = len(taken) == len(returned) == 1 and len(taken[0]) == len(returned[0]) == 3
    if not fits or taken[0][1] != returned[0][1] or None in (taken[0][2], returned[0][2]):
        raise ValueError(
            "`states` must be a functional or Sequential model from (time, channels) to (time, features), such as "
            f"recurrent layers with `return_sequences=True`. Received: a model from {taken} to {returned}"
        )
    if not _is_causal(states, taken[0]):
        raise ValueError(
            "`states` must be causal: a state that knows later steps has nothing to predict. "
            f"Received: states={states.name!r}, whose first states change with the last steps"
        )


def _is_causal(states: keras.Model, shape: tuple) -> bool:
    """Whether states of the first half stay as they are when the second half is another one."""
    count, time = shape[0] or 2, shape[1] or 8
    series = np.random.default_rng(0).uniform(0.5, 1.0, (count, time, shape[2])).astype("float32")
    other, half = series.copy(), time // 2
    other[:, half:] *= -1.0
    first, second = (np.asarray(states(part, training=False), "float32")[:, :half] for part in (series, other))
    return bool(np.allclose(first, second, atol=1e-4, rtol=1e-3))
