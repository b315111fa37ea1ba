"""An encoder that somebody has trained before, to start from."""

from typing import TypeVar

import keras

from .. import encoders

__all__ = ["beginning_called", "layer_in", "load_encoder"]

_Layer = TypeVar("_Layer", bound=keras.layers.Layer)


def beginning_called(init_from: str | None) -> str:
    """What tables call a run's encoder as it was before the first step.

    Example:
    >>> beginning_called(None), beginning_called("imagenet.keras")
    ('untrained', 'initial')
    """
    return "untrained" if init_from is None else "initial"


def load_encoder(path: str, shape: tuple[int | None, ...] | None = None) -> keras.Model:
    """The encoder in a `.keras` file, which may hold an encoder, with or without a preprocessor, or a whole BYOL model.

    Args:
        path: the file.
        shape: of what the encoder has to take, if known.
    """
    loaded = _load(path)
    encoder = encoders.pooled(getattr(loaded, "encoder", loaded))
    if shape is None or _fits(encoder, shape):
        return encoder
    parts = [layer for layer in encoder.layers if isinstance(layer, keras.Model)]
    # What a run on texts or sounds leaves: a preprocessor, and the encoder behind it.
    if len(parts) == 2 and _fits(parts[1], shape):
        return parts[1]
    raise ValueError(
        f"`init_from` must hold an encoder for examples of shape {shape}. "
        f"Received: {path}, which takes {tuple(encoder.input_shape[1:])}"
    )


def layer_in(path: str, kind: type[_Layer]) -> _Layer:
    """The layer of this kind in a `.keras` file, of which there must be one."""
    found = [layer for layer in _load(path)._flatten_layers() if isinstance(layer, kind)]
    if len({id(layer) for layer in found}) != 1:
        raise ValueError(
            f"`init_from` must hold one {kind.__name__}, as the encoder.keras of a run does. Received: {path}, which "
            f"holds {len(found) or 'none'}"
        )
    return found[0]


def _load(path: str) -> keras.Model:
    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"`init_from` must be a .keras file that can be read. Received: {path}: {reason}") from None


def _fits(encoder: keras.Model, shape: tuple[int | None, ...]) -> bool:
    expects = tuple(encoder.input_shape[1:])
    return len(expects) == len(shape) and all(want in (None, have) for want, have in zip(expects, shape, strict=True))
