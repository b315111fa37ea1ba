"""BYOL's two views of pictures, made on the device."""

import math
from numbers import Integral
from typing import Any

import keras
import tensorflow as tf

from ..arguments import checked_size
from ..compiling import alone
from ..viewing import Views
from . import color, geometry, taps
from .parameters import Parameters, draw_parameters
from .pictures import KEYS, as_floats, as_pictures, check_pictures
from .presets import checked

__all__ = ["ImageViews"]


@keras.saving.register_keras_serializable(package="byol_keras")
class ImageViews(Views):
    """The augmentations of BYOL, for each picture its own: `views(images, seed) -> (view_1, view_2)`.

    In this order: a random crop is resized to `size`, flipped, jittered in colour, turned grey, blurred,
    clipped to [0, 1] and solarized. Everything up to the clipping is linear: crop, resizing, flip and blur
    are one matrix for the rows and one for the columns of a picture, jitter and grey one affine map of its
    channels (see `geometry` and `color`). In particular no order of the four jitters differs from another,
    because nothing is clipped between them.

    Pictures are uint8, or float in [0, 1], of shape (batch, height, width, channels), with any number of
    channels. Hue and saturation change pictures of three channels only; grey is the mean of the channels
    where they aren't three. A dict `{"view_1": ..., "view_2": ...}` of pictures that are cropped already goes
    through everything but the crop; they are resized if they aren't of `size`. The views are float32 in [0,
    1].

    `draw` makes the random choices of a view and `apply` carries them out. They depend on the seed, the
    position in the global batch and the view, and are the same with and without XLA.

    Args:
        size: Side of the views in pixels, or (height, width).
        preset: `"imagenet"` (the paper's) or `"cifar"` (the same without blur). Arguments left out take its
            values.
        area: Least and largest share of the picture that a crop covers.
        ratio: Least and largest width / height of a crop.
        flip: Probability of a flip, left to right. Like all probabilities here a number, or a pair for the
            two views.
        jitter: Probability that brightness, contrast, saturation and hue change.
        brightness: Largest number added to or subtracted from the pixels, in [0, 1].
        contrast: Largest change, in [0, 1], of the factor 1 on the distance from the picture's mean colour.
        saturation: Largest change, in [0, 1], of the factor 1 on the distance from grey.
        hue: Largest turn of the colours (of the chroma in YIQ), in [0, 0.5] of a full turn.
        grayscale: Probability of grey.
        blur: Probability of a Gaussian blur.
        sigma: Least and largest standard deviation of the blur, in pixels of the view.
        solarize: Probability that pixels from `threshold` on are inverted.
        threshold: Where solarizing begins, in [0, 1].
        resize: `"triangle"` (bilinear) or `"bicubic"`, both antialiased.
        kernel: Number of taps of the blur, odd. By default a tenth of the smaller side, at least 3.

    Example:
    >>> views = ImageViews(size=32, preset="cifar", solarize=(0.0, 0.1))
    >>> images = tf.zeros((8, 48, 40, 3), "uint8")
    >>> view_1, view_2 = views(images, seed=(0, 1))
    >>> view_1.shape
    TensorShape([8, 32, 32, 3])

    Reference:
        Grill et al., Bootstrap your own latent (arXiv 2006.07733), appendix B.
    """

    def __init__(
        self,
        size: int | tuple[int, int],
        preset: str = "imagenet",
        *,
        area: tuple[float, float] | None = None,
        ratio: tuple[float, float] | None = None,
        flip: float | tuple[float, float] | None = None,
        jitter: float | tuple[float, float] | None = None,
        brightness: float | None = None,
        contrast: float | None = None,
        saturation: float | None = None,
        hue: float | None = None,
        grayscale: float | tuple[float, float] | None = None,
        blur: float | tuple[float, float] | None = None,
        sigma: tuple[float, float] | None = None,
        solarize: float | tuple[float, float] | None = None,
        threshold: float | None = None,
        resize: str = "triangle",
        kernel: int | None = None,
    ) -> None:
        self.size = checked_size(size)
        self.preset = preset
        self.settings = checked(
            preset,
            area=area,
            ratio=ratio,
            flip=flip,
            jitter=jitter,
            brightness=brightness,
            contrast=contrast,
            saturation=saturation,
            hue=hue,
            grayscale=grayscale,
            blur=blur,
            sigma=sigma,
            solarize=solarize,
            threshold=threshold,
        )
        self.resize = _checked_resize(resize)
        self.kernel = _checked_kernel(kernel, self.size)

    def prepare(self, batch: tf.Tensor | dict[str, tf.Tensor]) -> tf.Tensor | dict[str, tf.Tensor]:
        return as_pictures(batch)

    def view(self, batch: tf.Tensor | dict[str, tf.Tensor], seed: tf.Tensor, index: int) -> tf.Tensor:
        cropped = isinstance(batch, dict)
        images = batch[KEYS[index]] if cropped else batch
        count, height, width, _ = geometry.sizes(images)
        parameters = self.draw(seed, index, count, height, width)
        if cropped:
            parameters = parameters._replace(box=geometry.whole_boxes(count, height, width))
        return self.apply(images, parameters, index)

    def draw(
        self, seed: tf.Tensor, view: int, count: int | tf.Tensor, height: int | tf.Tensor, width: int | tf.Tensor
    ) -> Parameters:
        """The random choices of view 0 or 1 for `count` pictures; `seed` is that view's own."""
        return draw_parameters(self.settings, seed, view, count, height, width)

    def apply(self, images: tf.Tensor, parameters: Parameters, view: int) -> tf.Tensor:
        """View 0 or 1 of pictures by these choices; what that view never does is left out."""
        settings = self.settings
        resampled = _by_taps if taps.pay(images, self.size, self.resize) else _by_matrices
        kernel = self.kernel if settings.blur[view] > 0 else None
        planes, mean = resampled(images, parameters, self.size, self.resize, kernel)
        recoloured = settings.jitter[view] > 0 or settings.grayscale[view] > 0
        threshold = settings.threshold if settings.solarize[view] > 0 else None
        return alone(_finished, planes, mean, parameters, self.size, recoloured, threshold)

    def check(self, batch: Any) -> None:
        check_pictures(batch)

    def get_config(self) -> dict[str, Any]:
        arguments = {"size": self.size, "preset": self.preset, "resize": self.resize, "kernel": self.kernel}
        return arguments | self.settings._asdict()


