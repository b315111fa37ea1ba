"""BYOL (Bootstrap Your Own Latent) for Keras 3 on TensorFlow: encoders from unlabelled data."""

import contextlib as _contextlib

from .quiet import is_command as _is_command
from .quiet import stopped_quietly as _stopped_quietly
from .quiet import without_greetings as _without_greetings

with _contextlib.ExitStack() as _starting:
    if _is_command():
        _starting.enter_context(_without_greetings())
        _starting.enter_context(_stopped_quietly())
    import keras as _keras

if _keras.backend.backend() != "tensorflow":
    raise ValueError(
        "byol_keras trains with TensorFlow: set the environment variable KERAS_BACKEND=tensorflow before Keras is "
        f"imported. Received: keras.backend.backend()={_keras.backend.backend()!r}"
    )

from . import (
    baselines,
    callbacks,
    data,
    downstream,
    encoders,
    evaluation,
    export,
    heads,
    layers,
    losses,
    recipes,
    report,
    schedules,
    views,
)
from .config import PretrainConfig
from .finetuning import finetune
from .model import BYOL
from .optimizers import LARS
from .precision import set_precision
from .training import pretrain
from .version import __version__

__all__ = [
    "BYOL",
    "LARS",
    "PretrainConfig",
    "__version__",
    "baselines",
    "callbacks",
    "data",
    "downstream",
    "encoders",
    "evaluation",
    "export",
    "finetune",
    "heads",
    "layers",
    "losses",
    "pretrain",
    "recipes",
    "report",
    "schedules",
    "set_precision",
    "views",
]
