"""Sequences: series of numbers, each as long as it is."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from ... import encoders
from ...config import PretrainConfig
from ...data import Examples, Source, open_series
from ...layers import Steps, real_steps
from ...recipes import Recipe
from ...report.drawing import draw_series
from ...report.wording import KINDS
from ...views import SequenceViews
from ..plan import Plan
from .kind import Form, Kind, Wanted, example_shape, sampled, scale_of, streamed

__all__ = ["SequencesKind"]

_SAMPLED = 2000
_RECURRENT = re.compile(r"(bidirectional_)?(simple|gru|lstm)(?:x([1-9]))?")
_CONVOLUTIONS = re.compile(r"temporal_conv(?:x([1-9]))?")
_UNITS, _WIDTHS = 128, (64, 128, 256)


class SequencesKind(Kind):
    """Series of numbers. Zeros at the end of one are padding; channels are brought to one scale inside the encoder."""

    words = KINDS["sequences"]

    def open(self, config: PretrainConfig, wanted: Wanted) -> Source:
        length = config.size if wanted.known is None else wanted.known["steps"]
        options = {"label_key": config.label_key, "labelled": wanted.known is None, "length": length}
        return open_series(wanted.data, split=wanted.split, labels=wanted.labels, **options)

    def known(self, config: PretrainConfig, source: Source) -> dict[str, Any]:
        return {"steps": example_shape(source)[0]}

    def form(self, config: PretrainConfig, recipe: Recipe, source: Source, known: Mapping[str, Any]) -> Form:
        shape = example_shape(source)
        values = streamed(sampled(source, _SAMPLED), shape).arrays()[0]
        return Form(shape, scale_of(values[real_steps(values).numpy()]))

    def training(self, source: Source, plan: Plan, config: PretrainConfig, skipped: str | None) -> Examples:
        return streamed(source, plan.shape, plan.seed, config.max_bad_fraction, skipped)

    def whole(self, source: Source, plan: Plan, config: PretrainConfig) -> Examples:
        channels = example_shape(source)[-1]
        if channels != plan.shape[-1]:
            raise ValueError(
                f"`source` must hold series of {plan.shape[-1]} channels, as those that the run has learned from. "
                f"Received: {source.name} with {channels}"
            )
        return streamed(source, plan.shape)

    def encoder(self, plan: Plan) -> keras.Model:
        if found := _RECURRENT.fullmatch(plan.encoder):
            units = int(found[3] or 1) * _UNITS
            options = {"bidirectional": bool(found[1]), "statistics": plan.statistics}
            return encoders.recurrent(plan.shape, found[2], (units,), **options)
        if found := _CONVOLUTIONS.fullmatch(plan.encoder):
            widths = [int(found[1] or 1) * width for width in _WIDTHS]
            return encoders.temporal_conv(plan.shape, widths, statistics=plan.statistics)
        raise ValueError(
            "`encoder` must be temporal_conv, simple, gru, lstm, or bidirectional_gru and the like, for sequences. "
            f"Received: encoder={plan.encoder!r}"
        )

    def fitted(self, encoder: keras.Model, plan: Plan) -> keras.Model:
        # Views are shorter than whole series: the same network sees both.
        return encoders.resized(encoder, (None, plan.shape[-1]))

    def finished(self, encoder: keras.Model, plan: Plan) -> keras.Model:
        return encoders.resized(encoder, plan.shape)

    def views(self, plan: Plan) -> Callable:
        return SequenceViews(**plan.recipe.view_options, trimmed=True)

    def features(self, plan: Plan) -> Callable[[np.ndarray], np.ndarray]:
        # Padding says nothing: it stays 0, which is the mean.
        scaled = Steps(*plan.statistics)
        return lambda batch: scaled(batch).numpy().reshape(len(batch), -1)

    def drawn(self, examples: np.ndarray, plan: Plan) -> np.ndarray:
        return draw_series(np.asarray(examples), *plan.statistics)
