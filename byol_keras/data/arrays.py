"""Pictures that are an array already."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .labels import numbered_labels
from .pixels import as_pixels
from .source import Source

__all__ = ["ArraySource"]


class ArraySource(Source):
    """An array of pictures, with labels or without.

    Args:
        images: array of shape `(n, height, width, channels)` or `(n, height, width)`; uint8, uint16, or floats in
            [0, 1].
        labels: array of n classes: integers from 0 on (-1 where one is not known), or names. Default None.
        class_names: the names of the classes, where `labels` holds numbers. Default None.
        name: what the user typed. Default `"array"`.

    Example:
    >>> source = ArraySource(np.zeros((3, 8, 8), "uint8"), ["cat", "dog", "cat"])
    >>> source.read(0).shape, source.labels, source.class_names
    ((8, 8, 1), array([0, 1, 0]), ('cat', 'dog'))
    """

    def __init__(
        self, images: Any, labels: Any = None, class_names: Sequence[str] | None = None, name: str = "array"
    ) -> None:
        images = images if isinstance(images, np.ndarray) else np.asarray(images)
        if images.ndim not in (3, 4) or 0 in images.shape or images.dtype.kind not in "uf":
            raise ValueError(
                "`source` must be pictures of shape (n, height, width, channels), uint8 or floats in [0, 1]. "
                f"Received: {name} of shape {images.shape} and type {images.dtype}"
            )
        self._images = images[..., None] if images.ndim == 3 else images
        super().__init__(name, len(images), *numbered_labels(labels, len(images), name, class_names))

    def read(self, index: int) -> np.ndarray:
        return as_pixels(self._images[index])

    def gather(self, indices: np.ndarray) -> np.ndarray:
        return as_pixels(self._images[indices])
