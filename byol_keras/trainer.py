"""What every self-supervised model here adds to Keras' own `compile` and `fit`."""

import keras
import numpy as np
import tensorflow as tf

from .descent import Descent
from .intake import ArrayBatches, chunks, first_batch, is_arrays, split_validation, with_strings
from .layers import bias_and_norm_variables
from .optimizers import LARS
from .schedules import PerOptimizerStep

__all__ = ["Trainer"]

_COMPILED = ("optimizer", "run_eagerly", "steps_per_execution", "jit_compile", "auto_scale_loss")


class Trainer(Descent):
    """A Keras model that trains without labels, refuses bad data before it starts, and fails safely.

    A subclass writes `train_step`, as `Descent` says, and may override three hooks: `check_values` and `check_batch`
    (what is let in), and `with_callbacks` (what it can't train without).

    Args:
        seed: int, what the order of arrays (and whatever a subclass draws) depends on.
        **kwargs: `name` and `dtype`.
    """

    # `call` takes raw examples and does what the encoder needs done to them: nobody else has to.
    prepares_inputs = True

    def __init__(self, seed: int = 0, **kwargs: object) -> None:
        super().__init__(**kwargs)
        # The networks inside cast for themselves; raw examples may be more than half precision holds.
        self.autocast = False
        self.seed = int(seed)

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer | str,
        loss: object = None,
        *,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        **kwargs: object,
    ) -> None:
        refused = {name: value for name, value in {"loss": loss, **kwargs}.items() if value is not None}
        if refused:
            raise ValueError(
                "`compile` takes an optimizer and how to run; the loss belongs to the model's constructor and there "
                f"are no labels for metrics. Received: {', '.join(f'{k}={v!r}' for k, v in refused.items())}"
            )
        super().compile(
            optimizer=optimizer,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
            auto_scale_loss=auto_scale_loss,
        )
        self._compile_config.config["auto_scale_loss"] = auto_scale_loss
        self._check_loss_scale(asked_for=jit_compile is True)
        self.adopt(self.base_optimizer)
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def _check_loss_scale(self, asked_for: bool) -> None:
        """Keeps XLA from a scaled loss on several replicas: each would decide for itself whether a step is skipped."""
        scaled = isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer)
        if scaled and self.jit_compile and self.distribute_strategy.num_replicas_in_sync > 1:
            if asked_for:
                raise ValueError(
                    "`jit_compile` must be False for float16 under a strategy: compiled replicas could disagree about "
                    "skipping a step. bfloat16 needs no scaled loss and may be compiled. Received: jit_compile=True"
                )
            self.jit_compile = False

    @property
    def base_optimizer(self) -> keras.optimizers.Optimizer:
        """The optimizer itself, without the loss scaling that Keras puts around it."""
        return getattr(self.optimizer, "inner_optimizer", self.optimizer)

    @property
    def batches_per_update(self) -> int:
        """Batches per optimizer step, 1 without gradient accumulation."""
        return self.base_optimizer.gradient_accumulation_steps or 1

    def adopt(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Called by `compile`: tells the optimizer what Keras does not."""
        if isinstance(optimizer, LARS):
            optimizer.exclude(bias_and_norm_variables(self))
        if self.batches_per_update > 1 and self.distribute_strategy.num_replicas_in_sync > 1:
            raise ValueError(
                "`gradient_accumulation_steps` does not work under a strategy in Keras 3: raise the batch size or the "
                f"number of replicas. Received: gradient_accumulation_steps={self.batches_per_update}"
            )
        rate = optimizer._learning_rate
        counts_batches = isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)
        if self.batches_per_update > 1 and counts_batches and not isinstance(rate, PerOptimizerStep):
            optimizer.learning_rate = PerOptimizerStep(rate, self.batches_per_update)

    def get_compile_config(self) -> dict:
        config = super().get_compile_config()
        return {key: config[key] for key in _COMPILED if key in config}

    def compile_from_config(self, config: dict) -> None:
        if config:
            self.compile(**keras.saving.deserialize_keras_object(config))

    def fit(
        self,
        x: object = None,
        y: object = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: list | None = None,
        validation_split: float = 0.0,
        validation_data: object = None,
        shuffle: bool = True,
        **kwargs: object,
    ) -> keras.callbacks.History:
        """Trains as `keras.Model.fit` does; labels, if present, are ignored.

        Arrays come in full batches, in an order that depends on `seed` and the epoch only. A `tf.data.Dataset` should
        bring full batches too: `batch(..., drop_remainder=True)`. Of other data only the first batch is looked at.
        """
        self._assert_compile_called("fit")
        for weights in ("class_weight", "sample_weight"):
            if kwargs.pop(weights, None) is not None:
                raise ValueError(f"`{weights}` must be None: without labels every example counts the same.")
        callbacks = self.with_callbacks(_as_list(callbacks))
        x, validation_data = with_strings(x), with_strings(validation_data)
        if is_arrays(x):
            if validation_split and validation_data is None:
                x, validation_data = split_validation(x, validation_split)
            batches = self._batches(x, 32 if batch_size is None else batch_size, shuffle)
            steps = kwargs.get("steps_per_epoch")
            x = batches.endless(steps * kwargs.get("initial_epoch", 0)) if steps else batches.epoch()
            callbacks = [batches, *callbacks]
            kwargs.setdefault("validation_batch_size", batch_size)
        elif batch_size is not None or (validation_split and validation_data is None):
            raise ValueError(
                "`batch_size` and `validation_split` are for arrays: other data brings batches of its own, and what is "
                "held out as `validation_data`. "
                f"Received: batch_size={batch_size}, validation_split={validation_split}"
            )
        x = self._admit(x)
        # Keras shuffles only what it can index, and warns about the rest.
        kwargs["shuffle"] = shuffle and isinstance(x, keras.utils.PyDataset) and x.num_batches is not None
        kwargs |= {"epochs": epochs, "verbose": verbose, "callbacks": callbacks}
        return super().fit(x, validation_data=validation_data, **kwargs)

    def evaluate(self, x: object = None, *args: object, **kwargs: object) -> object:
        return super().evaluate(with_strings(x), *args, **kwargs)

    def predict(self, x: object, *args: object, **kwargs: object) -> object:
        return super().predict(with_strings(x), *args, **kwargs)

    def _batches(self, arrays: object, batch_size: int, shuffle: bool) -> ArrayBatches:
        for chunk in chunks(arrays):
            self.check_values(chunk)
        return ArrayBatches(arrays, batch_size, shuffle, self.seed)

    def _admit(self, x: object) -> object:
        distributed = isinstance(x, tf.distribute.DistributedDataset)
        batch, x = first_batch(x)
        if batch is None:
            raise ValueError("`x` is empty: there is nothing to train on. Received: data without a single batch")
        batch, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
        replicas = self.distribute_strategy.num_replicas_in_sync
        if distributed:
            batch, replicas = keras.tree.map_structure(self._first_share, batch), 1
        if any(np.shape(leaf) == () for leaf in keras.tree.flatten(batch)):
            raise ValueError(
                "`x` must come in batches: call `batch(n, drop_remainder=True)` on the dataset. "
                "Received: single numbers or strings"
            )
        self.check_values(batch)
        self.check_batch(batch, replicas)
        return x

    def _first_share(self, value: object) -> tf.Tensor:
        return self.distribute_strategy.experimental_local_results(value)[0]

    def check_values(self, examples: object) -> None:
        """Raises a ValueError for examples that can't be trained on. Arrays are looked at in full."""

    def check_batch(self, batch: object, replicas: int) -> None:
        """Raises a ValueError for a batch, the first, that the model can't take on so many replicas."""

    def with_callbacks(self, callbacks: list[keras.callbacks.Callback]) -> list[keras.callbacks.Callback]:
        """The user's callbacks and what the model can't train without."""
        return callbacks

    def _maybe_symbolic_build(self, *_: object, **__: object) -> None:
        """Nothing: everything is built. Keras would take a batch from the stream and average it over all workers."""


def _as_list(callbacks: object) -> list[keras.callbacks.Callback]:
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return list(callbacks.callbacks)
    return keras.tree.flatten(callbacks) if callbacks else []
