"""What a run has to know of the data that it learns from."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np

from ...config import PretrainConfig
from ...data import Examples, Source
from ...data.reading import Reader
from ...data.skipping import Skipped
from ...recipes import Recipe
from ...report.wording import Words
from ..plan import Plan

__all__ = ["Form", "Kind", "Wanted", "sampled", "streamed"]


class Form(NamedTuple):
    """What one example looks like.

    Args:
        shape: of one example, as the encoder takes it.
        statistics: mean and standard deviation that bring its numbers to one scale, None for the encoder's own.
    """

    shape: tuple[int | None, ...]
    statistics: tuple | None


class Wanted(NamedTuple):
    """What to open.

    Args:
        data: what the user named.
        known: what `Kind.known` has found out about the data that the run learns from. Default None: this is it.
        split: a part of it. Default None: that for training.
        labels: in place of those that it brings. Default None.
    """

    data: Any
    known: Mapping[str, Any] | None = None
    split: str | None = None
    labels: Any = None


class Kind:
    """One kind of data: how it is opened, streamed, encoded, varied, judged and drawn.

    A concrete kind overrides what says `NotImplementedError`, and whatever else its data needs.
    """

    words: Words
    """What its examples are called."""

    def open(self, config: PretrainConfig, wanted: Wanted) -> Source:
        """Opens a source, as the configuration says how to read it."""
        raise NotImplementedError

    def known(self, config: PretrainConfig, source: Source) -> dict[str, Any]:
        """What has to be remembered of the training data to read other data in the same way, as JSON takes it."""
        return {}

    def settled(self, config: PretrainConfig, recipe: Recipe, source: Source) -> PretrainConfig:
        """The configuration with a size, where the kind has one; the recipe is the one without it."""
        return config

    def form(self, config: PretrainConfig, recipe: Recipe, source: Source) -> Form:
        """Looks at some examples.

        Args:
            config: with its size settled.
            recipe: that the run goes by.
            source: of the training examples.
        """
        raise NotImplementedError

    def training(self, source: Source, plan: Plan, config: PretrainConfig, skipped: str | None) -> Examples:
        """The examples to learn from; those that are broken are listed in the file `skipped`, if there is to be one."""
        raise NotImplementedError

    def whole(self, source: Source, plan: Plan, config: PretrainConfig) -> Examples:
        """Examples to be looked at as they are."""
        raise NotImplementedError

    def preprocessor(self, plan: Plan) -> keras.Model | None:
        """What stands between raw examples and the views, if anything."""
        return None

    def encoder(self, plan: Plan) -> keras.Model:
        """A fresh encoder."""
        raise NotImplementedError

    def fitted(self, encoder: keras.Model, plan: Plan) -> keras.Model:
        """An encoder of any origin as training needs it."""
        return encoder

    def finished(self, encoder: keras.Model, plan: Plan) -> keras.Model:
        """A trained encoder as its user needs it."""
        return encoder

    def views(self, plan: Plan) -> Callable:
        """What makes two of one."""
        raise NotImplementedError

    def features(self, batches: Iterable[np.ndarray], plan: Plan) -> np.ndarray:
        """The examples themselves as features, in the simplest way that is fair."""
        raise NotImplementedError

    def drawn(self, examples: np.ndarray, plan: Plan) -> np.ndarray:
        """Examples, or views of them, as pictures that a report shows."""
        raise NotImplementedError


def sampled(source: Source, count: int, seed: int = 0) -> Source:
    """Some of the examples of a source, in its order, always the same ones."""
    order = np.random.default_rng(seed).permutation(len(source))
    return source.subset(np.sort(order[:count]))


def streamed(
    source: Source,
    shape: tuple[int, ...],
    seed: int = 0,
    max_bad_fraction: float = 1.0,
    skipped: str | None = None,
    dtype: str = "float32",
    decode: Callable | None = None,
) -> Examples:
    """A source as arrays of one shape, see `Reader`; by default its rows are such arrays already."""
    ledger = Skipped(len(source), max_bad_fraction, skipped, many=source.many)
    return Examples(source, Reader(source, tuple(shape), dtype, ledger, decode), ledger, seed)
