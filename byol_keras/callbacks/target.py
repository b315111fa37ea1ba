"""The callback that moves the target network."""

import warnings

import keras
import numpy as np
import tensorflow as tf

from ..schedules import constant_tau, cosine_tau

__all__ = ["TargetEMA"]

_SCHEDULES = {"constant": constant_tau, "cosine": cosine_tau}
# Computed at once: one by one they take as long as the target's move.
_AHEAD = 256


class TargetEMA(keras.callbacks.Callback):
    """Moves the target towards the online network after every optimizer step.

    ```
    target = tau * target + (1 - tau) * online
    tau(k) = 1 - (1 - tau) * (cos(pi * k / K) + 1) / 2        (schedule="cosine")
    ```

    `k` is the optimizer's own step counter, so that a run which is continued goes on where it stopped, a step that
    only accumulates gradients does not move the target, and neither does a step that was skipped.

    At the end of a batch it calls `model.update_target(tau)`. Where Keras runs several steps between two calls of
    a callback (`steps_per_execution > 1`) it hands its schedule to the model, which does the same inside the step;
    the weights come out equal.

    `BYOL.fit` adds one with the default arguments when none is passed.

    Args:
        tau: where the schedule starts, in [0, 1]. 1 never moves the target, 0 copies the online network.
            Default 0.99.
        schedule: `"cosine"` (to 1 at the end of training) or `"constant"`. Default `"cosine"`.
        total_steps: K, in optimizer steps. Default None: counted from `fit`'s epochs and the length of its data.
            A run that is continued by another `fit` should end where the first was meant to: give the number here,
            or pass `initial_epoch` and the final `epochs`.

    Example:
    ```python
    model.fit(images, epochs=200, callbacks=[bk.callbacks.TargetEMA(tau=0.99)])
    ```

    Reference: [Grill et al., 2020](https://arxiv.org/abs/2006.07733), section 3.
    """

    def __init__(self, tau: float = 0.99, schedule: str = "cosine", total_steps: int | None = None) -> None:
        super().__init__()
        if not 0.0 <= tau <= 1.0:
            raise ValueError(f"`tau` must be in [0, 1]. Received: tau={tau}")
        if schedule not in _SCHEDULES:
            raise ValueError(f"`schedule` must be one of {sorted(_SCHEDULES)}. Received: schedule={schedule!r}")
        if total_steps is not None and total_steps < 1:
            raise ValueError(f"`total_steps` must be at least 1. Received: total_steps={total_steps}")
        self.tau = float(tau)
        self.schedule = schedule
        self.total_steps = total_steps
        self._horizon: int | None = None
        self._moved_at = 0
        self._from, self._ahead = 0, np.empty(0)

    def tau_at(self, step: tf.Tensor | int) -> tf.Tensor:
        """Tau after `step` optimizer steps, in float64; of several, if `step` is a tensor of them."""
        horizon = self._horizon or self.total_steps
        if horizon is None and self.schedule == "cosine":
            raise ValueError("`total_steps` is not known before `fit` has begun. Received: total_steps=None")
        return _SCHEDULES[self.schedule](step, horizon or 1, self.tau)

    @property
    def signature(self) -> tuple:
        """What `tau_at` depends on: two callbacks of equal signature move the target alike."""
        return self.schedule, self.tau, self._horizon if self.schedule == "cosine" else None

    def on_train_begin(self, logs: dict | None = None) -> None:
        if not hasattr(self.model, "update_target"):
            raise TypeError(f"`TargetEMA` needs a model with a target, such as `BYOL`. Received: model={self.model}")
        if self.schedule == "cosine" and self.total_steps is None and self.params.get("steps") is None:
            raise ValueError(
                "`total_steps` is needed for a cosine `tau` over a dataset of unknown length. Pass "
                "`TargetEMA(total_steps=...)`, or `steps_per_epoch` to `fit`, or use `schedule='constant'`. "
                "Received: total_steps=None"
            )
        self._horizon = None
        self._moved_at = self._optimizer_step()
        self._ahead = np.empty(0)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self._horizon is None:
            self._horizon = self._resolve_horizon(first_epoch=epoch)
            self.model.follow(self)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self.model.moves_target_in_step:
            return
        step = self._optimizer_step()
        if step > self._moved_at:
            self._moved_at = step
            self.model.update_target(self._tau(step))

    def _tau(self, step: int) -> float:
        """`tau_at`, for a run's steps in their order."""
        if not self._from <= step < self._from + len(self._ahead):
            self._from, self._ahead = step, self.tau_at(tf.range(step, step + _AHEAD)).numpy()
        return float(self._ahead[step - self._from])

    def _optimizer_step(self) -> int:
        return int(self.model.optimizer.iterations.numpy())

    def _resolve_horizon(self, first_epoch: int) -> int:
        steps = self.params.get("steps")
        if steps is None:
            return self.total_steps or 1
        batches = steps * (self.params["epochs"] - first_epoch)
        end = self._optimizer_step() + batches // self.model.batches_per_update
        if self.total_steps is not None and self.schedule == "cosine" and end > self.total_steps:
            warnings.warn(
                f"This run ends at optimizer step {end}, but `total_steps`={self.total_steps}: "
                "the target network is frozen from there on.",
                stacklevel=2,
            )
        return self.total_steps or max(end, 1)
