"""An encoder with a head that tells classes."""

import warnings
from collections.abc import Callable
from types import FunctionType

import keras
import numpy as np
import tensorflow as tf

from ..cloning import inputs_of
from ..evaluation.features import extract_features
from ..evaluation.labelled import as_labels, check_same_length
from ..evaluation.linear import fit_linear
from ..stepping import counter
from ..viewing import as_encoded, seed_of_batch, seed_of_replica

__all__ = ["Classifier", "checked_classes"]

_STREAM = 2  # of random numbers: 0 and 1 are BYOL's own
_UNLIKELY = -10.0  # logit of a class without examples, below the least offset of the others


@keras.saving.register_keras_serializable(package="byol_keras")
class Classifier(keras.Model):
    """Probabilities of classes, float32 of shape `(batch, classes)`, from what an encoder takes.

    A Keras model like any other: `fit`, `evaluate`, `predict`, callbacks, `save`. To an encoder of floats, uint8 means
    fractions of 255, in training too. Made and compiled by `bk.finetune`.

    Attributes:
        encoder: the network below the head.
        network: the same as a plain functional model of floats, which is what `bk.export` writes.

    Args:
        encoder: a built functional or `Sequential` model that returns vectors; it is used, not copied.
        num_classes: classes to tell apart, at least 2.
        augment: used in training only: views such as `bk.views.ImageViews`, of which the first is taken; or a callable
            `(batch, seed) -> batch` on what the encoder takes, where `seed` is an int32 tensor of shape (2,), a
            function of `seed`, the batch and the replica. Saved if it is registered with Keras; otherwise set
            `classifier.augment` again after loading. Default None.
        seed: int from 0 on, what `augment` depends on. Default 0.
        **kwargs: `name` and `dtype`.
    """

    # For `extract_features`: `call` does what the encoder needs done to them.
    prepares_inputs = True

    def __init__(
        self,
        encoder: keras.Model,
        num_classes: int,
        augment: Callable | None = None,
        seed: int = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        if num_classes < 2:
            raise ValueError(f"`num_classes` must be at least 2. Received: num_classes={num_classes}")
        self.encoder = encoder
        self.num_classes = int(num_classes)
        self.augment = augment
        self.seed = seed
        self.batches_seen = counter("batches_seen")
        self.head = keras.layers.Dense(
            self.num_classes, activation="softmax", kernel_initializer="zeros", dtype="float32", name="probabilities"
        )
        self.network = _network(encoder, self.head, f"{encoder.name}_classifier")
        self.built = True

    def call(self, inputs: object, training: bool | None = None) -> tf.Tensor:
        inputs = as_encoded(inputs, self.encoder)
        if training and self.augment is not None:
            inputs = self._augmented(inputs)
        return self.network(inputs, training=training)

    def _augmented(self, inputs: object) -> object:
        seed = seed_of_batch(self.seed, _STREAM, self.batches_seen)
        self.batches_seen.assign_add(1)
        changed = self.augment(inputs, seed_of_replica(self.augment, seed))
        return changed[0] if getattr(self.augment, "makes_pairs", False) else changed

    def fit_head(self, images: object, labels: np.ndarray, seed: int = 0) -> None:
        """Lets the head begin as the linear classifier (`linear_probe`'s) of the encoder's features.

        A random head would distort the features before it has learned anything. A class without examples begins as an
        unlikely one.

        Args:
            images: examples, an array or a structure of arrays.
            labels: integer classes from 0 on, shape `(n,)`.
            seed: what the choice of the regularisation's strength depends on. Default 0.

        Reference: [Kumar et al., 2022](https://arxiv.org/abs/2202.10054).
        """
        labels = checked_classes(images, labels, self.num_classes)
        fitted = fit_linear(extract_features(self.encoder, images), labels, seed=seed)
        kernel, bias = (np.zeros(weight.shape, "float32") for weight in self.head.weights)
        bias += fitted.bias.min() + _UNLIKELY
        kernel[:, fitted.classes], bias[fitted.classes] = fitted.kernel, fitted.bias
        self.head.set_weights([kernel, bias])

    def get_config(self) -> dict:
        encoder = keras.saving.serialize_keras_object(self.encoder)
        kind = self.augment if isinstance(self.augment, FunctionType) else type(self.augment)
        registered = keras.saving.get_registered_object(keras.saving.get_registered_name(kind)) is kind
        if self.augment is not None and not registered:
            sentence = "`augment` is not registered with Keras and not saved: set it again after loading"
            warnings.warn(sentence, stacklevel=2)
        augment = keras.saving.serialize_keras_object(self.augment) if registered else None
        own = {"encoder": encoder, "num_classes": self.num_classes, "augment": augment, "seed": self.seed}
        return super().get_config() | own

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "Classifier":
        parts = {name: config[name] for name in ("encoder", "augment") if config[name] is not None}
        revived = {name: keras.saving.deserialize_keras_object(part, custom_objects) for name, part in parts.items()}
        return cls(**config | revived)


def checked_classes(examples: object, labels: np.ndarray, num_classes: int | None = None) -> np.ndarray:
    """The labels of examples as integers, two different ones at least, each below `num_classes` where that is known."""
    labels = as_labels(labels, "labels")
    check_same_length(labels, keras.tree.flatten(examples)[0], "labels")
    if labels.min() == labels.max() or (num_classes is not None and labels.max() >= num_classes):
        bound = "" if num_classes is None else f", below {num_classes}"
        raise ValueError(
            f"`labels` must hold two classes or more{bound}. Received: classes from {labels.min()} to {labels.max()}"
        )
    return labels


def _network(encoder: keras.Model, head: keras.layers.Layer, name: str) -> keras.Model:
    inputs = keras.tree.map_structure(
        lambda tensor: keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name), inputs_of(encoder)
    )
    return keras.Model(inputs, head(encoder(inputs)), name=name)
