"""BYOL (Bootstrap Your Own Latent) for Keras 3 on TensorFlow: encoders from unlabelled data."""

import keras as _keras

if _keras.backend.backend() != "tensorflow":
    raise ValueError(
        "byol_keras trains with TensorFlow: set the environment variable KERAS_BACKEND=tensorflow before Keras is "
        f"imported. Received: keras.backend.backend()={_keras.backend.backend()!r}"
    )

from . import callbacks, encoders, evaluation, heads, layers, losses, recipes, schedules, views
from .model import BYOL
from .optimizers import LARS
from .precision import set_precision
from .version import __version__

__all__ = [
    "BYOL",
    "LARS",
    "__version__",
    "callbacks",
    "encoders",
    "evaluation",
    "heads",
    "layers",
    "losses",
    "recipes",
    "schedules",
    "set_precision",
    "views",
]
