"""BYOL (Bootstrap Your Own Latent) for Keras 3 on TensorFlow: encoders from unlabelled data."""

import contextlib as _contextlib
import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING

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
    downstream,
    encoders,
    evaluation,
    heads,
    layers,
    losses,
    recipes,
    schedules,
    views,
)
from .finetuning import finetune
from .model import BYOL
from .optimizers import LARS
from .precision import set_precision
from .version import __version__

# More than half of what the package takes to import, for those who have files, runs or exports. It registers no class
# that a saved model may need.
_LATER = {
    "PretrainConfig": ".config",
    "data": ".data",
    "export": ".export",
    "pretrain": ".training",
    "report": ".report",
}

if _TYPE_CHECKING:
    from . import data, export, report
    from .config import PretrainConfig
    from .training import pretrain


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _importlib.import_module(_LATER[name], __name__)
    found = home if _LATER[name] == f".{name}" else getattr(home, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


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
