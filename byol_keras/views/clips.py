"""Two clips of a video, seen differently."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..arguments import check_positive
from ..randomness import fold_in, positional_uniform
from ..viewing import Views
from .geometry import sizes
from .image import ImageViews
from .parameters import Parameters
from .pictures import as_pictures, check_pictures

__all__ = ["ClipViews"]

_WINDOW, _PICTURE = range(2)


@keras.saving.register_keras_serializable(package="byol_keras")
class ClipViews(Views):
    """Two random clips of every video of a batch of shape `(batch, time, height, width, channels)`.

    A clip is a window of `frames` frames, anywhere in the video. All its frames are changed by the same random choices
    of `image_views`: the same crop, flip, colours, blur. The other view of the video is another window, changed by
    other choices. Videos are uint8, or float in [0, 1]; the views are float32 in [0, 1].

    A flip makes right out of left: where motion is what counts, give `image_views` the option `flip=0.0`.

    Args:
        frames: number of frames of a clip.
        image_views: `ImageViews`, or a dict of its options, whose choices are made once for each clip.
        stride: how many frames of the video a step in the clip takes: a number, or the least and the largest, between
            which each clip draws its own. Default 1, consecutive frames.

    Example:
    >>> views = ClipViews(frames=4, image_views={"size": 24, "preset": "cifar"}, stride=(1, 2))
    >>> videos = tf.zeros((2, 16, 32, 32, 3), "uint8")
    >>> view_1, view_2 = views(videos, seed=(0, 1))
    >>> view_1.shape
    TensorShape([2, 4, 24, 24, 3])

    Reference: [Qian et al., 2021](https://arxiv.org/abs/2008.03800) for changes that are the same in all frames.
    """

    def __init__(
        self, frames: int, image_views: ImageViews | dict[str, Any], stride: int | tuple[int, int] = 1
    ) -> None:
        check_positive(frames=frames)
        if isinstance(image_views, dict):
            revive = keras.saving.deserialize_keras_object if "class_name" in image_views else _from_options
            image_views = revive(image_views)
        if not isinstance(image_views, ImageViews):
            raise TypeError(
                f"`image_views` must be an `ImageViews`, or a dict of its options. Received: image_views={image_views}"
            )
        self.frames, self.image_views, self.stride = int(frames), image_views, _checked_stride(stride)

    def prepare(self, batch: Any) -> tf.Tensor:
        videos = tf.convert_to_tensor(batch)
        _check_shape(videos.shape, self._longest())
        # Of videos of any length a graph finds out only now. Behind their end a GPU would read black frames.
        tf.debugging.assert_greater_equal(tf.shape(videos)[1], self._longest(), _too_short(self._longest()))
        return videos

    def view(self, batch: tf.Tensor, seed: tf.Tensor, index: int) -> tf.Tensor:
        clips = self._windows(batch, fold_in(seed, _WINDOW))
        # Windows came first: frames outside of them are never made floats.
        count, _, *inner = sizes(clips)
        pictures = as_pictures(tf.reshape(clips, (-1, *inner)))
        height, width, _ = inner
        chosen = self.image_views.draw(fold_in(seed, _PICTURE), index, count, height, width)
        shared = Parameters(*(tf.repeat(values, self.frames, axis=0) for values in chosen))
        seen = self.image_views.apply(pictures, shared, index)
        return tf.reshape(seen, (-1, self.frames, *seen.shape[1:]))

    def check(self, batch: Any) -> None:
        videos = np.asarray(batch)
        _check_shape(videos.shape, self._longest())
        check_pictures(videos.reshape(-1, *videos.shape[2:]))

    def get_config(self) -> dict[str, Any]:
        views = keras.saving.serialize_keras_object(self.image_views)
        return {"frames": self.frames, "image_views": views, "stride": self.stride}

    def _windows(self, videos: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        least, largest = self.stride
        uniform = positional_uniform(seed, tf.shape(videos)[0], 2)
        stride = least + tf.cast(uniform[:, 0] * (largest - least + 1), tf.int32)
        starts = tf.shape(videos)[1] - (self.frames - 1) * stride
        start = tf.cast(uniform[:, 1] * tf.cast(starts, tf.float64), tf.int32)
        return tf.gather(videos, start[:, None] + stride[:, None] * tf.range(self.frames), axis=1, batch_dims=1)

    def _longest(self) -> int:
        return (self.frames - 1) * self.stride[1] + 1


def _from_options(options: dict[str, Any]) -> ImageViews:
    return ImageViews(**options)


def _checked_stride(stride: int | tuple[int, int]) -> tuple[int, int]:
    least, largest = stride if isinstance(stride, list | tuple) and len(stride) == 2 else (stride, stride)
    check_positive(stride=least)
    check_positive(stride=largest)
    if least > largest:
        raise ValueError(f"`stride` must be the least and the largest, in this order. Received: stride={stride}")
    return int(least), int(largest)


def _check_shape(shape: tuple[int | None, ...], longest: int) -> None:
    if len(shape) != 5:
        raise ValueError(
            f"`views` takes videos of shape (batch, time, height, width, channels). Received: shape {tuple(shape)}"
        )
    if shape[1] is not None and shape[1] < longest:
        raise ValueError(f"{_too_short(longest)} Received: videos of {shape[1]} frames")


def _too_short(longest: int) -> str:
    return f"`frames` and `stride` ask for windows of up to {longest} frames, more than the videos have."
