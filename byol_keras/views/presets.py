"""The published settings of picture views, as data."""

import math
from numbers import Real
from typing import Any, NamedTuple

from ..arguments import check_word

__all__ = ["PRESETS", "Settings", "checked"]

Pair = tuple[float, float]


class Settings(NamedTuple):
    """Everything that picture views can vary. The probabilities are pairs: (view one, view two)."""

    area: Pair
    ratio: Pair
    flip: Pair
    jitter: Pair
    brightness: float
    contrast: float
    saturation: float
    hue: float
    grayscale: Pair
    blur: Pair
    sigma: Pair
    solarize: Pair
    threshold: float


# BYOL (arXiv 2006.07733), table 6 in appendix B.
_IMAGENET = Settings(
    area=(0.08, 1.0),
    ratio=(3 / 4, 4 / 3),
    flip=(0.5, 0.5),
    jitter=(0.8, 0.8),
    brightness=0.4,
    contrast=0.4,
    saturation=0.2,
    hue=0.1,
    grayscale=(0.2, 0.2),
    blur=(1.0, 0.1),
    sigma=(0.1, 2.0),
    solarize=(0.0, 0.2),
    threshold=0.5,
)

PRESETS = {
    "imagenet": _IMAGENET,
    # solo-learn: scripts/pretrain/cifar/augmentations/asymmetric.yaml
    "cifar": _IMAGENET._replace(blur=(0.0, 0.0)),
}

_PROBABILITIES = ("flip", "jitter", "grayscale", "blur", "solarize")
# Half a turn of hue reaches every colour; a factor below zero would turn the picture into its negative.
_LARGEST = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.5, "threshold": 1.0}
_RANGES = {"area": 1.0, "ratio": math.inf, "sigma": math.inf}


def checked(preset: str, **given: Any) -> Settings:
    """The settings of a preset, those given put in, or a `ValueError` for one that makes no sense."""
    check_word(PRESETS, preset=preset)
    values = PRESETS[preset]._asdict() | {name: value for name, value in given.items() if value is not None}
    for name in _PROBABILITIES:
        values[name] = _probabilities(name, values[name])
    for name, largest in _RANGES.items():
        values[name] = _range(name, values[name], largest)
    for name, largest in _LARGEST.items():
        values[name] = _strength(name, values[name], largest)
    return Settings(**values)


def _probabilities(name: str, value: Any) -> Pair:
    pair = _numbers(value) or _numbers((value, value))
    if not pair or not all(0 <= probability <= 1 for probability in pair):
        raise ValueError(
            f"`{name}` must be a probability in [0, 1], or two of them (view one, view two). Received: {name}={value!r}"
        )
    return pair


def _range(name: str, value: Any, largest: float) -> Pair:
    pair = _numbers(value)
    if not pair or not 0 < pair[0] <= pair[1] <= largest or pair[1] == math.inf:
        limit = "" if largest == math.inf else f" <= {largest:g}"
        raise ValueError(f"`{name}` must be two numbers, 0 < low <= high{limit}. Received: {name}={value!r}")
    return pair


def _strength(name: str, value: Any, largest: float) -> float:
    if not isinstance(value, Real) or not 0 <= value <= largest:
        raise ValueError(f"`{name}` must be a number in [0, {largest:g}]. Received: {name}={value!r}")
    return float(value)


def _numbers(value: Any) -> Pair | None:
    if not isinstance(value, list | tuple) or [isinstance(item, Real) for item in value] != [True, True]:
        return None
    return float(value[0]), float(value[1])
