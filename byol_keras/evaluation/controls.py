"""What a trained encoder has to beat without any training: the pixels themselves."""

import numpy as np
import tensorflow as tf

from ..arguments import check_positive
from .features import batches
from .labelled import as_features, check_same_width
from .principal import PrincipalComponents

__all__ = ["pca", "raw_pixels"]

# Larger pictures are shrunk to this: more pixels make raw pixels slower as features, not better.
_SIDE = 32


def raw_pixels(data: object, batch_size: int = 256) -> np.ndarray:
    """Pictures as features, float32 of shape `(examples, features)`: every value in [0, 1], minus 0.5.

    Without the 0.5 all pictures lie in one corner, where cosines differ little. Pictures of more than 32 pixels a
    side are shrunk (antialiased) to 32 first.

    Args:
        data: pictures, uint8 or floats in [0, 1], of shape `(n, height, width, channels)`, or an iterable of batches
            of them; labels are ignored.
        batch_size: pictures at a time, for arrays. Default 256.

    Example:
    >>> raw_pixels(np.full((2, 48, 64, 3), 255, "uint8")).shape, float(raw_pixels(np.ones((1, 2, 2, 1)))[0, 0])
    ((2, 3072), 0.5)
    """
    parts = [_flattened(np.asarray(batch)) for batch in batches(data, batch_size)]
    if not parts:
        raise ValueError("`data` is empty: there is nothing to flatten. Received: data without a single picture")
    return np.concatenate(parts)


def _flattened(pictures: np.ndarray) -> np.ndarray:
    if pictures.ndim != 4 or (pictures.dtype != np.uint8 and pictures.dtype.kind != "f"):
        raise ValueError(
            "`data` must be pictures, uint8 or floats in [0, 1] of shape (examples, height, width, channels). "
            f"Received: data of shape {pictures.shape} and dtype {pictures.dtype}"
        )
    values = pictures / np.float32(255) if pictures.dtype == np.uint8 else pictures.astype("float32")
    if max(values.shape[1:3]) > _SIDE:
        values = tf.image.resize(values, [min(side, _SIDE) for side in values.shape[1:3]], antialias=True).numpy()
    return values.reshape(len(values), -1) - np.float32(0.5)


def pca(bank: np.ndarray, queries: np.ndarray, components: int = 128, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Bank and queries along the principal components of the bank, float32.

    Args:
        bank: features, e.g. of `raw_pixels`, shape `(n, dim)`.
        queries: further features, shape `(m, dim)`.
        components: how many to keep, cut to the smaller of `n` and `dim`. Default 128.
        seed: int, what the randomised solver for wide features depends on. Default 0.

    Example:
    >>> corners = np.array([[3.0, 1.0], [-3.0, 1.0], [3.0, 1.0], [-3.0, 1.0]])
    >>> np.abs(pca(corners, corners, components=1)[1]).round(3).ravel().tolist()
    [3.0, 3.0, 3.0, 3.0]
    """
    bank, queries = as_features(bank, "bank"), as_features(queries, "queries")
    check_same_width(bank, queries)
    check_positive(components=components)
    found = PrincipalComponents(bank, min(components, *bank.shape), seed=seed)
    return found(bank), found(queries)
