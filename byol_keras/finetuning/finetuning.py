"""A classifier compiled around a copy of an encoder."""

from collections.abc import Callable

import keras
import numpy as np

from ..arguments import check_positive
from ..cloning import copied, drawing_from
from ..evaluation.features import extract_features
from ..intake import ArrayBatches
from ..schedules import WarmupCosine
from .classifier import Classifier, checked_classes
from .layerwise import LayerwiseAdam, LayerwiseSGD, factors_of, freeze

__all__ = ["finetune", "finetuned_predictions"]

_FEW = 16  # examples in a batch, below which their statistics are more noise than gain
_RATES = {"sgd": 0.03, "adam": 3e-4}


def finetune(
    encoder: keras.Model,
    num_classes: int,
    *,
    frozen: float | str = 0.0,
    first_layer_rate: float = 1.0,
    optimizer: str = "sgd",
    learning_rate: float | None = None,
    steps: int | None = None,
    freeze_batch_norm: bool = False,
    augment: Callable | None = None,
    seed: int = 0,
) -> Classifier:
    """A compiled classifier: a copy of `encoder` under a fresh head, ready for `fit(images, labels)`.

    The encoder that was given is not changed. Cross-entropy with integer classes, accuracy. `fit_head` lets the head
    begin as a linear classifier, which is worth it where labels are few.

    Batch normalisation goes on as in pre-training, and its moving statistics follow the labelled examples. Batches of
    under 16 are too few for that: `freeze_batch_norm=True` keeps its statistics, scales and offsets. Layers that were
    frozen before stay so, unless the whole encoder was.

    Args:
        encoder: a built functional or `Sequential` model that returns vectors, such as `BYOL.encoder`.
        num_classes: classes to tell apart, at least 2.
        frozen: which layers stay as they are: a share of those with weights, counted from the input (0, the default,
            trains all; 1 trains the head alone), or the name of a layer, which is frozen with all inside and before it.
        first_layer_rate: the rate of the encoder's first layer as a share of the head's; from layer to layer it climbs
            by one factor. Early layers are the most general, and have the least to learn. Default 1: all learn alike.
        optimizer: `"sgd"` (with momentum 0.9) or `"adam"`. Default `"sgd"`.
        learning_rate: of the head, at its peak. Default None: 0.03 for SGD, 0.0003 for Adam.
        steps: length of training in batches, if known: then the rate climbs for a tenth of them and falls to 0 as a
            cosine. Default None: it stays.
        freeze_batch_norm: see above. Default False.
        augment: views such as `bk.views.ImageViews`, of which the first is taken; or a callable
            `(batch, seed) -> batch` on what the encoder takes. Default None.
        seed: int from 0 on, what `augment` depends on. Default 0.

    Example:
    >>> import byol_keras as bk, numpy as np
    >>> keras.utils.set_random_seed(1)
    >>> encoder = bk.encoders.small_resnet((32, 32, 3), widths=(8,))
    >>> labels = np.arange(40) % 2
    >>> images = np.full((40, 32, 32, 3), 90, "uint8") + 60 * labels[:, None, None, None].astype("uint8")
    >>> classifier = finetune(encoder, num_classes=2, first_layer_rate=0.1)
    >>> classifier.fit_head(images, labels)
    >>> history = classifier.fit(images, labels, epochs=2, verbose=0)
    >>> classifier.predict(images, verbose=0).argmax(axis=1)[:4].tolist()
    [0, 1, 0, 1]
    """
    if optimizer not in _RATES:
        raise ValueError(f"`optimizer` must be sgd or adam. Received: optimizer={optimizer!r}")
    if not first_layer_rate > 0.0:
        raise ValueError(f"`first_layer_rate` must be positive. Received: first_layer_rate={first_layer_rate}")
    classifier = Classifier(_copied(encoder, frozen, freeze_batch_norm), num_classes, augment, seed)
    rate = _RATES[optimizer] if learning_rate is None else learning_rate
    if steps is not None:
        check_positive(steps=steps)
        rate = WarmupCosine(rate, steps, steps // 10)
    factors = factors_of(classifier.encoder, classifier.trainable_variables, first_layer_rate)
    if optimizer == "sgd":
        made = LayerwiseSGD(factors, learning_rate=rate, momentum=0.9)
    else:
        made = LayerwiseAdam(factors, learning_rate=rate)
    classifier.compile(made, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return classifier


def finetuned_predictions(
    encoder: keras.Model,
    images: object,
    labels: np.ndarray,
    queries: object,
    *,
    epochs: int = 30,
    batch_size: int = 32,
    head_first: bool = True,
    seed: int = 0,
    **options: object,
) -> np.ndarray:
    """The class of each query, int64, by a classifier that was fine-tuned on labelled examples.

    Equal arguments give equal classes: dropout and the order of examples are functions of `seed`.

    Args:
        encoder: as in `finetune`.
        images: examples, an array or a structure of arrays.
        labels: integer classes from 0 on, at least two different ones, shape `(n,)`.
        queries: examples to classify, arrays or a dataset of batches, as in `bk.evaluation.extract_features`.
        epochs: passes over the examples. Default 30.
        batch_size: examples per step, cut to their number; an epoch drops the last partial batch. Default 32.
        head_first: whether the head begins as a linear classifier (`Classifier.fit_head`). Default True.
        seed: int from 0 on. Default 0.
        **options: the other arguments of `finetune`. By default `steps` is how many are taken in all, and statistics of
            batch normalisations are frozen where batches are small.
    """
    check_positive(epochs=epochs, batch_size=batch_size)
    labels = checked_classes(images, labels)
    size = min(batch_size, len(labels))
    steps = len(labels) // size
    few = {"freeze_batch_norm": size < _FEW, "steps": epochs * steps, "seed": seed}
    with drawing_from(seed):
        classifier = finetune(encoder, int(labels.max()) + 1, **few | options)
    if head_first:
        classifier.fit_head(images, labels, seed=seed)
    batches = ArrayBatches((images, labels), size, shuffle=True, seed=seed).endless(start=0)
    classifier.fit(batches, epochs=epochs, steps_per_epoch=steps, shuffle=False, verbose=0)
    return extract_features(classifier.network, queries).argmax(axis=1)


def _copied(encoder: keras.Model, frozen: float | str, freeze_batch_norm: bool) -> keras.Model:
    shape = getattr(encoder, "output_shape", None) if hasattr(encoder, "inputs") else None
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise ValueError(
            "`encoder` must be a functional or Sequential Keras model that returns vectors: pass `model.encoder` of a "
            "`BYOL`, wrap a subclassed model as `keras.Model(inputs, model(inputs))` and a backbone of feature maps "
            f"in `bk.encoders.pooled`. Received: encoder={encoder!r} with output shape {shape}"
        )
    copy = copied(encoder, "encoder")
    if not copy.trainable_variables:
        # Each by itself: a model that is trainable, and has its layers frozen, would pass nothing on.
        for layer in copy._flatten_layers():
            layer.trainable = True
    for layer in copy._flatten_layers():
        if freeze_batch_norm and isinstance(layer, keras.layers.BatchNormalization):
            # To Keras this means inference mode. `training=False` in a call would not: `fit` overrides it.
            layer.trainable = False
    freeze(copy, frozen)
    return copy
