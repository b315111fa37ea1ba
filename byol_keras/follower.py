"""A trainer with a second network that follows the first."""

import warnings

import keras
import tensorflow as tf

from .callbacks.target import TargetEMA
from .metrics import Latest
from .trainer import Trainer

__all__ = ["Follower"]


class Follower(Trainer):
    """A trainer whose target network is a moving average of its online network.

    `TargetEMA` decides how far the target moves and when; what moving means is written here. A subclass names the
    weights in `pairs`, and calls `move_in_step` at the end of its `train_step`.

    Args:
        seed: as in `Trainer`.
        **kwargs: `name` and `dtype`.
    """

    def __init__(self, seed: int = 0, **kwargs: object) -> None:
        super().__init__(seed=seed, **kwargs)
        self.tau_tracker = Latest(name="tau")
        self._move_compiled = tf.function(self._move_everywhere)
        self._target_waits = False
        self._in_step: TargetEMA | None = None
        self._followed: tuple | None = None

    def pairs(self) -> list[tuple[keras.Variable, keras.Variable]]:
        """Every weight of the online network with its twin in the target; statistics stay each network's own."""
        raise NotImplementedError(f"`{type(self).__name__}` must override `pairs`.")

    def moving_pairs(self) -> list[tuple[keras.Variable, keras.Variable]]:
        """Those of the pairs that the target follows: parameters that are trained."""
        return [(ours, theirs) for ours, theirs in self.pairs() if ours.trainable]

    def update_target(self, tau: float | tf.Tensor) -> None:
        """Moves every parameter of the target: `target = tau * target + (1 - tau) * online`.

        One compiled function for all of them; it is traced once, whatever `tau` is.

        Args:
            tau: in [0, 1]. 1 leaves the target where it is, 0 makes it equal to the online network.
        """
        if not tf.is_symbolic_tensor(tau) and not 0.0 <= float(tau) <= 1.0:
            raise ValueError(f"`tau` must be in [0, 1]. Received: tau={tau}")
        self._target_waits = False
        tau = tf.cast(tau, tf.float32)
        merged = tf.distribute.has_strategy() and not tf.distribute.in_cross_replica_context()
        if tf.inside_function() or merged:
            self._move_target(tau)
        else:
            self._move_compiled(tau)

    def train_on_batch(self, *args: object, **kwargs: object) -> object:
        """As Keras' own. No callback is called: unless the step moves the target, that waits for `update_target`."""
        if self._target_waits:
            warnings.warn(
                "`train_on_batch` leaves the target frozen: call `update_target(tau)` after it.", stacklevel=2
            )
        self._target_waits = not self.moves_target_in_step
        return super().train_on_batch(*args, **kwargs)

    def adopt(self, optimizer: keras.optimizers.Optimizer) -> None:
        super().adopt(optimizer)
        # As everywhere in Keras: what was frozen or thawed counts from the next `compile` on.
        self._move_compiled = tf.function(self._move_everywhere)
        self._in_step = self._followed = None

    def _move_everywhere(self, tau: tf.Tensor) -> None:
        self.distribute_strategy.run(self._move_target, args=(tau,))

    def _move_target(self, tau: tf.Tensor) -> None:
        moved = []
        for ours, theirs in self.moving_pairs():
            kept = tf.cast(tau, theirs.dtype)
            # One after the other: all at once would need the room of another network or two.
            with tf.control_dependencies(moved):
                theirs.assign(kept * theirs + (1 - kept) * ours)
                moved = [tf.convert_to_tensor(theirs)]
        self.tau_tracker.update_state(tau)

    def follow(self, schedule: TargetEMA) -> None:
        """Called by `TargetEMA` as training begins: takes over its schedule where it can't see every step."""
        self.tau_tracker.update_state(schedule.tau_at(self.optimizer.iterations))
        self._in_step = schedule if self.steps_per_execution > 1 else None
        followed = self._in_step and self._in_step.signature
        if followed != self._followed:
            self._followed = followed
            self.make_train_function(force=True)

    @property
    def moves_target_in_step(self) -> bool:
        """Whether the training step moves the target itself."""
        return self._in_step is not None

    def move_in_step(self, steps_before: tf.Tensor) -> None:
        """Moves the target inside a training step, where that was handed over; only after an optimizer step.

        Args:
            steps_before: the optimizer's step counter before it was called.
        """
        if self._in_step is not None:
            tau = self._in_step.tau_at(self.optimizer.iterations)
            self.update_target(tf.where(self.optimizer.iterations > steps_before, tau, 1.0))
            self.tau_tracker.update_state(tau)

    def with_callbacks(self, callbacks: list[keras.callbacks.Callback]) -> list[keras.callbacks.Callback]:
        """The target moves first, so that whatever looks at the model or saves it sees the finished step."""
        targets = [callback for callback in callbacks if isinstance(callback, TargetEMA)]
        if len(targets) > 1:
            raise ValueError(f"`callbacks` must hold one TargetEMA at most. Received: {len(targets)}")
        others = [callback for callback in callbacks if not isinstance(callback, TargetEMA)]
        return [*(targets or [TargetEMA()]), *others]
