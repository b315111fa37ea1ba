"""Networks for texts, as token ids."""

import keras

from ..arguments import check_positive
from ..layers import Positions, Words
from .recurrent import CELLS, recurrent_layer
from .series import pooled_steps

__all__ = ["KINDS", "text"]

_TRANSFORMER = "transformer"
_PER_HEAD = 32
# Of a new word's numbers. Optimizers such as Adam move numbers of any size by as much, so small ones learn sooner.
_SIZE = 0.1

KINDS = (*CELLS, _TRANSFORMER)
"""What `text` takes as `kind`."""


def text(
    vocabulary: int,
    length: int | None = None,
    kind: str = "gru",
    width: int = 128,
    depth: int = 1,
    unroll: bool = False,
    name: str = "text",
) -> keras.Model:
    """Builds an encoder of token ids: a vector for each word, layers that let words see each other, and a mean.

    Ids are int64 of shape `(batch, length)` as `keras.layers.TextVectorization` (or `bk.data.vectorizer`) makes them
    of strings: 0 is padding at the end, 1 an unknown word. Padding is left out of everything: however much of it there
    is, the representation stays the same. An id outside of the vocabulary counts as an unknown word.

    Recurrent layers read texts in both directions, with half of the width each. A transformer's layers normalise what
    goes into them; they have a head for each 32 numbers of the width and four times the width inside.

    Args:
        vocabulary: number of ids, those of padding and of unknown words included; 3 or more.
        length: number of tokens of each text, padding included. Default None: any.
        kind: `"gru"`, `"lstm"`, `"simple"` (a plain recurrent layer) or `"transformer"`. Default `"gru"`.
        width: size of the vectors of words, and of the representation; even. Default 128.
        depth: number of layers. Default 1.
        unroll: whether recurrent layers are written out step by step, which LiteRT files for batches of any size
            and for int8 need; for a short `length`. Default False.
        name: of the model.

    Example:
    >>> from byol_keras.encoders import text
    >>> text(vocabulary=5000, length=48, kind="transformer", depth=2).output_shape
    (None, 128)
    """
    check_positive(vocabulary=vocabulary, width=width, depth=depth, **{} if length is None else {"length": length})
    _check(vocabulary, length, kind, width, unroll)
    inputs = keras.Input((length,), dtype="int64", name="ids")
    words = Words(vocabulary, width, embeddings_initializer=keras.initializers.RandomNormal(stddev=_SIZE), name="words")
    tokens = words(inputs)
    if kind == _TRANSFORMER:
        tokens = Positions(_SIZE / 2, name="positions")(tokens)
        for number in range(1, depth + 1):
            tokens = _attentive(tokens, number)
        tokens = keras.layers.LayerNormalization(name="norm")(tokens)
    else:
        for number in range(1, depth + 1):
            layer = recurrent_layer(kind, width // 2, unroll)
            tokens = keras.layers.Bidirectional(layer, name=f"{kind}_{number}")(tokens)
    return keras.Model(inputs, pooled_steps(tokens), name=name)


def _attentive(tokens: keras.KerasTensor, number: int) -> keras.KerasTensor:
    """A layer of a transformer: what other tokens add to each, then what it makes of that by itself."""
    layers, width = keras.layers, tokens.shape[-1]
    heads = max(1, width // _PER_HEAD)
    normal = layers.LayerNormalization(name=f"attention_norm_{number}")(tokens)
    seen = layers.MultiHeadAttention(heads, width // heads, name=f"attention_{number}")(normal, normal)
    tokens = layers.Add(name=f"attended_{number}")([tokens, seen])
    normal = layers.LayerNormalization(name=f"dense_norm_{number}")(tokens)
    inner = layers.Dense(4 * width, activation="silu", name=f"inner_{number}")(normal)
    return layers.Add(name=f"layer_{number}")([tokens, layers.Dense(width, name=f"outer_{number}")(inner)])


def _check(vocabulary: int, length: int | None, kind: str, width: int, unroll: bool) -> None:
    if vocabulary < 3:
        raise ValueError(
            "`vocabulary` must count padding, unknown words and at least one word, so be 3 or more. "
            f"Received: vocabulary={vocabulary}"
        )
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {[*KINDS]}. Received: kind={kind!r}")
    if width % 2:
        raise ValueError(f"`width` must be even. Received: width={width}")
    if unroll and (length is None or kind == _TRANSFORMER):
        raise ValueError(
            "`unroll` must be False for a transformer, and without a `length`. "
            f"Received: unroll=True, kind={kind!r}, length={length}"
        )
