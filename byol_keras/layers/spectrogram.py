"""From sound to pictures of sound: log-mel spectrograms, inside of a model."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..arguments import check_positive

__all__ = ["LogMelSpectrogram", "spectrogram", "spectrogram_statistics"]

# Below the rounding noise of 16 bits: silence has a logarithm, and nothing that anybody hears changes.
_FLOOR = 1e-7
_AT_ONCE = 256
# Of samples: what resampling and mixing may add to 1.
_LOUDEST = 2.0


@keras.saving.register_keras_serializable(package="byol_keras")
class LogMelSpectrogram(keras.layers.MelSpectrogram):
    """Natural logarithms of the power in bands of the mel scale, of shape `(batch, mels, time, 1)`.

    ```
    y = (log(power + 1e-7) - mean) / deviation
    ```

    Unlike the decibels of `keras.layers.MelSpectrogram`, which are cut at so much below the loudest clip of a batch,
    they depend on no other example.

    Args:
        mean: subtracted. Default 0.
        deviation: divided by, positive. Default 1.
        **kwargs: of `keras.layers.MelSpectrogram`.

    Example:
    >>> layer = LogMelSpectrogram(num_mel_bins=8, fft_length=256, sequence_stride=80, sampling_rate=8000)
    >>> layer(tf.zeros((2, 800))).shape
    TensorShape([2, 8, 11, 1])
    """

    def __init__(self, mean: float = 0.0, deviation: float = 1.0, **kwargs: object) -> None:
        # The logarithm of small numbers needs all digits, under every policy.
        super().__init__(**{"dtype": "float32"} | kwargs | {"power_to_db": False})
        self.mean, self.deviation = float(mean), float(deviation)
        if not (math.isfinite(self.mean) and 0.0 < self.deviation < math.inf):
            raise ValueError(
                "`mean` must be finite and `deviation` positive. "
                f"Received: mean={self.mean}, deviation={self.deviation}"
            )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        logarithms = tf.math.log(super().call(inputs) + _FLOOR)
        return tf.expand_dims((logarithms - self.mean) / self.deviation, -1)

    def check(self, values: np.ndarray) -> None:
        """Raises `ValueError` for waveforms of another scale than [-1, 1], before a training on them."""
        if values.dtype.kind != "f" or not np.abs(values).max() <= _LOUDEST:
            raise ValueError(
                "`x` must be waveforms, floats in [-1, 1]: divide 16-bit numbers by 32768. "
                f"Received: {values.dtype} with {np.abs(values).max():g} as the loudest"
            )

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        # Keras' own is wrong by one where the clip lacks a single sample of a further step.
        *batch, samples = input_shape
        frames = None if samples is None else 1 + samples // self.sequence_stride
        return (*batch, self.num_mel_bins, frames, 1)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"mean": self.mean, "deviation": self.deviation}


def spectrogram(
    samples: int,
    rate: int = 16000,
    mels: int = 64,
    window: float = 0.025,
    hop: float = 0.010,
    low: float = 60.0,
    high: float = 7800.0,
    statistics: tuple[float, float] | None = None,
    name: str = "spectrogram",
) -> keras.Model:
    """Builds the `preprocessor` of a `BYOL` on sound: from waveforms to normalised log-mel spectrograms.

    It takes float32 waveforms in [-1, 1] of shape `(batch, samples)`, one channel, and gives `(batch, mels, time, 1)`
    with `time = 1 + samples // hop`, the hop in samples. SavedModels and LiteRT files of the `BYOL` hold it, so that
    they take waveforms; the ONNX format can't, so ONNX files are made of `model.encoder` and take spectrograms.

    Args:
        samples: length of every clip.
        rate: samples per second. Default 16000.
        mels: number of bands. Default 64.
        window: length of what one spectrum is made of, in seconds. Default 0.025.
        hop: time from one spectrum to the next, in seconds. Default 0.010.
        low: lowest frequency in Hz. Default 60.
        high: highest frequency in Hz, half the rate at most. Default 7800.
        statistics: mean and deviation to normalise by, as `spectrogram_statistics` measures them. Default None: 0, 1.
        name: of the model.

    Example:
    >>> from byol_keras.layers import spectrogram, spectrogram_statistics
    >>> clips = np.random.default_rng(0).normal(scale=0.1, size=(20, 16000)).astype("float32")
    >>> bare = spectrogram(16000)
    >>> whole = spectrogram(16000, statistics=spectrogram_statistics(bare, clips))
    >>> pictures = whole(clips)
    >>> pictures.shape, bool(abs(np.mean(pictures)) < 1e-3), bool(abs(np.std(pictures) - 1) < 1e-3)
    (TensorShape([20, 64, 101, 1]), True, True)

    Reference: bands, hop and frequencies are those of [Niizumi et al., 2021](https://arxiv.org/abs/2103.06695), whose
    window is 0.064 seconds long.
    """
    check_positive(samples=samples, rate=rate, mels=mels)
    if statistics is not None and np.shape(statistics) != (2,):
        raise ValueError(f"`statistics` must be a mean and a deviation. Received: statistics={statistics}")
    _check_times(samples, rate, window, hop)
    if not 0.0 <= low < high <= rate / 2:
        raise ValueError(
            f"`low` and `high` must be frequencies with 0 <= low < high <= {rate / 2:g}, half the rate. "
            f"Received: low={low}, high={high}"
        )
    length = round(window * rate)
    layer = LogMelSpectrogram(
        *((0.0, 1.0) if statistics is None else statistics),
        # LiteRT has Fourier transforms of powers of two only.
        fft_length=2 ** math.ceil(math.log2(length)),
        sequence_length=length,
        sequence_stride=round(hop * rate),
        sampling_rate=int(rate),
        num_mel_bins=int(mels),
        min_freq=float(low),
        max_freq=float(high),
        name="log_mel",
    )
    _check_bands(layer)
    waveform = keras.Input((int(samples),), name="waveform", dtype="float32")
    return keras.Model(waveform, layer(waveform), name=name)


def spectrogram_statistics(preprocessor: keras.Model, clips: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of the log-mel spectrograms of a sample of clips, for `spectrogram(statistics=...)`.

    Args:
        preprocessor: what `spectrogram` builds, without statistics.
        clips: waveforms, floats in [-1, 1] of shape `(n, samples)`; a few hundred are enough.

    Example:
    >>> quiet, loud = (np.full((1, 8000), level, "float32") for level in (0.0, 1.0))
    >>> spectrogram_statistics(spectrogram(8000, rate=8000, high=4000.0), np.concatenate([quiet, loud]))[1] > 1
    True
    """
    clips = np.asarray(clips)
    samples = preprocessor.input_shape[-1]
    if clips.ndim != 2 or clips.shape[1] != samples or not len(clips) or clips.dtype.kind != "f":
        raise ValueError(
            f"`clips` must be waveforms, floats in [-1, 1] of shape (clips, {samples}). "
            f"Received: clips of shape {clips.shape} and dtype {clips.dtype}"
        )
    if not np.abs(clips).max() <= _LOUDEST:
        raise ValueError(f"`clips` must be finite and lie in [-1, 1]. Received: {np.abs(clips).max()} as the loudest")
    parts = [np.asarray(preprocessor(clips[start : start + _AT_ONCE])) for start in range(0, len(clips), _AT_ONCE)]
    values = np.concatenate(parts)
    mean, deviation = float(values.mean(dtype="float64")), float(values.std(dtype="float64"))
    if not deviation > 0.0:
        raise ValueError("`clips` must hold more than silence. Received: clips whose spectrograms are all the same")
    return mean, deviation


def _check_times(samples: int, rate: int, window: float, hop: float) -> None:
    if not 2 <= round(window * rate) <= samples:
        raise ValueError(
            f"`window` must be at least 2 samples and at most the whole clip of {samples} samples, "
            f"{samples / rate:g} seconds. Received: window={window}"
        )
    if not 1 <= round(hop * rate) <= samples:
        raise ValueError(
            f"`hop` must be at least one sample and at most the whole clip, {samples / rate:g} seconds. "
            f"Received: hop={hop}"
        )


def _check_bands(layer: LogMelSpectrogram) -> None:
    """Refuses bands so narrow that no frequency of the Fourier transform falls into them: they would stay silent."""
    bins = layer.fft_length // 2 + 1
    weights = layer.linear_to_mel_weight_matrix(
        layer.num_mel_bins, bins, layer.sampling_rate, layer.min_freq, layer.max_freq
    )
    empty = np.count_nonzero(np.asarray(weights).max(axis=0) <= 0.0)
    if empty:
        raise ValueError(
            f"`mels` must leave every band one of the {bins} frequencies that `window` tells apart: take fewer bands, "
            f"or a longer window. Received: mels={layer.num_mel_bins}, of which {empty} would be silent"
        )
