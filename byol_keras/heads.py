"""The projector and the predictor, BYOL's two small networks behind the encoder."""

import keras

from .arguments import check_positive
from .layers import make_normalization

__all__ = ["head_widths", "predictor", "projector"]


def projector(
    input_dim: int,
    hidden: int = 4096,
    output: int = 256,
    normalization: str = "batch",
    synchronized: bool = False,
    name: str = "projector",
) -> keras.Sequential:
    """Builds the projector: from a representation to the space in which views are compared.

    Dense (with bias), normalisation, ReLU, Dense (without bias), as in DeepMind's code, initialised as there
    (Haiku's truncated normal of standard deviation `1 / sqrt(fan_in)`).

    Args:
        input_dim: Size of the representation.
        hidden: Size of the hidden layer. Default 4096.
        output: Size of the projection. Default 256.
        normalization: `"batch"`, or `"group"` for training without batch statistics. Default `"batch"`.
        synchronized: Whether batch statistics are shared by all replicas. Default False.
        name: Name of the model.

    Example:
    >>> from byol_keras.heads import projector
    >>> projector(input_dim=512).output_shape
    (None, 256)

    Reference: [Grill et al., 2020](https://arxiv.org/abs/2006.07733)
    """
    return _head(input_dim, hidden, output, normalization, synchronized, name)


def predictor(
    input_dim: int,
    hidden: int = 4096,
    output: int = 256,
    normalization: str = "batch",
    synchronized: bool = False,
    name: str = "predictor",
) -> keras.Sequential:
    """Builds the predictor: from the online projection to the target's.

    Its layers are those of `projector`.

    Args:
        input_dim: Size of the projection.
        hidden: Size of the hidden layer. Default 4096.
        output: Size of the prediction, which must be the projection's. Default 256.
        normalization: `"batch"`, or `"group"` for training without batch statistics. Default `"batch"`.
        synchronized: Whether batch statistics are shared by all replicas. Default False.
        name: Name of the model.

    Example:
    >>> from byol_keras.heads import predictor
    >>> predictor(input_dim=256).count_params()
    2117632

    Reference: [Grill et al., 2020](https://arxiv.org/abs/2006.07733)
    """
    return _head(input_dim, hidden, output, normalization, synchronized, name)


def head_widths(features: int) -> tuple[int, int]:
    """Returns the default `(hidden, output)` of the heads behind an encoder with so many features.

    From 512 features on these are the paper's 4096 and 256; a smaller encoder gets 8 and 4 times its
    features.

    Args:
        features: Size of the representation.

    Example:
    >>> from byol_keras.heads import head_widths
    >>> head_widths(2048), head_widths(64), head_widths(16)
    ((4096, 256), (512, 256), (128, 64))
    """
    check_positive(features=features)
    return min(4096, 8 * features), min(256, 4 * features)


def _head(
    input_dim: int, hidden: int, output: int, normalization: str, synchronized: bool, name: str
) -> keras.Sequential:
    check_positive(input_dim=input_dim, hidden=hidden, output=output)
    return keras.Sequential(
        [
            keras.Input((input_dim,)),
            keras.layers.Dense(hidden, kernel_initializer=_haiku_initializer(), name="hidden"),
            make_normalization(normalization, hidden, synchronized, name="normalization"),
            keras.layers.ReLU(name="activation"),
            keras.layers.Dense(output, use_bias=False, kernel_initializer=_haiku_initializer(), name="output"),
        ],
        name=name,
    )


def _haiku_initializer() -> keras.initializers.Initializer:
    return keras.initializers.VarianceScaling(1.0, "fan_in", "truncated_normal")
