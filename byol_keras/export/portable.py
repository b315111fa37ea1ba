"""An encoder made ready to leave: in float32, preprocessing inside, inputs by name and one vector as output."""

import keras
import numpy as np
import tensorflow as tf

from ..arguments import checked_size
from ..cloning import NOT_REBUILT, in_float32, inputs_of
from ..encoders import pooled, resized
from ..encoders.audio import SPECTROGRAM
from ..layers import Columns, Steps
from ..views.pictures import check_pictures

__all__ = ["REPRESENTATION", "Portable", "as_encoder", "behind"]

REPRESENTATION = "representation"
"""What the output is called in every format, the probabilities of a classifier too."""

_PIXELS = "pixels"


class Portable:
    """What every export is made of: a function of raw inputs, and what has to be known about it.

    Args:
        model: an encoder that returns a vector or feature maps (which are averaged); a `BYOL`, of which the online
            encoder goes, behind its preprocessor; or a classifier of `bk.finetune`, which goes as a whole.
        normalize: whether vectors are brought to length one.
        size: height and width of the pictures, or one number for both, where the encoder takes any.

    Example:
    >>> from byol_keras.encoders import small_resnet
    >>> portable = Portable(small_resnet((32, 32, 3)), normalize=True)
    >>> portable.inputs()
    {'pixels': TensorSpec(shape=(None, 32, 32, 3), dtype=tf.float32, name='pixels')}
    >>> portable(tf.ones((2, 32, 32, 3)))["representation"].shape
    TensorShape([2, 64])
    """

    def __init__(self, model: keras.Model, normalize: bool = False, size: int | tuple[int, int] | None = None) -> None:
        encoder = behind(_exact(_preprocessor(model)), _in_float32(pooled(_network(model))))
        # What a preprocessor takes are its own raw inputs, not pixels as the rest of the library knows them.
        self.is_picture = _preprocessor(model) is None and _takes_pictures(encoder)
        if size is not None:
            encoder = _at_size(encoder, size, self.is_picture)
        self.encoder = _normalized(encoder) if normalize else encoder
        self.normalized = normalize
        self.is_classifier = _is_classifier(model)

    @property
    def name(self) -> str:
        """Of the encoder, as a folder or a file may be called."""
        return self.encoder.name

    @property
    def width(self) -> int:
        """How many numbers the vector has."""
        return self.encoder.output_shape[-1]

    @property
    def spectrograms(self) -> list[str]:
        """The names of layers that make spectrograms from waveforms."""
        return self._named(keras.layers.MelSpectrogram, keras.layers.STFTSpectrogram)

    @property
    def scaling(self) -> list[str]:
        """The names of layers that bring numbers of several units to one scale; pixels have one to begin with."""
        return [] if self.is_picture else self._named(Columns, Steps, keras.layers.Normalization)

    def inputs(self, batch_size: int | None = None) -> dict[str, tf.TensorSpec]:
        """What the function takes, by name.

        Args:
            batch_size: None for any.
        """
        given = keras.tree.flatten(self._given)
        names = [_PIXELS] if self.is_picture else [tensor.name for tensor in given]
        return {
            name: tf.TensorSpec((batch_size, *tensor.shape[1:]), tensor.dtype, name)
            for name, tensor in zip(names, given, strict=True)
        }

    def __call__(self, *tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        """The vectors of a batch, whose parts come in the order of `inputs`."""
        return {REPRESENTATION: self.encoder(keras.tree.pack_sequence_as(self._given, tensors), training=False)}

    def examples(self, values: object, argument: str) -> dict[str, np.ndarray]:
        """Arrays of examples as the function takes them, by name; what does not fit is a ValueError.

        Args:
            values: an array, or a structure of arrays for several inputs; uint8 pictures where floats are taken mean
                fractions of 255.
            argument: what the user calls them, for the error message.
        """
        specs, arrays = self.inputs(), [np.asarray(part) for part in keras.tree.flatten(values)]
        if len(arrays) != len(specs) or not all(map(_fits, arrays, specs.values())):
            wanted = ", ".join(f"{name} {spec.shape} {spec.dtype.name}" for name, spec in specs.items())
            raise ValueError(
                f"`{argument}` must hold at least one example of what the encoder takes: {wanted}. "
                f"Received: {argument} of shape {', '.join(f'{part.shape} {part.dtype}' for part in arrays)}"
            )
        if len({len(part) for part in arrays}) > 1:
            raise ValueError(
                f"`{argument}` must hold as many examples for every input. "
                f"Received: {', '.join(f'{len(part)} of {name}' for part, name in zip(arrays, specs, strict=True))}"
            )
        if self.is_picture:
            _check_pictures(arrays[0], argument)
        return {name: _cast(part, spec) for part, (name, spec) in zip(arrays, specs.items(), strict=True)}

    @property
    def _given(self) -> object:
        return inputs_of(self.encoder)

    def _named(self, *kinds: type) -> list[str]:
        return [layer.name for layer in self.encoder._flatten_layers() if isinstance(layer, kinds)]


def _check_pictures(pictures: np.ndarray, argument: str) -> None:
    try:
        check_pictures(pictures)
    except ValueError as error:
        text = str(error).replace("`views` takes", f"`{argument}` takes").replace("`x`", f"`{argument}`")
        raise ValueError(text) from None


def as_encoder(model: keras.Model) -> keras.Model:
    """From raw inputs to vectors: an encoder, that of a `BYOL` behind its preprocessor, or a classifier's network.

    Args:
        model: an encoder that returns vectors or feature maps, a `BYOL`, or a classifier of `bk.finetune`.
    """
    return behind(_preprocessor(model), pooled(_network(model)))


def behind(preprocessor: keras.Layer | None, encoder: keras.Model) -> keras.Model:
    """An encoder that takes raw inputs.

    Args:
        preprocessor: a built model that makes of them what the encoder takes; None for an encoder that takes them.
        encoder: what comes after it.
    """
    if preprocessor is None:
        return encoder
    if not getattr(preprocessor, "inputs", None):
        raise ValueError(
            "`preprocessor` must be a built model to be exported, so that its inputs are known: wrap a layer as "
            "`keras.Sequential([keras.Input(shape, dtype=...), layer])`. "
            f"Received: preprocessor={preprocessor!r}"
        )
    inputs = inputs_of(preprocessor)
    return keras.Model(inputs, encoder(preprocessor(inputs)), name=encoder.name)


def _network(model: keras.Model) -> keras.Model:
    if _is_byol(model):
        return model.encoder
    return model.network if _is_classifier(model) else model


def _preprocessor(model: keras.Model) -> keras.Layer | None:
    return model.preprocessor if _is_byol(model) else None


def _is_byol(model: keras.Model) -> bool:
    # Known by its target: others, such as autoencoders, may have an encoder too, which is half of what they are.
    return hasattr(model, "update_target")


def _is_classifier(model: keras.Model) -> bool:
    return hasattr(model, "fit_head")


def _exact(preprocessor: keras.Layer | None) -> keras.Layer | None:
    """A preprocessor that computes in float32; one of strings stays, since copies lose words that it was adapted to."""
    takers = getattr(preprocessor, "inputs", None) or []
    floats = bool(takers) and all(taker.dtype != "string" for taker in takers)
    return _in_float32(preprocessor) if floats else preprocessor


def _at_size(encoder: keras.Model, size: int | tuple[int, int], is_picture: bool) -> keras.Model:
    sides = checked_size(size)
    own = tuple(encoder.input_shape[1:3]) if is_picture else ()
    if not own or any(mine not in (None, side) for mine, side in zip(own, sides, strict=True)):
        raise ValueError(
            f"`size` must be the height and width of the pictures that the encoder takes. Received: size={size} for an "
            f"encoder of inputs {encoder.input_shape}"
        )
    return encoder if own == sides else resized(encoder, (*sides, encoder.input_shape[-1]))


def _normalized(encoder: keras.Model) -> keras.Model:
    unit = keras.layers.UnitNormalization(name="unit_length", dtype="float32")
    return keras.Model(inputs_of(encoder), unit(encoder.outputs[0]), name=encoder.name)


def _in_float32(encoder: keras.Model) -> keras.Model:
    try:
        return in_float32(encoder)
    except NOT_REBUILT as error:
        raise ValueError(
            "`model` can't be exported: it computes in half precision, and can't be rebuilt in float32 from its "
            f"`get_config()`. Received: model={encoder!r} ({' '.join(str(error).split())[:200]})"
        ) from error


def _fits(array: np.ndarray, spec: tf.TensorSpec) -> bool:
    if (spec.dtype == tf.string) != (array.dtype.kind in "OSU"):
        return False
    same_kind = spec.dtype.is_floating == (array.dtype.kind == "f") or array.dtype == np.uint8
    return array.size > 0 and spec.shape.is_compatible_with(array.shape) and same_kind


def _cast(array: np.ndarray, spec: tf.TensorSpec) -> np.ndarray:
    # As `bk.views.unit_range` does it.
    if array.dtype == np.uint8 and spec.dtype.is_floating and array.ndim >= 4:
        return array.astype("float32") / np.float32(255)
    return array.astype(spec.dtype.as_numpy_dtype)


def _takes_pictures(encoder: keras.Model) -> bool:
    first, *others = encoder.inputs
    return not others and len(first.shape) == 4 and first.dtype == "float32" and first.name != SPECTROGRAM
