"""The representation of many examples, in little memory."""

import weakref
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from ..arguments import check_positive
from ..intake import chunks, is_arrays
from ..viewing import as_encoded

__all__ = ["batches", "extract_features"]

# One traced function per model, for monitors that ask again every epoch. A model that is gone takes its own along.
_FORWARD: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def extract_features(model: keras.Model, data: object, batch_size: int = 256) -> np.ndarray:
    """The outputs of `model` in inference mode, as finite float32 of shape `(examples, features)`.

    Data streams through: beside the features only one batch is held. The last batch may be a smaller one, which
    costs no second compilation. What a layer computes with beside its variables stays what it was at a model's first
    call, such as the statistics of `keras.layers.Normalization`: `adapt` it before.

    Args:
        model: a `BYOL`, or a bare encoder that returns vectors. To an encoder of floats, uint8 pictures
            mean fractions of 255.
        data: an array (or a structure of arrays, for several inputs), or an iterable of batches such as a
            `tf.data.Dataset`; of a batch that is a tuple the first part counts, labels are ignored.
        batch_size: examples per pass, for arrays; a dataset brings its own batches. Default 256.

    Example:
    >>> import byol_keras as bk, numpy as np
    >>> encoder = bk.encoders.small_resnet((32, 32, 3), widths=(8, 16))
    >>> bk.evaluation.extract_features(encoder, np.zeros((10, 32, 32, 3), "uint8"), batch_size=4).shape
    (10, 16)
    """
    forward = _forward_of(model)
    parts = [_checked(forward(batch), model) for batch in batches(data, batch_size)]
    if not parts:
        raise ValueError("`data` is empty: there is nothing to encode. Received: data without a single example")
    return np.concatenate(parts)


def batches(data: object, batch_size: int = 256) -> Iterator:
    """Arrays in slices of `batch_size`, or the inputs of a dataset's own batches."""
    check_positive(batch_size=batch_size)
    if is_arrays(data):
        yield from chunks(data, batch_size, "data")
        return
    if isinstance(data, list | str) or not hasattr(data, "__iter__"):
        raise TypeError(f"`data` must be arrays or a dataset of batches. Received: data of type {type(data).__name__}")
    for batch in data:
        yield keras.utils.unpack_x_y_sample_weight(batch)[0]


def _forward_of(model: keras.Model) -> Callable:
    if not isinstance(model, keras.Model):
        raise TypeError(f"`model` must be a Keras model. Received: model={model!r}")
    if model not in _FORWARD:
        _FORWARD[model] = _traced(weakref.ref(model))
    return _FORWARD[model]


def _traced(reference: weakref.ref) -> Callable:
    # Series may have another length in every batch: the second one leaves the length open.
    @tf.function(reduce_retracing=True)
    def forward(batch: object) -> tf.Tensor:
        model = reference()
        inputs = batch if getattr(model, "prepares_inputs", False) else as_encoded(batch, model)
        return tf.cast(model(inputs, training=False), tf.float32)

    def run(batch: object) -> np.ndarray:
        batch = keras.tree.map_structure(tf.convert_to_tensor, batch)
        # Of any batch size, so that the last one needs no trace of its own.
        spec = keras.tree.map_structure(lambda leaf: tf.TensorSpec([None, *leaf.shape[1:]], leaf.dtype), batch)
        return forward.get_concrete_function(spec)(batch).numpy()

    return run


def _checked(features: np.ndarray, model: keras.Model) -> np.ndarray:
    if features.ndim != 2:
        raise ValueError(
            "`model` must return one vector per example: wrap a backbone of feature maps in `bk.encoders.pooled`. "
            f"Received: {model.name!r} with outputs of shape {features.shape}"
        )
    bad = len(features) - np.count_nonzero(np.isfinite(features).all(axis=1))
    if bad:
        raise ValueError(
            "`model` must return finite features: training went wrong, or `data` holds NaN or infinity. "
            f"Received: {bad} of {len(features)} vectors of a batch with NaN or infinity"
        )
    return features
