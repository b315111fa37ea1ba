"""From an encoder and a few labels to a classifier."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from .arguments import check_positive
from .cloning import twin
from .evaluation.features import extract_features
from .evaluation.labelled import as_labels, check_same_length
from .evaluation.linear import LinearClassifier, fit_linear
from .intake import ArrayBatches
from .schedules import WarmupCosine
from .viewing import as_encoded, seed_of_batch

__all__ = ["finetune", "finetuned_predictions"]

_STREAM = 2  # of random numbers: 0 and 1 are BYOL's own
_FEW = 16  # examples in a batch, below which their statistics are more noise than gain
_UNLIKELY = -10.0  # logit of a class without examples, below the least offset of the others


def finetune(
    encoder: keras.Model,
    images: object,
    labels: np.ndarray,
    *,
    epochs: int = 30,
    batch_size: int = 32,
    learning_rate: float = 0.03,
    head_first: bool = True,
    validation_data: tuple | None = None,
    augment: Callable | None = None,
    seed: int = 0,
    verbose: int | str = 0,
) -> keras.Model:
    """A classifier made of a copy of `encoder` and a fresh head, trained as a whole on labelled examples.

    It takes what the encoder takes and returns probabilities, float32 of shape `(batch, classes)`. It comes compiled
    (SGD with momentum, cross-entropy, accuracy), with the course of training in `classifier.history`. The encoder
    that was given is not changed.

    Batch normalisation goes on as in pre-training: it normalises by batch and its moving statistics follow the
    labelled examples. Batches of under 16 are too few for that: there its layers are frozen, statistics, scales and
    offsets, and normalise as the encoder did. Layers that are frozen stay so, unless the whole encoder is.

    Args:
        encoder: a built Keras model that returns vectors, such as `BYOL.encoder`.
        images: examples, an array or a structure of arrays; to an encoder of floats, uint8 means fractions of 255.
        labels: integer classes from 0 on, at least two different ones, shape `(n,)`.
        epochs: passes over the examples. Default 30.
        batch_size: examples per step, cut to their number; an epoch drops the last partial batch. Default 32.
        learning_rate: peak of the rate, which climbs for a tenth of the steps and falls to 0 as a cosine.
            Default 0.03.
        head_first: whether the head starts as the linear classifier (`linear_probe`'s) of the encoder's features,
            so that a random one does not distort them. Otherwise it starts at zero. Default True.
        validation_data: examples and labels that Keras reports on after every epoch. Default None.
        augment: callable `(batch, seed) -> batch` on what the encoder takes, e.g.
            `lambda batch, seed: views(batch, seed)[0]`; `seed` is an int32 tensor of shape (2,). Default None.
        seed: int from 0 on, what the order of examples and `augment` depend on. Default 0.
        verbose: as in Keras' `fit`. Default 0, silent.

    Example:
    >>> import byol_keras as bk, numpy as np
    >>> keras.utils.set_random_seed(1)
    >>> encoder = bk.encoders.small_resnet((32, 32, 3), widths=(8,))
    >>> labels = np.arange(40) % 2
    >>> images = np.full((40, 32, 32, 3), 90, "uint8") + 60 * labels[:, None, None, None].astype("uint8")
    >>> classifier = finetune(encoder, images, labels, epochs=2)
    >>> classifier.predict(images / 255.0, verbose=0).argmax(axis=1)[:4].tolist()
    [0, 1, 0, 1]

    Reference: [Kumar et al., 2022](https://arxiv.org/abs/2202.10054), on training the head first.
    """
    check_positive(epochs=epochs, batch_size=batch_size)
    labels = _various(as_labels(labels, "labels"))
    check_same_length(labels, keras.tree.flatten(images)[0], "labels")
    size = min(batch_size, len(labels))
    classifier = _classifier(_copied(encoder, size), int(labels.max()) + 1)
    if head_first:
        features = extract_features(encoder, images)
        _start(classifier.get_layer("probabilities"), fit_linear(features, labels, seed=seed))
    batches = _batches(images, labels, encoder, size, augment, seed)
    steps = len(labels) // size
    rate = WarmupCosine(learning_rate, epochs * steps, epochs * steps // 10)
    sgd = keras.optimizers.SGD(rate, momentum=0.9)
    classifier.compile(sgd, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    held_out = _validation(validation_data, encoder, labels)
    options = {"validation_data": held_out, "verbose": verbose, "shuffle": False}
    classifier.fit(batches, epochs=epochs, steps_per_epoch=steps, **options)
    return classifier


def finetuned_predictions(
    encoder: keras.Model, images: object, labels: np.ndarray, queries: object, **options: object
) -> np.ndarray:
    """The class of each query, int64, by a classifier that `finetune` makes of `images` and `labels`.

    Args:
        encoder: as in `finetune`.
        images: as in `finetune`.
        labels: as in `finetune`.
        queries: examples to classify, arrays or a dataset of batches, as in `bk.evaluation.extract_features`.
        **options: the other arguments of `finetune`.
    """
    return extract_features(finetune(encoder, images, labels, **options), queries).argmax(axis=1)


def _various(labels: np.ndarray) -> np.ndarray:
    if labels.min() == labels.max():
        raise ValueError(f"`labels` must hold two classes or more. Received: class {labels[0]} only")
    return labels


def _start(head: keras.layers.Dense, fitted: LinearClassifier) -> None:
    """Lets the head begin as a linear classifier; a class that has no example begins as an unlikely one."""
    kernel, bias = (np.zeros(weight.shape, "float32") for weight in head.weights)
    bias += fitted.bias.min() + _UNLIKELY
    kernel[:, fitted.classes], bias[fitted.classes] = fitted.kernel, fitted.bias
    head.set_weights([kernel, bias])


def _copied(encoder: keras.Model, batch_size: int) -> keras.Model:
    shape = getattr(encoder, "output_shape", None) if hasattr(encoder, "inputs") else None
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise ValueError(
            "`encoder` must be a functional or Sequential Keras model that returns vectors: pass `model.encoder` of a "
            "`BYOL`, wrap a subclassed model as `keras.Model(inputs, model(inputs))` and a backbone of feature maps "
            f"in `bk.encoders.pooled`. Received: encoder={encoder!r} with output shape {shape}"
        )
    copy = twin(encoder, "encoder")
    copy.name = encoder.name
    layers = copy._flatten_layers(include_self=True)
    if not copy.trainable_variables:
        for layer in layers:
            layer.trainable = True
    if batch_size < _FEW:
        for layer in layers:
            # To Keras this means inference mode. `training=False` in a call would not: `fit` overrides it.
            layer.trainable = layer.trainable and not isinstance(layer, keras.layers.BatchNormalization)
    return copy


def _classifier(encoder: keras.Model, classes: int) -> keras.Model:
    given = encoder.inputs[0] if isinstance(encoder, keras.Sequential) else encoder.input
    inputs = keras.tree.map_structure(
        lambda tensor: keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name), given
    )
    head = keras.layers.Dense(
        classes, activation="softmax", kernel_initializer="zeros", dtype="float32", name="probabilities"
    )
    return keras.Model(inputs, head(encoder(inputs)), name=f"{encoder.name}_classifier")


def _batches(
    images: object, labels: np.ndarray, encoder: keras.Model, size: int, augment: Callable | None, seed: int
) -> tf.data.Dataset:
    def prepare(index: tf.Tensor, batch: tuple) -> tuple:
        inputs = as_encoded(batch[0], encoder)
        return (inputs if augment is None else augment(inputs, seed_of_batch(seed, _STREAM, index))), batch[1]

    batches = ArrayBatches((images, labels), size, shuffle=True, seed=seed).endless(start=0)
    return batches.enumerate().map(prepare, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _validation(data: tuple | None, encoder: keras.Model, labels: np.ndarray) -> tf.data.Dataset | None:
    if data is None:
        return None
    examples, truth = data
    truth = as_labels(truth, "validation_data")
    check_same_length(truth, keras.tree.flatten(examples)[0], "validation_data")
    if truth.max() > labels.max():
        raise ValueError(
            f"`validation_data` must hold classes of `labels` only. Received: class {truth.max()}, while `labels` "
            f"end at {labels.max()}"
        )
    whole = tf.data.Dataset.from_tensor_slices((examples, truth)).batch(256)
    return whole.map(lambda inputs, classes: (as_encoded(inputs, encoder), classes))
