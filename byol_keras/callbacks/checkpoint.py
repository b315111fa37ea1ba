"""The callback that keeps a run from being lost."""

import os
import time
from collections.abc import Mapping
from typing import Protocol

import keras
import numpy as np

from .. import checkpoints
from ..arguments import check_positive
from ..cloning import refresh_constants

__all__ = ["Resumable", "RunCheckpoint"]


class Resumable(Protocol):
    """Whatever has a state of its own that belongs to a run, such as a monitor."""

    def get_state(self) -> dict:
        """What JSON can hold."""

    def set_state(self, state: dict) -> None:
        """Takes back what `get_state` returned."""


class RunCheckpoint(keras.callbacks.Callback):
    """Saves the whole state of a run while it trains, and brings it back.

    Every variable of the model (both networks, statistics, random state, counters) and of its optimizer, and the
    state of whatever else the run consists of. A file is written beside its place and renamed, ends in a checksum,
    and only the newest `keep` stay. `restore` takes the newest one that is whole.

    Together with data whose order is a function of (seed, epoch) this makes a run that was killed at any moment and
    continued end with the weights of one that was never interrupted (on a CPU; on a GPU as far as its kernels are
    deterministic).

    Unlike `keras.callbacks.BackupAndRestore` it saves in the middle of an epoch, keeps its files when training ends,
    and refuses a state that does not fit instead of leaving variables out. Of several processes that train together
    the chief writes, and all restore.

    Args:
        folder: where the checkpoints are kept, local or of any store that `tf.io.gfile` knows.
        minutes: time between two checkpoints. Default 5. None leaves it to `steps`.
        steps: save whenever so many batches have been trained since the last. Default None.
        keep: how many checkpoints stay. Default 3.
        others: further parts of the run with `get_state` and `set_state`, by name: monitors, for example.

    Example:
    ```python
    checkpoint = bk.callbacks.RunCheckpoint("run/checkpoints")
    batches = checkpoint.restore(model)                       # 0 where there is none
    epoch = batches // (len(images) // 256)
    model.fit(images, batch_size=256, epochs=200, initial_epoch=epoch, callbacks=[checkpoint])
    ```
    (Arrays given to `fit` go on at the beginning of an epoch: use `steps` to save there. `bk.pretrain` goes on in the
    middle of one.)
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        minutes: float | None = 5.0,
        steps: int | None = None,
        keep: int = 3,
        others: Mapping[str, Resumable] | None = None,
    ) -> None:
        super().__init__()
        check_positive(keep=keep, **({} if steps is None else {"steps": steps}))
        if minutes is not None and not minutes > 0:
            raise ValueError(f"`minutes` must be positive. Received: minutes={minutes}")
        self.folder = os.fspath(folder)
        self.minutes = minutes
        self.steps = steps
        self.keep = keep
        self.others = dict(others or {})
        self._restored: keras.Model | None = None
        self._saved_at = 0
        self._saved_when = 0.0

    def restore(self, model: keras.Model) -> int:
        """Gives a compiled model the state of the newest checkpoint that is whole.

        Returns:
            How many batches the run has trained on; 0 where there is no checkpoint. That none is whole is an error.
        """
        _check_model(model)
        state = checkpoints.newest(self.folder)
        if state is not None:
            self._put_back(model, state)
        # Only now: a run whose state could not be read is not to be written over.
        self._restored = model
        return 0 if state is None else state.note["step"]

    def _put_back(self, model: keras.Model, state: checkpoints.State) -> None:
        variables = _variables(model)
        _check_fit(variables, state.arrays)
        for name, variable in variables.items():
            variable.assign(state.arrays[name])
        refresh_constants(model)
        for name, other in self.others.items():
            if name in state.note["others"]:
                other.set_state(state.note["others"][name])

    def save(self) -> str:
        """Writes a checkpoint now, of the model that `fit` trains, and returns its path."""
        if self.model is None:
            raise ValueError("`save` needs a model: `fit` must have begun with this callback. Received: none yet")
        step = self._batches()
        arrays = {name: np.asarray(variable.numpy()) for name, variable in _variables(self.model).items()}
        others = {name: other.get_state() for name, other in self.others.items()}
        path = checkpoints.save(self.folder, step, arrays, {"step": step, "others": others})
        checkpoints.prune(self.folder, self.keep, step)
        self._saved_at, self._saved_when = step, time.monotonic()
        return path

    def on_train_begin(self, logs: dict | None = None) -> None:
        _check_model(self.model)
        later = [step for step in checkpoints.saved_steps(self.folder) if step > self._batches()]
        if later and self._restored is not self.model:
            raise ValueError(
                f"`folder` must not hold checkpoints of a run that is not continued: call `restore(model)` before "
                f"`fit`, or choose another folder. Received: {self.folder}, with checkpoints of later steps than the "
                f"model's, {self._batches()}"
            )
        self._saved_at, self._saved_when = self._batches(), time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if not self._writes:
            return
        late = self.minutes is not None and time.monotonic() - self._saved_when >= 60 * self.minutes
        if late or (self.steps is not None and self._batches() - self._saved_at >= self.steps):
            self.save()

    def on_train_end(self, logs: dict | None = None) -> None:
        if self._writes and self._batches() > self._saved_at:
            self.save()

    @property
    def _writes(self) -> bool:
        return self.model.distribute_strategy.extended.should_checkpoint

    def _batches(self) -> int:
        return int(self.model.batches_seen.numpy())


def _check_model(model: keras.Model) -> None:
    if not hasattr(model, "batches_seen"):
        raise TypeError(
            f"`RunCheckpoint` needs a model that counts its batches, such as `BYOL`. Received: model={model}"
        )
    if getattr(model, "optimizer", None) is None:
        raise ValueError(f"`model` must be compiled, since its optimizer is restored too. Received: model={model}")


def _variables(model: keras.Model) -> dict[str, keras.Variable]:
    # By position: names made up by Keras differ between two models built in one process.
    parts = (("model", model.variables), ("optimizer", model.optimizer.variables))
    return {f"{part} variable {i}": v for part, variables in parts for i, v in enumerate(variables)}


def _check_fit(variables: Mapping[str, keras.Variable], arrays: Mapping[str, np.ndarray]) -> None:
    ours = {name: (tuple(variable.shape), str(variable.dtype)) for name, variable in variables.items()}
    theirs = {name: (array.shape, array.dtype.name) for name, array in arrays.items()}
    strange = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
    if strange:
        name = strange[0]
        path = variables[name].path if name in variables else "none"
        raise ValueError(
            f"`model` must be the one that the checkpoint was made of: {len(strange)} variables differ. Received: "
            f"{name} ({path}) is {ours.get(name, 'missing')} in the model, "
            f"{theirs.get(name, 'missing')} in the checkpoint"
        )
