"""An encoder of clips, made of one of pictures."""

import keras

from ..layers import OverFrames

__all__ = ["over_frames"]


def over_frames(encoder: keras.Model, frames: int | None = None, name: str | None = None) -> keras.Model:
    """Turns an encoder of pictures into one of clips: the mean over frames of their representations.

    The layers are the encoder's own: what one learns, the other knows. A mean does not know the order of frames, so
    that this encoder tells what a clip shows, not which way it moves.

    Args:
        encoder: a built Keras model from pictures, `(height, width, channels)`, to vectors.
        frames: number of frames in a clip. Default None: any.
        name: of the model. Default the encoder's, and "over_frames" behind it.

    Example:
    >>> from byol_keras.encoders import over_frames, small_resnet
    >>> over_frames(small_resnet((32, 32, 3))).input_shape
    (None, None, 32, 32, 3)
    """
    shape = getattr(encoder, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise ValueError(
            "`encoder` must be a built model of pictures, (height, width, channels). "
            f"Received: encoder={encoder!r} with input shape {shape}"
        )
    clips = keras.Input((frames, *shape[1:]), name="clips")
    # In float32 under every policy, so that the mean keeps its digits.
    mean = OverFrames(encoder, dtype="float32", name="representation")(clips)
    return keras.Model(clips, mean, name=name or f"{encoder.name}_over_frames")
