"""Pictures: of any size, as files, arrays and records."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from ... import encoders
from ...config import PretrainConfig
from ...data import Pictures, Source, open_source
from ...data.probing import probe
from ...evaluation import raw_pixels
from ...recipes import Recipe
from ...report.wording import KINDS
from ..initial import load_encoder
from ..plan import SMALL_PICTURES, Plan, is_scaled
from .kind import Form, Kind, Wanted, sampled

__all__ = ["PicturesKind"]

_SAMPLED = 1000
# Pictures of one shape, and not larger than this many times the recipe's size, are what it was made for.
_SMALL = 1.5
# What 32 pixels are for CIFAR; more would be better, at four times the cost for twice the side.
_ON_PROCESSORS = 64


class PicturesKind(Kind):
    """Pictures. Views may be smaller than the pictures: the network is one of any size, made fast at the end."""

    words = KINDS["pictures"]

    def open(self, config: PretrainConfig, wanted: Wanted) -> Source:
        keys = {"image_key": config.image_key, "label_key": config.label_key}
        return open_source(wanted.data, split=wanted.split, data_dir=config.data_dir, labels=wanted.labels, **keys)

    def settled(self, config: PretrainConfig, recipe: Recipe, source: Source) -> PretrainConfig:
        return replace(config, size=_size(config, recipe, source))

    def form(self, config: PretrainConfig, recipe: Recipe, source: Source, known: Mapping[str, Any]) -> Form:
        shape = Pictures(source, recipe.size, channels=config.channels).shape
        return Form(shape, None if shape[-1] == 3 else _statistics(source, recipe.size, config.channels))

    def training(self, source: Source, plan: Plan, config: PretrainConfig, skipped: str | None) -> Pictures:
        settings = self.views(plan).settings
        return Pictures(
            source,
            plan.view_size,
            channels=config.channels,
            crop=(settings.area, settings.ratio),
            seed=plan.seed,
            cache=config.cache,
            max_bad_fraction=config.max_bad_fraction,
            skipped=skipped,
        )

    def whole(self, source: Source, plan: Plan, config: PretrainConfig) -> Pictures:
        learned = plan.shape[-1]
        channels = learned if learned in (1, 3) else config.channels
        pictures = Pictures(source, plan.shape[:2], channels=channels, max_bad_fraction=1.0)
        if pictures.shape[-1] != learned:
            raise ValueError(
                f"`source` must hold pictures of {learned} channels, as those that the run has learned from. "
                f"Received: {source.name} with {pictures.shape[-1]}"
            )
        return pictures

    def encoder(self, plan: Plan) -> keras.Model:
        return encoders.named(plan.encoder, plan.shape, plan.statistics)

    def fitted(self, encoder: keras.Model, plan: Plan) -> keras.Model:
        same = plan.view_size == plan.shape[:2]
        # Views and whole pictures are of two sizes: the same network sees both.
        return encoder if same else encoders.resized(encoder, (None, None, plan.shape[-1]))

    def finished(self, encoder: keras.Model, plan: Plan) -> keras.Model:
        return encoders.resized(encoder, plan.shape)

    def views(self, plan: Plan) -> Callable:
        return plan.recipe.views(plan.view_size)

    def features(self, plan: Plan) -> Callable[[np.ndarray], np.ndarray]:
        return raw_pixels

    def drawn(self, examples: np.ndarray, plan: Plan) -> np.ndarray:
        return np.asarray(examples)


def _size(config: PretrainConfig, recipe: Recipe, source: Source) -> int:
    """The side of the pictures: as asked for, as the encoder to start from has it, or as it suits the pictures."""
    if config.size is not None:
        return config.size
    if config.init_from is not None:
        return load_encoder(config.init_from).input_shape[1] or recipe.size
    scaled = is_scaled(config)
    if not scaled and recipe.name != "cpu":
        return recipe.size
    sides = probe(source, config.channels).sides
    side = math.inf if sides is None else max(sides)
    if scaled:
        return side if side <= SMALL_PICTURES else recipe.size
    return recipe.size if side <= _SMALL * recipe.size else _ON_PROCESSORS


def _statistics(source: Source, size: int, channels: int | None) -> tuple:
    """Mean and standard deviation of each channel, from a sample."""
    images, _, _ = Pictures(sampled(source, _SAMPLED), size, channels=channels, max_bad_fraction=1.0).arrays()
    whole = 255.0 if images.dtype == np.uint8 else 1.0
    # One at a time: numbers in double precision take much memory.
    planes = [images[..., channel] for channel in range(images.shape[-1])]
    means = tuple(float(plane.mean(dtype="float64")) / whole for plane in planes)
    return means, tuple(max(float(plane.std(dtype="float64")) / whole, 1e-3) for plane in planes)
