"""Views of texts, as token ids."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..randomness import between, fold_in, positional_uniform
from ..viewing import Views

__all__ = ["TokenViews"]

_PADDING, _UNKNOWN = 0, 1
_SPAN, _REMOVED, _MOVED, _MASKED = range(4)


@keras.saving.register_keras_serializable(package="byol_keras")
class TokenViews(Views):
    """Two random versions of every text of a batch of token ids, integers of shape `(batch, length)`.

    Ids are what `keras.layers.TextVectorization` makes of strings: 0 is padding, at the end alone, 1 an unknown word,
    2 and more are words. For each text and view anew, in this order:

    - *crop*: a random span of the text stays, a share of its tokens drawn from `crop`;
    - *dropout*: a share of the tokens is left out;
    - *shuffle*: tokens change their order, none by more than so many places;
    - *masking*: a share of the tokens becomes unknown words.

    What stays moves together at the front, so that padding is at the end again. Padding is never chosen, and of every
    text at least one token stays as it is. The type of the ids is kept.

    Args:
        crop: smallest and largest share of the tokens that a span keeps, in (0, 1]. Default `(0.5, 1)`.
        masking: share of the tokens, in [0, 1). Default 0.15.
        dropout: share of the tokens, in [0, 1). Default 0.
        shuffle: most places that a token moves, 0 or more. Default 0.

    Example:
    >>> views = TokenViews(crop=(0.5, 0.5), masking=0.0)
    >>> first, second = views([[5, 6, 7, 8, 0, 0], [9, 9, 0, 0, 0, 0]], seed=(0, 1))
    >>> tf.math.count_nonzero(first, axis=1).numpy().tolist()  # two of four tokens, one of two
    [2, 1]
    """

    def __init__(
        self, crop: Sequence[float] = (0.5, 1.0), masking: float = 0.15, dropout: float = 0.0, shuffle: int = 0
    ) -> None:
        if not isinstance(crop, list | tuple) or len(crop) != 2 or not 0.0 < crop[0] <= crop[1] <= 1.0:
            raise ValueError(f"`crop` must be two rising shares in (0, 1]. Received: crop={crop}")
        for name, share in (("masking", masking), ("dropout", dropout)):
            if not 0.0 <= share < 1.0:
                raise ValueError(f"`{name}` must be in [0, 1). Received: {name}={share}")
        if not isinstance(shuffle, Integral) or shuffle < 0:
            raise ValueError(f"`shuffle` must be a number of places, 0 or more. Received: shuffle={shuffle}")
        self.crop = (float(crop[0]), float(crop[1]))
        self.masking, self.dropout, self.shuffle = float(masking), float(dropout), int(shuffle)

    def prepare(self, batch: Any) -> tf.Tensor:
        return tf.convert_to_tensor(batch)

    def view(self, batch: tf.Tensor, seed: tf.Tensor, index: int) -> tf.Tensor:
        stays = batch != _PADDING
        if self.crop[0] < 1.0:
            stays = self._span(stays, fold_in(seed, _SPAN))
        if self.dropout:
            stays &= ~_chosen(stays, self.dropout, fold_in(seed, _REMOVED))
        tokens = _together(batch, stays, self.shuffle, fold_in(seed, _MOVED))
        if self.masking:
            masked = _chosen(tokens != _PADDING, self.masking, fold_in(seed, _MASKED))
            tokens = tf.where(masked, tf.constant(_UNKNOWN, tokens.dtype), tokens)
        return tokens

    def check(self, batch: Any) -> None:
        super().check(batch)
        ids = np.asarray(batch)
        if ids.ndim != 2 or ids.dtype.kind not in "iu":
            raise ValueError(
                "`views` takes token ids, integers of shape (batch, length); what makes them of strings is the "
                f"model's `preprocessor`. Received: shape {ids.shape} and dtype {ids.dtype}"
            )
        if ids.size and ids.min() < 0:
            raise ValueError(f"`views` takes token ids from 0 on. Received: {ids.min()} among them")
        padded = ids == _PADDING
        empty = np.count_nonzero(padded.all(axis=1))
        if empty:
            raise ValueError(
                "`views` takes texts of one word or more: remove empty strings. "
                f"Received: {empty} of {len(ids)} texts empty"
            )
        gaps = np.count_nonzero((padded[:, :-1] & ~padded[:, 1:]).any(axis=1))
        if gaps:
            raise ValueError(
                "`views` takes token ids in which 0 is padding, at the end alone. "
                f"Received: {gaps} of {len(ids)} texts with 0 in front of a token"
            )

    def get_config(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("crop", "masking", "dropout", "shuffle")}

    def _span(self, stays: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """A span of each text, at least one token long."""
        uniform = positional_uniform(seed, tf.shape(stays)[0], 2)
        tokens = tf.reduce_sum(tf.cast(stays, tf.float64), axis=1, keepdims=True)
        kept = tf.maximum(tf.round(between(*self.crop, uniform[:, :1]) * tokens), 1.0)
        start = tf.floor(uniform[:, 1:] * (tokens - kept + 1.0))
        place = tf.cast(_places(stays), tf.float64)
        return stays & (place >= start) & (place < start + kept)


def _chosen(tokens: tf.Tensor, share: float, seed: tf.Tensor) -> tf.Tensor:
    """A share of the tokens, never all of a text."""
    uniform = _uniform_of(tokens, seed)
    last = tf.reduce_max(tf.where(tokens, uniform, -1.0), axis=1, keepdims=True)
    return tokens & (uniform < share) & (uniform < last)


def _together(batch: tf.Tensor, stays: tf.Tensor, shuffle: int, seed: tf.Tensor) -> tf.Tensor:
    """The tokens that stay, moved to the front and by up to `shuffle` places among each other."""
    place = tf.cast(_places(stays), tf.float64)
    if shuffle:
        # Of two tokens the later one comes first only if it was less than `shuffle + 1` places behind.
        place += (shuffle + 1.0) * _uniform_of(stays, seed)
    order = tf.argsort(tf.where(stays, place, np.inf), axis=1, stable=True)
    kept = tf.reduce_sum(tf.cast(stays, tf.int32), axis=1, keepdims=True)
    moved = tf.gather(batch, order, batch_dims=1)
    return tf.where(_places(stays) < kept, moved, tf.constant(_PADDING, batch.dtype))


def _uniform_of(tokens: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    return positional_uniform(seed, tf.shape(tokens)[0], tokens.shape[1] or tf.shape(tokens)[1])


def _places(tokens: tf.Tensor) -> tf.Tensor:
    return tf.range(tf.shape(tokens)[1])[None]
