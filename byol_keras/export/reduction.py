"""Smaller vectors: a linear projection that becomes part of the encoder."""

import keras
import numpy as np

from ..arguments import check_positive
from ..cloning import inputs_of
from ..evaluation import knn_accuracy
from .portable import as_encoder

__all__ = ["DIMS", "Reduction", "compare_dims", "reduced"]

DIMS = tuple(2**power for power in range(2, 12))
"""Sizes that `compare_dims` tries, where they are smaller than the vectors."""

# Directions of less than this share of the largest deviation are numerical noise, which whitening would blow up.
_NOISE = 1e-5


class Reduction:
    """The principal components of features: the directions, `dim` in number, that keep most of their variance.

    ```
    reduced = (features - mean) @ directions    (whitened: each divided by its standard deviation)
    ```

    Args:
        features: what to fit it to, shape `(n, width)`, from pictures such as the encoder was trained on.
        dim: size of the reduced vectors, at most `n` and `width`.
        whiten: whether each component is scaled to unit variance. Default False.

    Example:
    >>> features = np.array([[3.0, 1.0, 0.0], [-3.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, -1.0]])
    >>> reduction = Reduction(features, dim=1)
    >>> round(reduction.kept, 3), np.abs(reduction(features)).round(3).ravel().tolist()
    (0.9, [3.0, 3.0, 0.0, 0.0])
    """

    def __init__(self, features: np.ndarray, dim: int, whiten: bool = False) -> None:
        check_positive(dim=dim)
        features = np.asarray(features, "float64")
        if features.ndim != 2 or dim > min(features.shape):
            raise ValueError(
                "`dim` must not be larger than the number of features, nor than that of the examples they are fitted "
                f"to. Received: dim={dim} for features of shape {features.shape}"
            )
        mean = features.mean(axis=0)
        _, deviations, directions = np.linalg.svd(features - mean, full_matrices=False)
        if whiten:
            _check_varied(features, deviations)
        self.kept = float(np.sum(deviations[:dim] ** 2) / max(np.sum(deviations**2), np.finfo("float64").tiny))
        scales = np.maximum(deviations, deviations[0] * _NOISE) / np.sqrt(max(1, len(features) - 1))
        kernel = directions[:dim].T / scales[:dim] if whiten else directions[:dim].T
        self.kernel, self.bias = kernel.astype("float32"), (-mean @ kernel).astype("float32")

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """The reduced vectors of features, float32."""
        return features @ self.kernel + self.bias


def reduced(model: keras.Model, features: np.ndarray, dim: int, whiten: bool = False) -> keras.Model:
    """An encoder of smaller vectors: the one that was given, its layers shared, behind it a `Reduction` as a layer.

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
    reduction = Reduction(features, dim, whiten)
    layer = keras.layers.Dense(dim, dtype="float32", name="reduction")
    smaller = keras.Model(inputs_of(encoder), layer(encoder.outputs[0]), name=encoder.name)
    layer.set_weights([reduction.kernel, reduction.bias])
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
        dims: sizes to try. Default: `DIMS`, the powers of two from 4 on.
        whiten: as in `Reduction`. Default False.
    """
    lines = []
    for dim in [size for size in sorted(set(dims or DIMS)) if size <= min(bank.shape)]:
        reduction = Reduction(bank, dim, whiten)
        accuracy = knn_accuracy(reduction(bank), bank_labels, reduction(queries), query_labels)
        lines.append((dim, reduction.kept, accuracy))
    return [*lines, (bank.shape[1], 1.0, knn_accuracy(bank, bank_labels, queries, query_labels))]


def _check_varied(features: np.ndarray, deviations: np.ndarray) -> None:
    """Refuses what can't be whitened: vectors that are all the same to float32."""
    rounding = np.finfo("float32").eps * np.abs(features).max()
    if deviations[0] <= rounding * np.sqrt(len(features)):
        raise ValueError(
            "`features` must differ from each other to be whitened. "
            f"Received: {len(features)} vectors that are all the same"
        )
