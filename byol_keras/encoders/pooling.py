"""Vectors out of feature maps."""

import keras

__all__ = ["pooled"]

POOLING = {
    3: keras.layers.GlobalAveragePooling1D,
    4: keras.layers.GlobalAveragePooling2D,
    5: keras.layers.GlobalAveragePooling3D,
}


def pooled(backbone: keras.Model, name: str | None = None) -> keras.Model:
    """Turns anybody's backbone into an encoder whose output is a vector.

    Feature maps (channels last) are averaged over all positions; of a sequence with a Keras mask, over those
    that count. The backbone's layers and inputs become the encoder's. A backbone that returns vectors comes
    back unchanged.

    Args:
        backbone: A built functional or `Sequential` model with one output of rank 2 to 5.
        name: Name of the encoder. Default the backbone's.

    Example:
    >>> import keras
    >>> from byol_keras.encoders import pooled
    >>> backbone = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(8, 3)])
    >>> pooled(backbone).output_shape
    (None, 8)
    """
    features = _feature_map(backbone)
    if len(features.shape) == 2:
        return backbone
    # In float32 under every policy, so that the mean over many positions keeps its digits.
    pooling = POOLING[len(features.shape)](data_format="channels_last", dtype="float32", name="representation")
    inputs = backbone.inputs if isinstance(backbone, keras.Sequential) else backbone.input
    return keras.Model(inputs, pooling(features), name=name or backbone.name)


def _feature_map(backbone: keras.Model) -> keras.KerasTensor:
    if not isinstance(backbone, keras.Model):
        raise TypeError(f"`backbone` must be a Keras model. Received: backbone={backbone}")
    outputs = getattr(backbone, "outputs", None)
    if outputs is None:
        raise ValueError(
            "`backbone` must be a built functional or Sequential model: call a Sequential model once, wrap a "
            f"subclassed one as `keras.Model(inputs, backbone(inputs))`. Received: backbone={backbone}"
        )
    shapes = [tuple(output.shape) for output in outputs]
    if len(shapes) != 1 or len(shapes[0]) not in (2, *POOLING) or shapes[0][-1] is None:
        raise ValueError(
            "`backbone` must have one output, a vector or a feature map (rank 2 to 5, channels last and "
            f"known). Received: output shapes {shapes}"
        )
    return outputs[0]
