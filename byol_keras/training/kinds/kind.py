"""What a run has to know of the data that it learns from."""

import abc
import contextlib
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from ...config import PretrainConfig
from ...data import Broken, Examples, Source, Windows
from ...data.reading import Reader
from ...data.skipping import Skipped
from ...evaluation.features import batches
from ...recipes import Recipe
from ...report.wording import Words
from ..plan import Plan

__all__ = ["Form", "Kind", "Wanted", "example_shape", "fitting", "preprocessed", "sampled", "scale_of", "streamed"]


_BATCH = 64
_NUMBERS = 2**28


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


class Kind(abc.ABC):
    """One kind of data: how it is opened, streamed, encoded, varied, judged and drawn.

    A concrete kind overrides what is abstract, and whatever else its data needs.
    """

    words: Words
    """What its examples are called."""

    @abc.abstractmethod
    def open(self, config: PretrainConfig, wanted: Wanted) -> Source:
        """Opens a source, as the configuration says how to read it."""

    def known(self, config: PretrainConfig, source: Source) -> dict[str, Any]:
        """What has to be remembered of the training data to read other data in the same way, as JSON takes it."""
        return {}

    def settled(self, config: PretrainConfig, recipe: Recipe, source: Source) -> PretrainConfig:
        """The configuration with a size, where the kind has one; the recipe is the one without it."""
        return config

    @abc.abstractmethod
    def form(self, config: PretrainConfig, recipe: Recipe, source: Source, known: Mapping[str, Any]) -> Form:
        """Looks at some examples.

        Args:
            config: with its size settled.
            recipe: that the run goes by.
            source: of the training examples.
            known: what `known` has found out about them.
        """

    @abc.abstractmethod
    def training(self, source: Source, plan: Plan, config: PretrainConfig, skipped: str | None) -> Examples:
        """The examples to learn from; those that are broken are listed in the file `skipped`, if there is to be one."""

    @abc.abstractmethod
    def whole(self, source: Source, plan: Plan, config: PretrainConfig) -> Examples:
        """Examples to be looked at as they are."""

    def preprocessor(self, plan: Plan) -> keras.Model | None:
        """What stands between raw examples and the views, if anything."""
        return None

    @abc.abstractmethod
    def encoder(self, plan: Plan) -> keras.Model:
        """A fresh encoder."""

    def fitted(self, encoder: keras.Model, plan: Plan) -> keras.Model:
        """An encoder of any origin as training needs it."""
        return encoder

    def finished(self, encoder: keras.Model, plan: Plan) -> keras.Model:
        """A trained encoder as its user needs it."""
        return encoder

    @abc.abstractmethod
    def views(self, plan: Plan) -> Callable:
        """What makes two of one."""

    @abc.abstractmethod
    def features(self, plan: Plan) -> Callable[[np.ndarray], np.ndarray]:
        """Makes features of a batch of examples themselves, in the simplest way that is fair."""

    @abc.abstractmethod
    def drawn(self, examples: np.ndarray, plan: Plan) -> np.ndarray:
        """Examples, or views of them, as pictures that a report shows."""


def sampled(source: Source, count: int, seed: int = 0) -> Source:
    """Some of the examples of a source, in its order, always the same ones; the source itself where they are all."""
    return source if len(source) <= count else source.subset(chosen(len(source), count, seed))


def chosen(length: int, count: int, seed: int = 0) -> np.ndarray:
    """Which of so many are taken: as many as there are, or `count`, always the same ones."""
    return np.sort(np.random.default_rng(seed).permutation(length)[:count])


def fitting(count: int, shape: tuple[int | None, ...]) -> int:
    """At most so many examples, fewer where they are so large that memory would not hold them; at least one.

    Example:
    >>> fitting(5000, (32, 32, 3)), fitting(5000, (512, 512, 3)), fitting(5000, (20_000, 20_000))
    (5000, 341, 1)
    """
    return max(1, min(count, _NUMBERS // math.prod(shape)))


def example_shape(source: Source) -> tuple[int, ...]:
    """The shape of an example: the first that can be read."""
    for index in range(len(source)):
        with contextlib.suppress(Broken):
            return source.read(index).shape
    raise ValueError(
        f"`source` must hold {source.many} that can be read. Received: {source.name}, of which all {len(source)} are "
        "broken"
    )


def preprocessed(preprocessor: keras.Model, examples: np.ndarray) -> np.ndarray:
    """What a preprocessor makes of many examples, a batch at a time."""
    return np.concatenate([preprocessor(tf.convert_to_tensor(batch)) for batch in batches(examples, _BATCH)])


def scale_of(values: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each column; one that is the same everywhere keeps its scale."""
    values = values.astype("float64")
    deviation = values.std(axis=0)
    return tuple(values.mean(axis=0).tolist()), tuple(np.where(deviation > 0.0, deviation, 1.0).tolist())


def streamed(
    source: Source,
    shape: tuple[int, ...],
    seed: int = 0,
    max_bad_fraction: float = 1.0,
    skipped: str | None = None,
    dtype: str = "float32",
    decode: Callable | None = None,
    cut: Callable | None = None,
) -> Examples:
    """A source as arrays of one shape, see `Reader` and, with `cut`, `Windows`; by default rows are such already."""
    ledger = Skipped(len(source), max_bad_fraction, skipped, many=source.many)
    reader = Reader(source, tuple(shape), dtype, ledger, decode)
    return Examples(source, reader, ledger, seed) if cut is None else Windows(source, reader, ledger, cut, seed)
