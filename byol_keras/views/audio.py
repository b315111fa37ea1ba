"""Views of sound: two versions of every log-mel spectrogram of a batch."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..arguments import check_shares, check_spreads
from ..randomness import between, fold_in, positional_normal, positional_uniform
from ..stepping import gathered
from ..viewing import Views
from .geometry import resample, resizing

__all__ = ["AudioViews"]

_MIXED, _CROPPED, _GAINED, _NOISE, _MASKED = range(5)

# So many clips in a row are not all silent by chance.
_SEVERAL = 8

# Decibels in a natural logarithm of power.
_DECIBELS = 10.0 / math.log(10.0)


@keras.saving.register_keras_serializable(package="byol_keras")
class AudioViews(Views):
    """Two random versions of every log-mel spectrogram of a batch of shape `(batch, mels, time, 1)`.

    For each clip and view anew, in this order:

    - *mixing*: another clip of the batch comes into the background. Powers are added, not their logarithms:
      `log((1 - a) exp(x) + a exp(z))` with `a` uniform in `[0, mixing]`;
    - *cropping*: a random part of the spectrogram is resized to the whole, which shifts and stretches time and
      frequency. Parts may be larger than the clip, and then reach beyond its ends into emptiness;
    - *gain*: the whole clip becomes louder or quieter, and the *fader* moves from one gain to another while it plays;
    - *noise*: a normal number is added to every value;
    - *masking*: one interval of time and one of frequencies are made empty.

    Empty are values that equal the clip's mean. Values are natural logarithms of power, as `bk.layers.spectrogram`
    gives them; where they were normalised, `deviation` tells by how much, so that powers and decibels are true ones.
    Left at 1, normalised values pass for logarithms, as in BYOL-A: backgrounds are then heard through louder sounds.
    The defaults are BYOL-A's, with the fader of its second version (which mixes up to 0.2 only). The batch is that of
    all replicas together. Frames must be equally many in all clips.

    Args:
        mixing: largest share of the background's power, in [0, 1); 0 leaves it out. Default 0.4.
        frequency_scale: least and largest height of the part, as shares of the bands; positive. There are no bands but
            the clip's: more than 1 takes them all. Default (0.6, 1.5).
        time_scale: least and largest length of the part, as shares of the clip; positive. Default (0.6, 1.5).
        canvas: length that parts are taken from, the clip in its middle, as a multiple of the clip's; 1 or more.
            Default 1.5.
        gain: largest gain of the whole clip, in decibels up or down, 0 or more. Default 0.
        fader: largest gain at the beginning and at the end of the clip, between which it moves evenly, in decibels
            up or down, 0 or more. Default 4.34, which are 1 in logarithms.
        noise: standard deviation of the noise, in decibels, 0 or more. Default 0.
        time_masking: largest share of the time that is masked, in [0, 1]. Default 0.
        frequency_masking: largest share of the bands that is masked, in [0, 1]. Default 0.
        deviation: what logarithms were divided by, positive: `statistics[1]` of the spectrogram. Default 1.

    Example:
    >>> views = AudioViews(time_masking=0.2)
    >>> spectrograms = tf.random.stateless_normal((4, 64, 96, 1), seed=(0, 1))
    >>> first, second = views(spectrograms, seed=(0, 1))
    >>> first.shape, bool(tf.reduce_all(first == second))
    (TensorShape([4, 64, 96, 1]), False)

    Reference: [Niizumi et al., 2021](https://arxiv.org/abs/2103.06695) and [2022](https://arxiv.org/abs/2204.07402);
    masks are those of [Park et al., 2019](https://arxiv.org/abs/1904.08779).
    """

    def __init__(
        self,
        mixing: float = 0.4,
        frequency_scale: tuple[float, float] = (0.6, 1.5),
        time_scale: tuple[float, float] = (0.6, 1.5),
        canvas: float = 1.5,
        gain: float = 0.0,
        fader: float = 4.34,
        noise: float = 0.0,
        time_masking: float = 0.0,
        frequency_masking: float = 0.0,
        deviation: float = 1.0,
    ) -> None:
        check_shares(time_masking=time_masking, frequency_masking=frequency_masking)
        _check("mixing", mixing, "in [0, 1)", 0.0 <= mixing < 1.0)
        check_spreads(gain=gain, fader=fader, noise=noise)
        for name, scale in (("frequency_scale", frequency_scale), ("time_scale", time_scale)):
            _check(name, scale, "two positive numbers, the smaller first", _is_range(scale))
        _check("canvas", canvas, "1 or more", 1.0 <= canvas < math.inf)
        _check("deviation", deviation, "positive", 0.0 < deviation < math.inf)
        self.mixing, self.canvas, self.deviation = float(mixing), float(canvas), float(deviation)
        self.frequency_scale, self.time_scale = tuple(map(float, frequency_scale)), tuple(map(float, time_scale))
        self.gain, self.fader, self.noise = float(gain), float(fader), float(noise)
        self.time_masking, self.frequency_masking = float(time_masking), float(frequency_masking)

    def prepare(self, batch: Any) -> tuple[tf.Tensor, tf.Tensor]:
        values = tf.cast(tf.convert_to_tensor(batch), tf.float32)
        _check_shape(values.shape)
        return values, gathered(values) if self.mixing else values

    def view(self, batch: tuple[tf.Tensor, tf.Tensor], seed: tf.Tensor, index: int) -> tf.Tensor:
        values, everything = batch
        if self.mixing:
            values = self._mixed(values, everything, fold_in(seed, _MIXED))
        if (self.frequency_scale, self.time_scale, self.canvas) != ((1.0, 1.0), (1.0, 1.0), 1.0):
            values = self._cropped(values, fold_in(seed, _CROPPED))
        if self.gain or self.fader:
            values += self._gains(values, fold_in(seed, _GAINED))
        if self.noise:
            values += self._in_logarithms(self.noise) * positional_normal(fold_in(seed, _NOISE), tf.shape(values))
        if self.time_masking or self.frequency_masking:
            values = self._masked(values, fold_in(seed, _MASKED))
        return values

    def check(self, batch: Any) -> None:
        super().check(batch)
        values = np.asarray(batch)
        _check_shape(values.shape)
        if values.dtype.kind != "f":
            raise ValueError(
                f"`views` takes log-mel spectrograms, which are floating-point numbers. Received: dtype {values.dtype}"
            )
        if len(values) >= _SEVERAL and (values == values[:, :1, :1]).all():
            raise ValueError(
                f"`views` takes log-mel spectrograms of sound. Received: {len(values)} clips, all of them silent"
            )

    def get_config(self) -> dict[str, Any]:
        names = ("mixing", "frequency_scale", "time_scale", "canvas", "gain", "fader", "noise")
        return {name: getattr(self, name) for name in (*names, "time_masking", "frequency_masking", "deviation")}

    def _mixed(self, values: tf.Tensor, everything: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        shares, places = tf.unstack(positional_uniform(seed, tf.shape(values)[0], 2), axis=1)
        count = tf.cast(tf.shape(everything)[0], tf.float64)
        others = tf.gather(everything, tf.cast(places * count, tf.int32))
        shares = tf.cast(between(0.0, self.mixing, shares), tf.float32)[:, None, None, None]
        near = self.deviation * values + tf.math.log1p(-shares)
        far = self.deviation * others + tf.math.log(shares)
        # The logarithm of a sum of exponentials, none of which is ever taken of a large number.
        return (near + tf.math.softplus(far - near)) / self.deviation

    def _cropped(self, values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        _, mels, frames, _ = values.shape
        draws = positional_uniform(seed, tf.shape(values)[0], 4)
        canvas = round(self.canvas * frames)
        rows = _resized_part(draws[:, :2], self.frequency_scale, mels, mels)
        columns = _resized_part(draws[:, 2:], self.time_scale, frames, canvas)
        # Around the clip all is zero once its mean is taken away: what is there need not be multiplied.
        before = (canvas - frames) // 2
        mean = _mean(values)
        parts = resample(values - mean, rows, columns[:, :, before : before + frames])
        return mean + tf.reshape(parts, (-1, mels, frames, 1))

    def _gains(self, values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        draws = tf.cast(between(-1.0, 1.0, positional_uniform(seed, tf.shape(values)[0], 3)), tf.float32)
        whole, first, last = tf.unstack(draws[:, :, None], axis=1)
        moment = tf.linspace(0.0, 1.0, values.shape[2])
        decibels = self.gain * whole + self.fader * (first + (last - first) * moment)
        return self._in_logarithms(decibels)[:, None, :, None]

    def _masked(self, values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        _, mels, frames, _ = values.shape
        draws = positional_uniform(seed, tf.shape(values)[0], 4)
        rows = _interval(draws[:, :2], self.frequency_masking, mels)[:, :, None, None]
        columns = _interval(draws[:, 2:], self.time_masking, frames)[:, None, :, None]
        return tf.where(rows | columns, _mean(values), values)

    def _in_logarithms(self, decibels: Any) -> Any:
        return decibels / (_DECIBELS * self.deviation)


def _resized_part(draws: tf.Tensor, scale: tuple[float, float], size: int, canvas: int) -> tf.Tensor:
    """Matrices that take a random part of the canvas and bring it to `size`."""
    extent = tf.clip_by_value(tf.floor(between(*scale, draws[:, 0]) * size), 1.0, float(canvas))
    start = tf.floor(draws[:, 1] * (canvas - extent + 1.0))
    return resizing(tf.cast(start, tf.float32), tf.cast(extent, tf.float32), canvas, size, "bicubic")


def _interval(draws: tf.Tensor, share: float, size: int) -> tf.Tensor:
    """Which of `size` places lie in a random interval of up to so large a share of them."""
    extent = tf.floor(draws[:, :1] * (math.floor(share * size) + 1.0))
    start = tf.floor(draws[:, 1:] * (size - extent + 1.0))
    places = tf.range(size, dtype=tf.float64)
    return (places >= start) & (places < start + extent)


def _mean(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(values, axis=(1, 2, 3), keepdims=True)


def _is_range(scale: tuple[float, float]) -> bool:
    return isinstance(scale, list | tuple) and len(scale) == 2 and 0.0 < scale[0] <= scale[1] < math.inf


def _check(name: str, value: object, rule: str, kept: bool) -> None:
    if not kept:
        raise ValueError(f"`{name}` must be {rule}. Received: {name}={value}")


def _check_shape(shape: tf.TensorShape | tuple[int, ...]) -> None:
    if len(shape) != 4 or shape[3] != 1 or None in tuple(shape[1:]):
        raise ValueError(
            "`views` takes log-mel spectrograms of shape (batch, mels, time, 1), as bk.layers.spectrogram makes them, "
            f"all of one length. Received: shape {tuple(shape)}"
        )
