"""A picture network on clips."""

import keras

__all__ = ["OverFrames"]


@keras.saving.register_keras_serializable(package="byol_keras")
class OverFrames(keras.layers.Wrapper):
    """Applies a layer or model of pictures to every frame of a clip, and takes the mean of what it returns.

    The frames go through it as one large batch, in which its normalisations take their statistics.

    Args:
        layer: takes `(batch, height, width, channels)` and returns `(batch, ...)`.
        **kwargs: of every Keras layer.

    Input of shape `(batch, frames, height, width, channels)`, output of shape `(batch, ...)`.

    Example:
    >>> layer = OverFrames(keras.layers.GlobalAveragePooling2D())
    >>> layer(keras.ops.ones((2, 5, 8, 8, 3))).shape
    TensorShape([2, 3])
    """

    def build(self, input_shape: tuple) -> None:
        if len(input_shape) != 5:
            raise ValueError(
                "`clips` must be of shape (batch, frames, height, width, channels). "
                f"Received: clips of shape {tuple(input_shape)}"
            )
        super().build((input_shape[0], *input_shape[2:]))

    def call(self, clips: keras.KerasTensor) -> keras.KerasTensor:
        _, frames, *picture = keras.ops.shape(clips)
        found = self.layer(keras.ops.reshape(clips, (-1, *picture)))
        return keras.ops.mean(keras.ops.reshape(found, (-1, frames, *keras.ops.shape(found)[1:])), axis=1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return self.layer.compute_output_shape((input_shape[0], *input_shape[2:]))
