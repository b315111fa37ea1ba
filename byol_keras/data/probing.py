"""A look at a few examples, to know what kind of pictures a source holds."""

from typing import NamedTuple

import numpy as np

from .decoding import read_header
from .order import Order
from .skipping import TooManyBroken
from .source import Broken, Source

__all__ = ["Facts", "mixed_channels", "probe"]

_WANTED = 32
_TRIED = 256


class Facts(NamedTuple):
    """What a sample of a source tells about all of it."""

    sides: tuple[int, int] | None
    """Height and width, if all pictures of the sample agree."""
    channels: int
    example: str
    """The path of the first picture looked at."""
    deep: bool
    """Whether there are pictures of more than eight bits."""


class _Look(NamedTuple):
    path: str
    sides: tuple[int, int]
    channels: int
    deep: bool


def probe(source: Source, channels: int | None = None) -> Facts:
    """Looks at the headers of 32 examples, always the same ones.

    Args:
        source: where from.
        channels: 1 or 3 to have them changed, see `decode`. Default None.
    """
    if not len(source):
        raise ValueError(f"`source` is empty: there is nothing to look at. Received: {source.name} without a picture")
    looks, reason = [], ""
    for index in Order(len(source), seed=0).epoch(0)[:_TRIED].tolist():
        try:
            looks.append(_look(source, index, channels))
        except Broken as error:
            reason = f"{source.path(index)}, which {error}"
        if len(looks) == _WANTED:
            break
    if not looks:
        raise TooManyBroken(
            f"`source` must hold pictures that can be read. Received: {source.name}, of which none of "
            f"{min(_TRIED, len(source))} that were tried can, for example {reason}"
        )
    other = next((look for look in looks if look.channels != looks[0].channels), None)
    if other is not None:
        raise ValueError(mixed_channels(looks[0].path, looks[0].channels, other.path, other.channels))
    sides = looks[0].sides if len({look.sides for look in looks}) == 1 else None
    return Facts(sides, looks[0].channels, looks[0].path, any(look.deep for look in looks))


def mixed_channels(path: str, channels: int, other: str, others: int) -> str:
    """The sentence for pictures that don't go into one batch."""
    return (
        "`source` must hold pictures of one number of channels, or `channels` say which. "
        f"Received: {path} with {channels} and {other} with {others}"
    )


def _look(source: Source, index: int, channels: int | None) -> _Look:
    picture = source.read(index)
    if isinstance(picture, np.ndarray):
        height, width, found = picture.shape
        deep = picture.dtype != np.uint8
    else:
        header = read_header(picture)
        height, width, found, deep = header.height, header.width, header.channels or 3, header.deep
    if channels is not None and found not in (1, 3, channels):
        raise ValueError(
            f"`channels` must fit the pictures. Received: channels={channels} for {source.path(index)} with {found}"
        )
    return _Look(source.path(index), (height, width), channels or found, deep)
