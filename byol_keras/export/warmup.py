"""Requests that TensorFlow Serving computes when it loads a model, so that the first real one is as fast as others."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from .portable import Portable

__all__ = ["checked_warmup", "write_warmup"]

_FILE = os.path.join("assets.extra", "tf_serving_warmup_requests")
_MOST = 1000  # as many as a server reads


def checked_warmup(portable: Portable, warmup: object) -> dict[str, np.ndarray]:
    """The examples of requests by name; they, or a missing package, are refused before anything is written.

    Args:
        portable: the encoder.
        warmup: examples as it takes them.
    """
    _log_type()
    return portable.examples(warmup, "warmup")


def write_warmup(folder: str, name: str, examples: Mapping[str, np.ndarray]) -> None:
    """Writes requests of one example each into a SavedModel.

    Args:
        folder: of the SavedModel.
        name: that the server will know the model by.
        examples: for `serving_default`, by the names of its inputs.
    """
    new_log = _log_type()
    file = os.path.join(folder, _FILE)
    tf.io.gfile.makedirs(os.path.dirname(file))
    count = min(_MOST, len(next(iter(examples.values()))))
    with tf.io.TFRecordWriter(file) as writer:
        for index in range(count):
            log = new_log()
            request = log.predict_log.request
            request.model_spec.name, request.model_spec.signature_name = name, "serving_default"
            for key, values in examples.items():
                request.inputs[key].CopyFrom(tf.make_tensor_proto(values[index : index + 1]))
            writer.write(log.SerializeToString())


def _log_type() -> Any:
    try:
        from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog
    except ImportError as error:
        raise ImportError(
            "Requests that warm up a server need the package tensorflow-serving-api: pip install 'byol-keras[serving]'"
        ) from error
    return PredictionLog
