"""Views of pictures that an instrument took: X-rays, tomographs, microscopes, telescopes, satellites."""

import sys
from numbers import Real
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from ..arguments import check_word, checked_size
from ..randomness import between, fold_in, positional_normal, positional_uniform
from ..viewing import Views
from .image import ImageViews
from .presets import PRESETS, Settings

__all__ = ["PICTURE_PRESETS", "InstrumentViews", "of_pictures"]

_PICTURE, _CHOICES, _GAIN, _NOISE = range(4)


class _Preset(NamedTuple):
    area: tuple[float, float]
    ratio: tuple[float, float]
    flip: float
    vertical_flip: float
    turn: float
    brightness: float
    contrast: float
    gain: float
    gamma: float
    blur: float
    sigma: tuple[float, float]
    noise: float


INSTRUMENTS = {
    # The sky has no up, bands are calibrated one by one, air and dust take their share of each, seeing blurs.
    "astronomy": _Preset((0.3, 1.0), (1.0, 1.0), 0.5, 0.5, 0.5, 0.05, 0.2, 0.2, 0.3, 0.5, (0.1, 1.5), 0.05),
    # Bodies have an up; exposure, window and dose differ from one machine to the next.
    "medical": _Preset((0.3, 1.0), (3 / 4, 4 / 3), 0.5, 0.0, 0.0, 0.2, 0.4, 0.0, 0.4, 0.5, (0.1, 1.0), 0.05),
}
"""What `InstrumentViews` takes as `preset`."""

PICTURE_PRESETS = (*PRESETS, *INSTRUMENTS)
"""What `of_pictures` takes as `preset`."""


