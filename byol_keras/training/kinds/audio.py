"""Audio: waveforms, of which the model itself makes spectrograms."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ... import encoders
from ...config import PretrainConfig
from ...data import Broken, Examples, Source, decode_wav, open_sounds, wav_header
from ...layers import LogMelSpectrogram, spectrogram, spectrogram_statistics
from ...recipes import Recipe
from ...report.drawing import draw_spectrograms
from ...report.wording import KINDS
from ...views import AudioViews
from ..initial import layer_in
from ..plan import Plan
from .kind import Form, Kind, Wanted, preprocessed, sampled, streamed

__all__ = ["AudioKind"]

_SAMPLED = 256
_LOOKED_AT = 32
_RATE = 16_000
# Seconds; of longer recordings a window of so many is taken.
_LONGEST = 4.0
_MELS, _HIGHEST = 64, 7800.0


class AudioKind(Kind):
    """Waveforms. The run's encoder takes them; its first layers make normalised log-mel spectrograms."""

    words = KINDS["audio"]

    def open(self, config: PretrainConfig, wanted: Wanted) -> Source:
        return open_sounds(wanted.data, split=wanted.split, labels=wanted.labels)

    def known(self, config: PretrainConfig, source: Source) -> dict[str, Any]:
        if config.init_from is not None:
            # As the encoder has heard it.
            layer = layer_in(config.init_from, LogMelSpectrogram)
            return {"rate": layer.sampling_rate, "samples": layer.input.shape[-1]}
        rates, seconds = zip(*_looks(source, config.sample_rate), strict=True)
        rate = config.sample_rate or max(set(rates), key=rates.count)
        length = config.clip_seconds or min(_LONGEST, float(np.max(seconds)))
        return {"rate": int(rate), "samples": max(1, round(length * rate))}

    def form(self, config: PretrainConfig, recipe: Recipe, source: Source, known: Mapping[str, Any]) -> Form:
        if config.init_from is not None:
            layer = layer_in(config.init_from, LogMelSpectrogram)
            return Form((known["samples"],), (layer.mean, layer.deviation))
        clips, _, _ = _clips(sampled(source, _SAMPLED), known).arrays()
        return Form((known["samples"],), spectrogram_statistics(_spectrogram(known, None), clips))

    def training(self, source: Source, plan: Plan, config: PretrainConfig, skipped: str | None) -> Examples:
        read, shape = partial(_decoded, plan.known), (plan.known["samples"],)
        # In training any part of a long recording, so that all of it is heard.
        return streamed(source, shape, plan.seed, config.max_bad_fraction, skipped, decode=read, cut=read)

    def whole(self, source: Source, plan: Plan, config: PretrainConfig) -> Examples:
        return _clips(source, plan.known)

    def preprocessor(self, plan: Plan) -> keras.Model:
        return _spectrogram(plan.known, plan.statistics)

    def encoder(self, plan: Plan) -> keras.Model:
        if plan.encoder != "audio":
            raise ValueError(f"`encoder` must be audio, for sounds. Received: encoder={plan.encoder!r}")
        mels, time, channels = self.preprocessor(plan).output_shape[1:]
        return encoders.audio((mels, time, channels))

    def views(self, plan: Plan) -> Callable:
        return AudioViews(**plan.recipe.view_options)

    def features(self, plan: Plan) -> Callable[[np.ndarray], np.ndarray]:
        look = self.preprocessor(plan)

        def spectrum(batch: np.ndarray) -> np.ndarray:
            bands = look(tf.convert_to_tensor(batch)).numpy()[..., 0]
            return np.concatenate([bands.mean(axis=2), bands.std(axis=2)], axis=1)

        return spectrum

    def drawn(self, examples: np.ndarray, plan: Plan) -> np.ndarray:
        values = np.asarray(examples)
        if values.ndim == 2:
            values = preprocessed(self.preprocessor(plan), values)
        return draw_spectrograms(values[..., 0])


def _looks(source: Source, rate: int | None) -> list[tuple[int, float]]:
    """Rates and seconds of some clips."""
    found, source = [], sampled(source, _LOOKED_AT)
    for index in range(len(source)):
        try:
            data = source.read(index)
            if isinstance(data, bytes):
                header = wav_header(data)
                found.append((header.rate, header.frames / header.rate))
            else:
                found.append((rate or _RATE, len(data) / (rate or _RATE)))
        except Broken as error:
            reason = f"{source.path(index)}, which {error}"
    if not found:
        raise ValueError(f"`source` must hold sounds that can be read. Received: {source.name} with {reason}")
    return found


def _clips(source: Source, known: Mapping[str, Any]) -> Examples:
    """The beginnings of all recordings."""
    return streamed(source, (known["samples"],), decode=partial(_decoded, known))


def _decoded(known: Mapping[str, Any], data: bytes | np.ndarray, place: float = 0.0) -> np.ndarray:
    samples = known["samples"]
    if isinstance(data, bytes):
        return decode_wav(data, known["rate"], samples, place)
    first = int(place * (max(0, len(data) - samples) + 1))
    clip = data[first : first + samples]
    return np.pad(clip, (0, samples - len(clip)))


def _spectrogram(known: Mapping[str, Any], statistics: tuple | None) -> keras.Model:
    high = min(_HIGHEST, known["rate"] / 2)
    return spectrogram(known["samples"], known["rate"], mels=_MELS, high=high, statistics=statistics)
