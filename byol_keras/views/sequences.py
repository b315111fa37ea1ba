"""Views of series of numbers: sensors, machines, prices, anything that was measured one step after another."""

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from ..arguments import check_positive, check_shares, check_spreads
from ..layers import real_steps
from ..randomness import fold_in, positional_normal, positional_uniform
from ..stepping import gathered
from ..viewing import Views
from .warping import WAVES, longest, places, read_at, smooth_curves, warped, windows

__all__ = ["SequenceViews"]

_CROPPED, _WARPED, _SCALED, _BENT, _NOISE, _MASKED, _SHIFTED = range(7)
# In standard deviations: too little to say anything, enough not to be 0.
_TRACE = 1e-6


class _Batch(NamedTuple):
    series: tf.Tensor
    lengths: tf.Tensor
    mean: tf.Tensor
    deviation: tf.Tensor


@keras.saving.register_keras_serializable(package="byol_keras")
class SequenceViews(Views):
    """Two random versions of every series of a batch of shape `(batch, time, channels)`.

    Series that are shorter than the batch are padded at the end with steps that are 0 in every channel. For each series
    and view anew, in this order:

    - *crop*: a window of a random share of the series' length is kept, at the speed that it had: the view is shorter,
      and begins with the window. Its length is the share of the length, rounded, and 2 or more.
    - *time warp*: the window is read faster here and slower there, from its first to its last step.
    - *scaling*: each channel is multiplied by a factor of its own, `exp(scaling * normal)`.
    - *magnitude warp*: each channel is multiplied by a smooth curve, `exp(magnitude_warp * normal)` at every step.
    - *jitter*: a normal number is added to every value.
    - *masking*: a share of the steps, in runs of `span`, is replaced by the channels' means, which say nothing.

    Channels are scaled and bent about their mean, and jitter is in units of their standard deviation, so that it does
    not matter in which unit a channel was measured. Both are taken over all real steps of the batch, that of all
    replicas together. Padding stays exactly 0. A step of zeros is data in the middle of a series; where a view ends
    with one it holds a millionth of a standard deviation instead, so that nobody takes it for padding.

    Steps that lie in both windows bring their noise into both views, where it is worth remembering: of series that hold
    a few repetitions of what matters, smaller windows such as `(0.3, 0.6)` teach more.

    Args:
        crop: least and largest share of the length that a window has, in (0, 1]; None for the whole series. Default
            `(0.5, 1.0)`.
        jitter: spread of the noise, 0 or more. Default 0.1.
        scaling: spread of the factors' logarithm, 0 or more. Default 0.1.
        magnitude_warp: spread of the curves' logarithm, 0 or more. Default 0.1.
        time_warp: largest change of the speed, in [0, 1): 0.5 is half as fast to one and a half times as fast.
            Default 0.
        masking: share of steps, in [0, 1]. Default 0.
        span: steps of a run that is masked together. Default 1.
        trimmed: whether views have only as many steps as the longest window can have, so that no time is spent on
            padding: for encoders that take any number of steps. Default False: as many as the batch.

    Example:
    >>> views = SequenceViews(crop=(0.5, 0.5), jitter=0.0, scaling=0.0, magnitude_warp=0.0)
    >>> series = tf.reshape(tf.range(1.0, 9.0), (1, 8, 1))
    >>> first, second = views(series, seed=(0, 1))
    >>> first.numpy().ravel().tolist(), second.numpy().ravel().tolist()
    ([5.0, 6.0, 7.0, 8.0, 0.0, 0.0, 0.0, 0.0], [2.0, 3.0, 4.0, 5.0, 0.0, 0.0, 0.0, 0.0])

    Reference: [Um et al., 2017](https://arxiv.org/abs/1706.00527) for jitter, scaling and both warps.
    """

    def __init__(
        self,
        crop: tuple[float, float] | None = (0.5, 1.0),
        jitter: float = 0.1,
        scaling: float = 0.1,
        magnitude_warp: float = 0.1,
        time_warp: float = 0.0,
        masking: float = 0.0,
        span: int = 1,
        trimmed: bool = False,
    ) -> None:
        self.crop = None if crop is None else _checked_crop(crop)
        check_spreads(jitter=jitter, scaling=scaling, magnitude_warp=magnitude_warp)
        if not 0.0 <= time_warp < 1.0:
            raise ValueError(f"`time_warp` must be in [0, 1), or time would stop. Received: time_warp={time_warp}")
        check_shares(masking=masking)
        check_positive(span=span)
        self.jitter, self.scaling, self.magnitude_warp = float(jitter), float(scaling), float(magnitude_warp)
        self.time_warp, self.masking, self.span = float(time_warp), float(masking), int(span)
        self.trimmed = bool(trimmed)

    def prepare(self, batch: Any) -> _Batch:
        series = tf.cast(tf.convert_to_tensor(batch), tf.float32)
        real = real_steps(series)
        mean, deviation = _statistics(series, tf.cast(real, tf.float32)[..., tf.newaxis])
        return _Batch(series, tf.reduce_sum(tf.cast(real, tf.int32), axis=1), mean, deviation)

    def view(self, batch: _Batch, seed: tf.Tensor, index: int) -> tf.Tensor:
        values, extent = self._resampled(batch, seed)
        if self.scaling or self.magnitude_warp:
            place = places(tf.shape(values)[1], extent)
            values = batch.mean + (values - batch.mean) * self._factors(values, place, seed)
        if self.jitter:
            noise = positional_normal(fold_in(seed, _NOISE), tf.shape(values))
            values += self.jitter * batch.deviation * noise
        if self.masking:
            values = tf.where(self._masked(values, seed)[..., tf.newaxis], batch.mean, values)
        return _padded(values, extent, batch.deviation)

    def _resampled(self, batch: _Batch, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Windows, from step 0 on, and their numbers of steps; what stands behind them is of no account."""
        count, time = tf.shape(batch.series)[0], batch.series.shape[1] or tf.shape(batch.series)[1]
        start, extent = tf.zeros_like(batch.lengths), batch.lengths
        if self.crop is not None:
            start, extent = windows(positional_uniform(fold_in(seed, _CROPPED), count, 2), batch.lengths, self.crop)
            if self.trimmed:
                time = longest(time, self.crop[1])
                extent = tf.minimum(extent, time)
        elif not self.time_warp:
            return batch.series, extent
        steps = tf.range(time, dtype=tf.float32)[tf.newaxis]
        if self.time_warp:
            draws = positional_uniform(fold_in(seed, _WARPED), count, WAVES)
            last = tf.cast(extent - 1, tf.float32)[:, tf.newaxis]
            steps = tf.minimum(warped(draws, places(time, extent), self.time_warp) * last, last)
        return read_at(batch.series, tf.cast(start, tf.float32)[:, tf.newaxis] + steps), extent

    def _factors(self, values: tf.Tensor, place: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        count, channels = tf.shape(values)[0], values.shape[-1]
        exponents = tf.zeros((count, 1, channels))
        if self.scaling:
            exponents += self.scaling * positional_normal(fold_in(seed, _SCALED), (count, 1, channels))
        if self.magnitude_warp:
            normals = positional_normal(fold_in(seed, _BENT), (count, 2 * WAVES, channels))
            exponents += self.magnitude_warp * smooth_curves(normals, place)
        return tf.exp(exponents)

    def _masked(self, values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Runs of steps, which begin at another step in each series, so that any step may be the first of one."""
        count, time = tf.shape(values)[0], tf.shape(values)[1]
        shift = positional_uniform(fold_in(seed, _SHIFTED), count, 1) * self.span
        runs = (tf.range(time) + tf.cast(shift, tf.int32)) // self.span
        draws = positional_uniform(fold_in(seed, _MASKED), count, time // self.span + 2)
        return tf.gather(draws, runs, batch_dims=1) < self.masking

    def check(self, batch: Any) -> None:
        series = np.asarray(batch)
        if series.ndim != 3 or series.dtype.kind not in "iufb":
            raise ValueError(
                "`views` takes series of numbers, of shape (batch, time, channels). "
                f"Received: shape {series.shape} and dtype {series.dtype}"
            )
        if series.shape[1] < 2:
            raise ValueError(f"`views` takes series of two steps or more. Received: shape {series.shape}")
        bad = np.count_nonzero(~np.isfinite(series))
        if bad:
            raise ValueError(
                "`x` must be finite: fill gaps, from the steps around them or with the channel's mean, and pad short "
                f"series at the end with 0. Received: {bad} of {series.size} values not finite"
            )
        empty = np.count_nonzero(~series.any(axis=(1, 2)))
        if empty:
            raise ValueError(
                "`x` must have a step in every series: remove those of zeros only, which are nothing but padding. "
                f"Received: {empty} of {len(series)} series without one"
            )

    def get_config(self) -> dict[str, Any]:
        names = ("crop", "jitter", "scaling", "magnitude_warp", "time_warp", "masking", "span", "trimmed")
        return {name: getattr(self, name) for name in names}


def _checked_crop(crop: tuple[float, float]) -> tuple[float, float]:
    if not isinstance(crop, list | tuple) or len(crop) != 2 or not 0.0 < crop[0] <= crop[1] <= 1.0:
        raise ValueError(f"`crop` must be two shares, 0 < least <= largest <= 1, or None. Received: crop={crop}")
    return float(crop[0]), float(crop[1])


def _statistics(series: tf.Tensor, real: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and standard deviation of every channel over the real steps of all replicas."""
    steps = tf.maximum(tf.reduce_sum(gathered(tf.reduce_sum(real, axis=1))), 1.0)
    mean = tf.reduce_sum(gathered(tf.reduce_sum(series, axis=1)), axis=0) / steps
    squares = tf.reduce_sum(tf.square(series - mean) * real, axis=1)
    return mean, tf.sqrt(tf.reduce_sum(gathered(squares), axis=0) / steps)


def _padded(values: tf.Tensor, extent: tf.Tensor, deviation: tf.Tensor) -> tf.Tensor:
    """Zeros behind the end, and at the end something else."""
    numbers, extent = tf.range(1, tf.shape(values)[1] + 1), extent[:, tf.newaxis]
    is_silent = tf.reduce_all(tf.equal(values, 0.0), axis=-1) & tf.equal(numbers, extent)
    values = tf.where(is_silent[..., tf.newaxis], _TRACE * tf.maximum(deviation, _TRACE), values)
    return tf.where((numbers <= extent)[..., tf.newaxis], values, 0.0)
