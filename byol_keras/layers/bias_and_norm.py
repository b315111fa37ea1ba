"""Which variables are biases or normalisation parameters."""

import keras

__all__ = ["bias_and_norm_variables"]

NORMALIZATIONS = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.RMSNormalization,
)


def bias_and_norm_variables(model: keras.layers.Layer) -> list[keras.Variable]:
    """Lists the trainable variables that weight decay and LARS' trust ratio leave alone.

    They are told by what they are: every parameter of a normalisation layer, every layer's `bias`
    (attention's and a GRU's have rank 2), and whatever else has rank 1 or 0. Names play no part.

    Args:
        model: A built model or layer; layers inside layers are found too.

    Returns:
        Variables out of `model.trainable_variables`, in that order.

    Example:
    >>> import keras
    >>> from byol_keras.layers import bias_and_norm_variables
    >>> layers = [keras.layers.Dense(2), keras.layers.LayerNormalization()]
    >>> model = keras.Sequential([keras.Input((3,)), *layers])
    >>> [variable.name for variable in bias_and_norm_variables(model)]
    ['bias', 'gamma', 'beta']
    """
    chosen = {id(variable) for layer in model._flatten_layers() for variable in _of_layer(layer)}
    return [variable for variable in model.trainable_variables if id(variable) in chosen or len(variable.shape) <= 1]


def _of_layer(layer: keras.layers.Layer) -> list[keras.Variable]:
    if isinstance(layer, NORMALIZATIONS):
        return layer.trainable_variables
    bias = getattr(layer, "bias", None)
    return [bias] if isinstance(bias, keras.Variable) else []
