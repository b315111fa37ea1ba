"""From strings to token ids: the preprocessor of a model that reads texts."""

from collections.abc import Collection, Iterator, Sequence
from numbers import Integral

import keras
import numpy as np
import tensorflow as tf

from ..arguments import check_positive

__all__ = ["vectorizer"]

_BATCH = 1024
_SPLITS = ("whitespace", "character")
_COVERED = 95  # percent


def vectorizer(
    texts: Sequence[str],
    vocabulary: int | Sequence[str] = 10_000,
    length: int | None = None,
    split: str = "whitespace",
    name: str = "vectorizer",
) -> keras.Sequential:
    """Builds a model from strings, shape `(batch,)`, to token ids, int64 of shape `(batch, length)`.

    It is what `bk.BYOL` takes as its `preprocessor`, and goes into `.keras` files and SavedModels with its words. Texts
    are written small and lose their punctuation. The words of the corpus are numbered by how often they occur, from 2
    on; 1 stands for any other word, and 0 fills texts up at the end. A longer text loses its end.

    For anything else, such as pairs of words, put a `keras.layers.TextVectorization` of your own behind an
    `Input((), dtype="string")`.

    Args:
        texts: the corpus.
        vocabulary: how many ids there may be, those of padding and of unknown words included: the rarest words become
            unknown ones. Or the words themselves. Default 10,000.
        length: number of tokens of each text. Default None: so many that 95% of the corpus fit.
        split: `"whitespace"`, or `"character"` for languages without spaces. Default `"whitespace"`.
        name: of the model.

    Example:
    >>> words = vectorizer(["Learn to see.", "See?", "to see is to learn"], vocabulary=4, length=3)
    >>> words(tf.constant(["I see", "see to it!"])).numpy()
    array([[1, 3, 0],
           [3, 2, 1]])
    >>> words.layers[-1].vocabulary_size()
    4
    """
    texts = _checked(texts)
    if split not in _SPLITS:
        raise ValueError(f"`split` must be one of {[*_SPLITS]}. Received: split={split!r}")
    if length is not None:
        check_positive(length=length)
    words = _words(texts, vocabulary, split)
    known = keras.layers.TextVectorization(vocabulary=words, split=split)
    lengths = _lengths(known, texts)
    layer = keras.layers.TextVectorization(
        # Words that are given are part of the configuration, so that copies know them as well.
        vocabulary=words,
        split=split,
        output_sequence_length=length or max(1, int(np.ceil(np.percentile(lengths, _COVERED)))),
        name="words",
    )
    return keras.Sequential([keras.Input((), dtype="string", name="texts"), layer], name=name)


def _checked(texts: Sequence[str]) -> np.ndarray:
    if isinstance(texts, str | bytes) or not hasattr(texts, "__len__"):
        raise TypeError(f"`texts` must be a list or an array of strings. Received: texts={texts!r}"[:300])
    for index, text in enumerate(texts):
        if not isinstance(text, str | bytes):
            raise TypeError(
                "`texts` must be strings, one for each example. "
                f"Received: {str(text)[:100]!r} of type {type(text).__name__} at position {index}"
            )
    if not len(texts):
        raise ValueError("`texts` must hold at least one string. Received: none")
    return np.array(texts, "object")


def _words(texts: np.ndarray, vocabulary: int | Sequence[str], split: str) -> list[str]:
    """The words to know, in the order of their ids."""
    if isinstance(vocabulary, Collection) and not isinstance(vocabulary, str | bytes):
        return _known_words(texts, list(vocabulary), split)
    if not isinstance(vocabulary, Integral):
        raise ValueError(f"`vocabulary` must be a number of ids, or words. Received: vocabulary={vocabulary!r}")
    if vocabulary < 3:
        raise ValueError(
            "`vocabulary` must count padding, unknown words and at least one word, so be 3 or more. "
            f"Received: vocabulary={vocabulary}"
        )
    counting = keras.layers.TextVectorization(max_tokens=int(vocabulary), split=split)
    counting.adapt(tf.data.Dataset.from_tensor_slices(texts).batch(_BATCH))
    words = counting.get_vocabulary(include_special_tokens=False)
    if not words:
        raise ValueError(f"`texts` must hold words. Received: {len(texts)} texts without a single one")
    return words


def _known_words(texts: np.ndarray, words: list[str], split: str) -> list[str]:
    if not words:
        raise ValueError("`vocabulary` must be a number of ids, or words. Received: an empty list")
    known = keras.layers.TextVectorization(vocabulary=words, split=split)
    if not any((ids > 1).any() for ids in _batches(known, texts)):
        raise ValueError(
            "`vocabulary` must know words of `texts`, which are written small and without punctuation. "
            f"Received: {len(words)} words, of which none occurs in {len(texts)} texts"
        )
    return words


def _lengths(layer: keras.Layer, texts: np.ndarray) -> np.ndarray:
    return np.concatenate([np.count_nonzero(ids, axis=1) for ids in _batches(layer, texts)])


def _batches(layer: keras.Layer, texts: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(texts), _BATCH):
        yield layer(tf.constant(texts[start : start + _BATCH])).numpy()
