"""What counts as a batch of pictures: an array of them, or a dict of two that are cropped already."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..admission import check_finite
from ..viewing import unit_range

__all__ = ["KEYS", "as_floats", "as_pictures", "check_pictures"]

KEYS = ("view_1", "view_2")

# Decoders and resizing overshoot a little; what matters is to catch another scale.
_OVERSHOOT = 1e-3


def as_pictures(batch: Any) -> Any:
    """The batch as tensors, or a `ValueError` if it can't be pictures."""
    _check_keys(batch)
    return keras.tree.map_structure(_as_picture, batch)


def as_floats(images: tf.Tensor) -> tf.Tensor:
    """Pictures as float32 in [0, 1]."""
    return tf.cast(unit_range(images), tf.float32)


def check_pictures(batch: Any) -> None:
    """Raise `ValueError` for a batch whose shape, dtype or pixels no training should start on."""
    _check_keys(batch)
    for images in map(np.asarray, keras.tree.flatten(batch)):
        _check_kind(tf.as_dtype(images.dtype), images.shape)
        check_finite(images)
        _check_range(images)


def _as_picture(images: Any) -> tf.Tensor:
    images = tf.convert_to_tensor(images)
    _check_kind(images.dtype, images.shape)
    return images


def _check_keys(batch: Any) -> None:
    if isinstance(batch, dict) and sorted(batch) != sorted(KEYS):
        raise ValueError(
            "`views` takes a batch of pictures, or a dict of two cropped ones: 'view_1' and 'view_2'. "
            f"Received: a dict with keys {sorted(batch)}"
        )


def _check_kind(dtype: tf.DType, shape: tf.TensorShape | tuple[int, ...]) -> None:
    if len(shape) != 4 or not shape[-1]:
        raise ValueError(
            f"`views` takes pictures of shape (batch, height, width, channels). Received: shape {tuple(shape)}"
        )
    if not (dtype.is_floating or dtype == tf.uint8):
        raise ValueError(
            "`views` takes uint8 pictures or float ones in [0, 1]: divide other integers by their largest "
            f"possible value. Received: dtype {dtype.name}"
        )


def _check_range(images: np.ndarray) -> None:
    if not images.size:
        raise ValueError(f"`views` takes a batch of one picture or more. Received: shape {images.shape}")
    low, high = float(images.min()), float(images.max())
    if images.dtype != np.uint8 and (low < -_OVERSHOOT or high > 1 + _OVERSHOOT):
        raise ValueError(
            "`views` takes float pixels in [0, 1]. Float images in 0..255 are the classic mistake: divide "
            "them by 255 or pass them as uint8, and leave normalisation to the encoder. "
            f"Received: pixels in [{low:g}, {high:g}]"
        )
