"""Smaller vectors: a linear projection that becomes part of the encoder."""

import keras
import numpy as np

from ..arguments import check_positive
from ..cloning import inputs_of
from ..evaluation import PrincipalComponents, knn_accuracy
from ..evaluation.labelled import as_features
from .portable import as_encoder

__all__ = ["DIMS", "compare_dims", "reduced"]

DIMS = tuple(2**power for power in range(2, 12))
"""Sizes that `compare_dims` tries, where they are no larger than the vectors, or than the number of examples."""


def reduced(model: keras.Model, features: np.ndarray, dim: int, whiten: bool = False) -> keras.Model:
    """An encoder of smaller vectors: the one that was given, its layers shared, behind it the first
    `PrincipalComponents` of its features as a linear layer.

    Args:
        model: an encoder, or a `BYOL`, of which the online encoder is taken.
        features: its features of training pictures, shape `(n, width)`.
        dim: size of the vectors.
        whiten: whether each of their numbers is scaled to unit variance. Default False.

    Example:
    >>> import byol_keras as bk
    >>> encoder = bk.encoders.small_resnet((32, 32, 3))
    >>> images = np.random.default_rng(0).random((64, 32, 32, 3), "float32")
    >>> reduced(encoder, bk.evaluation.extract_features(encoder, images), dim=8).output_shape
    (None, 8)
    """
    encoder = as_encoder(model)
    if np.ndim(features) != 2 or np.shape(features)[1] != encoder.output_shape[-1]:
        raise ValueError(
            f"`features` must be the encoder's, of shape (n, {encoder.output_shape[-1]}). "
            f"Received: features of shape {np.shape(features)}"
        )
    check_positive(dim=dim)
    if dim > min(np.shape(features)):
        raise ValueError(
            "`dim` must not be larger than the number of features, nor than that of the examples they are fitted "
            f"to. Received: dim={dim} for features of shape {np.shape(features)}"
        )
    found = PrincipalComponents(features, dim, whiten)
    layer = keras.layers.Dense(dim, dtype="float32", name="reduction")
    smaller = keras.Model(inputs_of(encoder), layer(encoder.outputs[0]), name=encoder.name)
    layer.set_weights([found.kernel, found.bias])
    return smaller


def compare_dims(
    bank: np.ndarray,
    bank_labels: np.ndarray,
    queries: np.ndarray,
    query_labels: np.ndarray,
    dims: tuple[int, ...] = (),
    whiten: bool = False,
) -> list[tuple[int, float, float]]:
    """What smaller vectors would keep: size, share of the variance, kNN accuracy; the last line is the vector as it is.

    Args:
        bank: features that the reduction is fitted to and neighbours are looked for in.
        bank_labels: their classes.
        queries: features to judge.
        query_labels: their classes.
        dims: sizes to try, of which larger ones than the features are left out. Default: `DIMS`, the powers of two from
            4 on.
        whiten: whether each component is scaled to unit variance. Default False.
    """
    bank = as_features(bank, "bank")
    check_positive(**{f"dims[{place}]": dim for place, dim in enumerate(dims)})
    sizes = [size for size in sorted(set(dims or DIMS)) if size <= min(bank.shape)]
    found = PrincipalComponents(bank, max(sizes, default=1), whiten)
    kept, smaller_bank, smaller = found.kept(), found(bank), found(queries)
    lines = []
    for dim in sizes:
        accuracy = knn_accuracy(smaller_bank[:, :dim], bank_labels, smaller[:, :dim], query_labels)
        lines.append((dim, float(kept[dim - 1]), accuracy))
    return [*lines, (bank.shape[1], 1.0, knn_accuracy(bank, bank_labels, queries, query_labels))]
