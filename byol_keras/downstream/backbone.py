"""An encoder as the models of keras_cv want it."""

import math
import re

import keras

from .maps import feature_maps

__all__ = ["PyramidBackbone", "keras_cv_backbone"]

_LEVEL = re.compile(r"P\d+")
# DeepLabV3Plus and RetinaNet look for no coarser one.
_COARSEST = 5


@keras.saving.register_keras_serializable(package="byol_keras")
class PyramidBackbone(keras.Model):
    """A functional model whose outputs are layers called `P2`, `P3`, ...: what `keras_cv_backbone` builds.

    It has what the models of keras_cv ask of a backbone. That it isn't derived from `keras_cv.models.Backbone` is on
    purpose: with such a class, models could only be loaded after keras_cv had been imported and the class been made.
    """

    @property
    def pyramid_level_inputs(self) -> dict[str, str]:
        """The name of the layer that returns each level, by the level's name."""
        return {layer.name: layer.name for layer in self.layers if _LEVEL.fullmatch(layer.name)}


def keras_cv_backbone(
    encoder: keras.Model,
    input_shape: tuple[int, int, int] | None = None,
    finest: int | None = None,
    frozen: bool = False,
) -> PyramidBackbone:
    """A copy of an encoder as a backbone for the models of keras_cv: `DeepLabV3Plus`, `RetinaNet` and others.

    Its levels are the maps of `bk.encoders.pyramid`. Level `Pn` is 2**n times smaller than the picture, as keras_cv
    expects it, and up to `P5` those that the encoder doesn't have are the coarsest map, max-pooled.

    An encoder of small pictures has maps finer than keras_cv knows. With `finest=2` its finest map is called `P2`, the
    next `P3` and so on, which is right for `DeepLabV3Plus` and `RetinaNet` as long as they are told what they can't
    see: DeepLabV3Plus enlarges `P2` four times unless it gets a `segmentation_head` of one's own, and RetinaNet needs
    an `anchor_generator` with the true strides.

    Of keras_cv 0.9.0 under Keras 3.15 both models are trained (compiled by XLA too), predict, are saved, and come back
    the same. A loaded `RetinaNet` must be compiled anew before it is trained on, and its argument `feature_pyramid` is
    not saved with it: leave that as it is.

    Args:
        encoder: a built functional model of pictures in [0, 1]; it stays as it is.
        input_shape: of the pictures, `(height, width, channels)`, with sides that `P5` divides. Default the encoder's.
        finest: number of the level that the finest map is called, from 0 to 5. Default None: by its size.
        frozen: whether the encoder's weights and statistics stay as they are. Default False: layers that were frozen
            before stay so, unless the whole encoder was.

    Example:
    >>> from byol_keras.downstream import keras_cv_backbone
    >>> from byol_keras.encoders import resnet18
    >>> backbone = keras_cv_backbone(resnet18((64, 64, 3)))
    >>> {name: maps.shape[1:] for name, maps in backbone.output.items()}
    {'P2': (16, 16, 64), 'P3': (8, 8, 128), 'P4': (4, 4, 256), 'P5': (2, 2, 512)}
    """
    if finest is not None and finest not in range(_COARSEST + 1):
        raise ValueError(f"`finest` must be a level from 0 to {_COARSEST}. Received: finest={finest}")
    features = feature_maps(encoder, input_shape, frozen)
    height, width = features.inputs[0].shape[1:3]
    levels = {round(math.log2(height / maps.shape[1])): maps for maps in features.outputs}
    first = min(levels)
    shift = 0 if finest is None else finest - first
    if (height % 2 ** (_COARSEST - shift), width % 2 ** (_COARSEST - shift)) != (0, 0):
        raise ValueError(
            f"`input_shape` must have sides that are multiples of {2 ** (_COARSEST - shift)}, so that every level has "
            f"exactly half the sides of the one before. Received: {height} x {width} pixels"
        )
    for level in range(max(levels) + 1, _COARSEST - shift + 1):
        levels[level] = keras.layers.MaxPooling2D(2, name=f"pooled_{level + shift}")(levels[level - 1])
    # A layer of its own for each, because keras_cv asks for layers, and one may belong to several graphs.
    named = {f"P{level + shift}": maps for level, maps in sorted(levels.items())}
    outputs = {name: keras.layers.Identity(name=name)(maps) for name, maps in named.items()}
    return PyramidBackbone(features.inputs[0], outputs, name=f"{encoder.name}_backbone")
