"""Steps that go down a loss, or change nothing at all."""

from collections.abc import Callable, Iterable

import keras
import numpy as np
import tensorflow as tf

from .copies import HalfCopies, plain_variables
from .heap import give_back
from .stepping import after, agree, all_finite, apply_if, computed, counter, replicas, snapshot

__all__ = ["Descent"]


class Descent(keras.Model):
    """A Keras model whose training stops at the first step that is not finite, in the state before it.

    A subclass writes `train_step`: it calls `remember` before its forward pass, takes gradients by `differentiate`, and
    hands them to `descend`.

    Args:
        **kwargs: `name` and `dtype`.
    """

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        # Saved with the weights: a continued run draws what an uninterrupted one would.
        self.batches_seen = counter("batches_seen")
        self.failed_batch = counter("failed_batch", start=-1)

    def make_train_function(self, force: bool = False) -> None:
        if self.train_function is not None and not force:
            return
        super().make_train_function(force=True)
        run, begun = self.train_function, False

        def run_safely(iterator: object) -> dict:
            nonlocal begun
            logs = run(iterator)
            self._stop_if_failed()
            if not begun:
                begun = True
                give_back()
            return logs

        self.train_function = run_safely

    def _stop_if_failed(self) -> None:
        failed = int(self.failed_batch.numpy())
        if failed >= 0:
            self.failed_batch.assign(-1)
            raise ValueError(
                f"`loss` or its gradients became non-finite at step {failed + 1}. That step and those after it were "
                "not applied: the model holds the last good state. Lower the learning rate, lengthen the warm-up, look "
                "for bad examples, or for a last batch too small for all replicas (`drop_remainder=True` leaves it "
                f"out). Received: learning_rate={self.optimizer.learning_rate.numpy()}"
            )

    def remember(self, models: Iterable[keras.layers.Layer]) -> Callable[[], None]:
        """Notes the statistics of `models`; the returned function puts them back."""
        return snapshot(variable for model in models for variable in model.non_trainable_weights)

    def alive(self) -> tf.Tensor:
        """Whether no step has failed."""
        return self.failed_batch.value < 0

    def differentiate(self, objective: Callable[[object], tf.Tensor], *batches: object) -> tuple[tf.Tensor, list]:
        """What `objective` is of all batches together, and its gradients, scaled for replicas and for the optimizer.

        One batch is done with, and what its pass remembered given back, before the next begins. Gradients are NaN once
        a step failed.

        Args:
            objective: of a batch computes a scalar, the mean over a replica's share.
            *batches: structures of tensors. Their objectives are summed.
        """
        total = 0.0
        parts = self._flatten_layers(include_self=False, recursive=False)
        with HalfCopies(self.trainable_variables, plain_variables(parts)) as copies:
            for number, batch in enumerate(batches):
                if number:
                    # Always true of a step that counts, which no compiler can know.
                    batch = after(computed(copies.sums) | self.alive(), batch)
                with tf.GradientTape() as tape:
                    copies.watch(tape)
                    loss = objective(batch)
                    # Gradients are summed over replicas, and the mean over a replica's share is not the batch's.
                    scaled = self.optimizer.scale_loss(loss / replicas())
                copies.add(tape, scaled, upstream=tf.where(self.alive(), tf.ones_like(scaled), np.nan))
                total += loss
        return total, copies.joined()

    def descend(self, loss: tf.Tensor, gradients: list, restore: Callable[[], None]) -> None:
        """One optimizer step down `loss`; if anything is not finite, none, now and from here on.

        Args:
            loss: scalar.
            gradients: from `differentiate`.
            restore: from `remember`, called before the forward pass: puts statistics back where the step failed.
        """
        alive = self.alive()
        variables = self.trainable_variables
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            # A scaled loss overflows by design: this optimizer skips such a step by itself, and halves its scale.
            good = agree(all_finite([loss])) & alive
            self.optimizer.apply(gradients, variables)
            # A loss that is not even scaled up any more does not overflow: such gradients are never finite.
            good &= self.optimizer.dynamic_scale.value >= 1.0
        else:
            good = agree(all_finite([loss, *gradients])) & alive
            apply_if(good, self.optimizer, gradients, variables)
        tf.cond(good, lambda: None, restore)
        # Keras finds the end of a stream by running a step without data; without a reason to wait, that would count.
        with tf.control_dependencies([good]):
            self.failed_batch.assign(tf.where(alive & ~good, self.batches_seen.value, self.failed_batch.value))
            self.batches_seen.assign_add(tf.cast(alive, tf.int64))