def _by_matrices(
    images: tf.Tensor, parameters: Parameters, size: tuple[int, int], resize: str, kernel: int | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Planes (n, C, pixels) after crop, resizing, flip and blur; their mean colours (n, C) before the blur."""
    return alone(_resampled, as_floats(images), parameters, size, resize, kernel)


def _resampled(
    images: tf.Tensor, parameters: Parameters, size: tuple[int, int], resize: str, kernel: int | None
) -> tuple[tf.Tensor, tf.Tensor]:
    _, height, width, _ = geometry.sizes(images)
    top, left, high, wide = tf.unstack(parameters.box, axis=1)
    rows = geometry.resizing(top, high, height, size[0], resize)
    columns = geometry.resizing(left, wide, width, size[1], resize, parameters.flip)
    mean = geometry.picture_mean(images, rows, columns)
    if kernel is not None:
        rows = geometry.blurring(parameters.sigma, size[0], kernel) @ rows
        columns = geometry.blurring(parameters.sigma, size[1], kernel) @ columns
    return geometry.resample(images, rows, columns), mean


def _by_taps(
    images: tf.Tensor, parameters: Parameters, size: tuple[int, int], resize: str, kernel: int | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """What `_by_matrices` returns."""
    top, left, high, wide = tf.unstack(parameters.box, axis=1)
    rows = taps.Axis(top, high, tf.zeros_like(parameters.flip))
    columns = taps.Axis(left, wide, parameters.flip)
    planes = taps.resample(images, rows, columns, size, resize)
    mean = tf.reduce_mean(planes, axis=(2, 3))
    if kernel is not None:
        planes = taps.blurred(planes, parameters.sigma, kernel)
    return tf.reshape(planes, (-1, images.shape[-1], math.prod(size))), mean


def _finished(
    planes: tf.Tensor,
    mean: tf.Tensor,
    parameters: Parameters,
    size: tuple[int, int],
    recoloured: bool,
    threshold: float | None,
) -> tf.Tensor:
    """Pictures (n, h, w, C) of planes, in other colours, clipped, and solarized where there is a threshold."""
    pixels = color.recolour(planes, mean, parameters) if recoloured else tf.transpose(planes, (0, 2, 1))
    pixels = tf.clip_by_value(pixels, 0.0, 1.0)
    if threshold is not None:
        pixels = color.solarized(pixels, parameters.solarize, threshold)
    return tf.reshape(pixels, (-1, *size, planes.shape[1]))


def _checked_resize(resize: str) -> str:
    if resize not in geometry.RESIZES:
        raise ValueError(f"`resize` must be one of {sorted(geometry.RESIZES)}. Received: resize={resize!r}")
    return resize


def _checked_kernel(kernel: int | None, size: tuple[int, int]) -> int:
    if kernel is None:
        return max(min(size) // 10 | 1, 3)
    if not isinstance(kernel, Integral) or kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"`kernel` must be a positive odd integer. Received: kernel={kernel}")
    return int(kernel)
