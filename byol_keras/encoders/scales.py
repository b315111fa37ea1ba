"""The feature maps inside an encoder of pictures, one for every scale."""

import re

import keras

__all__ = ["pyramid"]

_STAGE = re.compile(r"stage_\d+")
# The scales of a network that takes pictures of any size show when it is given one of this side.
_SIDE = 224


def pyramid(encoder: keras.Model) -> keras.Model:
    """A model of the layers of `encoder` that returns its feature maps, from fine to coarse.

    Its output is a dictionary `{"stage_1": ..., "stage_2": ...}`: of our own networks the ends of their stages, of any
    other functional model the last map of every scale, where each has half the sides of the one before.

    Args:
        encoder: a built functional or `Sequential` model of pictures, channels last; models within it are looked into.

    Example:
    >>> from byol_keras.encoders import pyramid, small_resnet
    >>> {name: maps.shape[1:] for name, maps in pyramid(small_resnet((32, 32, 3))).output.items()}
    {'stage_1': (32, 32, 16), 'stage_2': (16, 16, 32), 'stage_3': (8, 8, 64)}
    """
    shape = getattr(encoder, "input_shape", None) if getattr(encoder, "inputs", None) else None
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise ValueError(
            "`encoder` must be a functional or Sequential model of pictures, channels last. "
            f"Received: encoder={encoder!r} with input shape {shape}"
        )
    stages = [layer.output for layer in encoder.layers if _STAGE.fullmatch(layer.name)]
    pixels, maps = (encoder.inputs[0], stages) if stages else _maps_by_scale(encoder, shape[1:])
    if not maps:
        raise ValueError(
            "`encoder` must have maps of features, smaller than the picture by a power of two. "
            f"Received: encoder={encoder.name!r}, which has none"
        )
    named = {f"stage_{number}": output for number, output in enumerate(maps, 1)}
    return keras.Model(pixels, named, name=f"{encoder.name}_pyramid")


def _maps_by_scale(encoder: keras.Model, shape: tuple) -> tuple[keras.KerasTensor, list]:
    flat = _flattened(encoder, shape)
    sides = [_SIDE if side is None else side for side in shape[:2]]
    # The same graph with every shape known.
    probe = flat if None not in shape else _flattened(encoder, (*sides, shape[-1]))
    scales = [tuple(-(-side // 2**level) for side in sides) for level in range(1, 8)]
    maps = {}
    for tensor, probed in zip(_tensors(flat), _tensors(probe), strict=True):
        if len(probed.shape) == 4 and probed.shape[1:3] in scales:
            maps[probed.shape[1:3]], coarsest = tensor, probed.shape[1:3]
    # Smaller ones than the last are no pictures any more, but weights of channels.
    return flat.inputs[0], [maps[scale] for scale in sorted(maps, reverse=True) if scale >= coarsest]


def _flattened(encoder: keras.Model, shape: tuple) -> keras.Model:
    """The same layers in one graph, without models within models."""

    def pass_through(layer: keras.Layer, *args: object, **kwargs: object) -> object:
        return layer.call(*args, **kwargs) if _is_graph(layer) else layer(*args, **kwargs)

    flat = keras.Model(encoder.inputs, encoder.outputs)
    while flat.inputs[0] is encoder.inputs[0] or any(map(_is_graph, flat.layers)):
        flat = keras.models.clone_model(
            flat, input_tensors=[keras.Input(shape)], clone_function=lambda layer: layer, call_function=pass_through
        )
    return flat


def _is_graph(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.Model) and bool(getattr(layer, "inputs", None))


def _tensors(model: keras.Model) -> list[keras.KerasTensor]:
    """Everything that is computed, inputs first."""
    depths = sorted(model._nodes_by_depth, reverse=True)
    return [tensor for depth in depths for node in model._nodes_by_depth[depth] for tensor in node.output_tensors]