@keras.saving.register_keras_serializable(package="byol_keras")
class InstrumentViews(Views):
    """Two views of pictures whose channels are measurements, of any number, and not red, green and blue.

    In this order: a random crop is resized to `size` and flipped, brightness and contrast change, some are blurred,
    and what leaves [0, 1] is clipped, all as `ImageViews` does it; then pictures are flipped and turned further, every
    channel is multiplied by a `gain` of its own, all are raised to one power (`gamma`), noise is added, and the result
    is clipped to [0, 1]. No hue, no grey, no solarizing: channels keep their meaning.

    Pictures are uint8, or float in [0, 1], of shape `(batch, height, width, channels)`: scale numbers of 16 bits by
    their range first, as `bk.data` does with files.

    Args:
        size: side of the views in pixels, or (height, width).
        preset: `"medical"` or `"astronomy"`, whose values arguments left out take.
        area: least and largest share of the picture that a crop covers.
        ratio: least and largest width / height of a crop.
        flip: probability of a flip, left to right.
        vertical_flip: probability of a flip, upside down.
        turn: probability that rows and columns change places, which with both flips makes every quarter turn. Needs
            square views.
        brightness: largest number added to or subtracted from the pixels, in [0, 1].
        contrast: largest change, in [0, 1], of the factor 1 on the distance from the picture's mean.
        gain: largest change, in [0, 1], of each channel's factor 1.
        gamma: 0 or more: exponents lie between `1 / (1 + gamma)` and `1 + gamma`.
        blur: probability of a Gaussian blur.
        sigma: least and largest standard deviation of the blur, in pixels of the view.
        noise: largest standard deviation of the noise, 0 or more; each picture has its own.
        resize: `"triangle"` (bilinear) or `"bicubic"`, both antialiased.

    Example:
    >>> views = InstrumentViews(size=32, preset="astronomy", noise=0.02)
    >>> bands = tf.random.uniform((8, 48, 48, 5), seed=0)  # u, g, r, i, z
    >>> view_1, view_2 = views(bands, seed=(0, 1))
    >>> view_1.shape
    TensorShape([8, 32, 32, 5])

    Reference: [Hayat et al., 2021](https://arxiv.org/abs/2012.13083), for views of galaxies;
    [Azizi et al., 2021](https://arxiv.org/abs/2101.05224), for medical pictures.
    """

    def __init__(
        self,
        size: int | tuple[int, int],
        preset: str = "medical",
        *,
        area: tuple[float, float] | None = None,
        ratio: tuple[float, float] | None = None,
        flip: float | None = None,
        vertical_flip: float | None = None,
        turn: float | None = None,
        brightness: float | None = None,
        contrast: float | None = None,
        gain: float | None = None,
        gamma: float | None = None,
        blur: float | None = None,
        sigma: tuple[float, float] | None = None,
        noise: float | None = None,
        resize: str = "triangle",
    ) -> None:
        given = {name: value for name, value in locals().items() if name in _Preset._fields and value is not None}
        check_word(INSTRUMENTS, preset=preset)
        self.preset, self.size = preset, checked_size(size)
        self.options = INSTRUMENTS[preset]._replace(**given)
        _check(self.options, self.size)
        affine = ("area", "ratio", "flip", "brightness", "contrast", "blur", "sigma")
        still = {"jitter": 1.0, "saturation": 0.0, "hue": 0.0, "grayscale": 0.0, "solarize": 0.0}
        self.pictures = ImageViews(
            size, resize=resize, **still, **{name: getattr(self.options, name) for name in affine}
        )

    @property
    def settings(self) -> Settings:
        """The settings of the part that `ImageViews` carries out."""
        return self.pictures.settings

    def prepare(self, batch: Any) -> Any:
        return self.pictures.prepare(batch)

    def check(self, batch: Any) -> None:
        self.pictures.check(batch)

    def view(self, batch: Any, seed: tf.Tensor, index: int) -> tf.Tensor:
        pixels = self.pictures.view(batch, fold_in(seed, _PICTURE), index)
        upside_down, turned, gamma, noise = self._choices(fold_in(seed, _CHOICES), tf.shape(pixels)[0])
        options = self.options
        if options.vertical_flip:
            pixels = tf.where(upside_down < options.vertical_flip, pixels[:, ::-1], pixels)
        if options.turn:
            pixels = tf.where(turned < options.turn, tf.transpose(pixels, (0, 2, 1, 3)), pixels)
        if options.gain:
            pixels = tf.minimum(pixels * self._gains(fold_in(seed, _GAIN), pixels), 1.0)
        if options.gamma:
            pixels = tf.pow(pixels, (1.0 + options.gamma) ** (2.0 * gamma - 1.0))
        if options.noise:
            pixels += options.noise * noise * positional_normal(fold_in(seed, _NOISE), tf.shape(pixels))
        return tf.clip_by_value(pixels, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"size": self.size, "preset": self.preset, "resize": self.pictures.resize} | self.options._asdict()

    def _choices(self, seed: tf.Tensor, count: tf.Tensor) -> list[tf.Tensor]:
        """Four uniform numbers for each picture, of shape (n, 1, 1, 1)."""
        uniform = tf.cast(positional_uniform(seed, count, 4), tf.float32)
        return tf.unstack(uniform[:, :, None, None, None], axis=1)

    def _gains(self, seed: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
        uniform = positional_uniform(seed, tf.shape(pixels)[0], pixels.shape[-1])
        spread = self.options.gain
        return tf.cast(between(1.0 - spread, 1.0 + spread, uniform), tf.float32)[:, None, None, :]


def of_pictures(size: int | tuple[int, int], preset: str = "imagenet", **options: Any) -> ImageViews | InstrumentViews:
    """The views of pictures that have this preset: `InstrumentViews` for one of theirs, `ImageViews` for the others.

    Example:
    >>> type(of_pictures(32, "medical")).__name__
    'InstrumentViews'
    """
    check_word(PICTURE_PRESETS, preset=preset)
    return (InstrumentViews if preset in INSTRUMENTS else ImageViews)(size, preset, **options)


def _check(options: _Preset, size: tuple[int, int]) -> None:
    limits = dict.fromkeys(("flip", "vertical_flip", "turn", "blur"), ("a probability in [0, 1]", 1.0))
    limits |= {"gain": ("a number in [0, 1]", 1.0)}
    limits |= dict.fromkeys(("gamma", "noise"), ("0 or more, and finite", sys.float_info.max))
    for name, (rule, largest) in limits.items():
        value = getattr(options, name)
        if not isinstance(value, Real) or not 0.0 <= value <= largest:
            raise ValueError(f"`{name}` must be {rule}. Received: {name}={value!r}")
    if options.turn and size[0] != size[1]:
        raise ValueError(f"`turn` needs square views, whose rows and columns can change places. Received: size={size}")
