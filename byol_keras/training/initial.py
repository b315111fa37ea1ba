"""An encoder that somebody has trained before, to start from."""

import keras

from .. import encoders

__all__ = ["load_encoder"]


def load_encoder(path: str, shape: tuple[int | None, ...] | None = None) -> keras.Model:
    """The encoder in a `.keras` file, which may hold an encoder or a whole BYOL model.

    Args:
        path: the file.
        shape: of the pictures it has to take, if known.
    """
    try:
        loaded = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"`init_from` must be a .keras file that can be read. Received: {path}: {reason}") from None
    encoder = encoders.pooled(getattr(loaded, "encoder", loaded))
    expects = tuple(encoder.input_shape[1:])
    fits = shape is None or len(expects) == len(shape)
    if not fits or (shape and any(want not in (None, have) for want, have in zip(expects, shape, strict=True))):
        raise ValueError(
            f"`init_from` must hold an encoder for examples of shape {shape}. Received: {path}, which takes {expects}"
        )
    return encoder
