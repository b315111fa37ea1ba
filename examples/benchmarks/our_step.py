"""Our side: BYOL's training step on two views that are ready, as `fit` compiles it."""

import math
from collections.abc import Callable

__all__ = ["begun", "compiled_step", "make_model", "make_pair", "operations", "step_without_target", "training_step"]


def make_model(
    name: str,
    size: int,
    precision: str,
    optimizer: str = "sgd",
    accumulated: int | None = None,
    views: Callable | None = None,
) -> object:
    """A compiled `BYOL` that takes pairs of views, or pictures of which `views` makes them.

    Args:
        name: of the network: `"small"`, `"resnet18"` or `"resnet50"`.
        size: side of the pictures in pixels.
        precision: `"float32"` or `"bfloat16"`.
        optimizer: `"sgd"` (momentum and decoupled decay) or `"lars"`.
        accumulated: batches per optimizer step. Default None: one.
        views: as `BYOL` takes them. Default None.
    """
    import keras

    import byol_keras as bk
    from byol_keras.threads import spread_over_cores
    from byol_keras.training.plan import SMALL_PICTURES

    if size <= SMALL_PICTURES:  # as `pretrain` decides
        spread_over_cores()
    bk.set_precision(precision)
    keras.utils.set_random_seed(0)
    shape = (size, size, 3)
    encoder = {
        "small": lambda: bk.encoders.small_resnet(shape),
        "resnet18": lambda: bk.encoders.resnet18(shape, stem="small"),
        "resnet50": lambda: bk.encoders.resnet50(shape),
    }[name]()
    model = bk.BYOL(encoder, views=views)
    options = {"gradient_accumulation_steps": accumulated}
    if optimizer == "lars":
        model.compile(bk.LARS(1e-3, weight_decay=5e-4, **options))
    else:
        model.compile(keras.optimizers.SGD(1e-3, momentum=0.9, weight_decay=5e-3, **options))
    return model


def make_pair(batch: int, size: int) -> dict:
    import tensorflow as tf

    return {f"view_{number}": tf.random.uniform((batch, size, size, 3), seed=number) for number in (1, 2)}


def compiled_step(model: object) -> Callable[[object], dict]:
    """`train_step` and the target's move in one compiled function, with everything that `fit` logs."""
    import tensorflow as tf

    @tf.function
    def step(data: object) -> dict:
        logs = model.train_step(data)
        model.update_target(0.99)
        return logs

    return step


def training_step(
    name: str, batch: int, size: int, precision: str, optimizer: str = "sgd", accumulated: int | None = None
) -> Callable[[], float]:
    """A step on one pair of views, again and again."""
    step = compiled_step(make_model(name, size, precision, optimizer, accumulated))
    return begun(step, make_pair(batch, size))


def begun(step: Callable[[object], dict], pair: dict) -> Callable[[], float]:
    """A step that has been taken once, after which memory is given back as `fit` does."""
    from byol_keras.heap import give_back

    def run() -> float:
        return float(step(pair)["loss"])

    run()
    give_back()
    return run


def step_without_target(name: str, batch: int, size: int, precision: str) -> Callable[[], float]:
    """The step of the online network alone, on targets that are given: what the target costs is the difference."""
    import keras
    import tensorflow as tf

    model, pair = make_model(name, size, precision), make_pair(batch, size)
    target = tf.random.normal((batch, model.target_projector.output_shape[-1]))
    # Their memory is given back.
    model.target_encoder, model.target_projector = (keras.Sequential([]) for _ in range(2))
    model._project_target, model.pairs = (lambda view, training: target), list
    return begun(tf.function(model.train_step), pair)


def operations(name: str, size: int) -> Callable[[], float]:
    """Operations (a product and a sum are two) of convolutions and matrix products in a step, per example."""
    model = make_model(name, size, "float32")
    online, target = (sum(map(_forward, parts)) for parts in (model._online, model._target))
    stem = next(_layer_operations(layer) for layer in model.encoder.layers if _layer_operations(layer))
    # Backwards there is one product for the inputs and one for the kernels, but none for the gradient of the pixels.
    return lambda: 2.0 * (3.0 * online - stem + target)


def _forward(model: object) -> float:
    return sum(map(_layer_operations, model.layers))


def _layer_operations(layer: object) -> float:
    if not hasattr(layer, "kernel"):
        return 0.0
    return 2.0 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1])
