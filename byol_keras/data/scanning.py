"""A look at every example of a source, before anybody trains on it."""

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from ..threads import cores
from .decoding import decode, read_header
from .scan import NAMED, Duplicates, Scan
from .source import Broken, Source, failing_in_words

__all__ = ["scan"]

# Handed to a thread at once: a small picture is decoded in less time than handing it over takes.
_AT_ONCE = 32
# Among a billion pictures two different ones share a hash of 16 bytes with a probability of 1e-21.
_DIGEST = 16


class _Look(NamedTuple):
    """What is kept of one example once its pixels are gone; `reason` only where it is broken."""

    reason: str | None
    sides: tuple[int, int] = (0, 0)
    kind: str = ""
    mode: str = ""
    channels: int = 0
    deep: bool = False
    digest: bytes = bytes(_DIGEST)


def scan(source: Source, progress: Callable[[int], None] | None = None) -> Scan:
    """Decodes every example once, on all cores, and says what was found.

    It streams: of each example 16 bytes of a hash and its two sides are kept. Nothing is raised for broken examples,
    and one that claims more pixels than are decoded is not decoded here either.

    Args:
        source: see `open_source`.
        progress: called now and then with the number of examples looked at so far. Default None.

    Example:
    >>> from byol_keras.data import open_source
    >>> images = np.arange(3 * 8 * 8 * 3, dtype="uint8").reshape(3, 8, 8, 3)
    >>> found = scan(open_source(images[[0, 1, 2, 1]]))
    >>> found.readable, found.median, found.duplicates.copies
    (4, (8, 8), 1)
    """
    tally = _Tally(source)
    for index, look in enumerate(_looks(source)):
        tally.add(index, look)
        if progress is not None and ((index + 1) % _AT_ONCE == 0 or index + 1 == len(source)):
            progress(index + 1)
    return tally.scan()


def _looks(source: Source) -> Iterator[_Look]:
    threads = cores()
    ahead = 4 * threads * _AT_ONCE

    def some(start: int) -> list[_Look]:
        return [_look(source, index) for index in range(start, min(start + _AT_ONCE, len(source)))]

    with ThreadPoolExecutor(threads, "scan") as pool:
        # The pool would run ahead of whoever counts, as far as the source goes.
        for first in range(0, len(source), ahead):
            for looks in pool.map(some, range(first, min(first + ahead, len(source)), _AT_ONCE)):
                yield from looks


def _look(source: Source, index: int) -> _Look:
    try:
        picture = source.read(index)
        if isinstance(picture, np.ndarray):
            return _described(picture, "array", _in_channels(picture.shape[-1]))
        header = read_header(picture)
        mode = _in_channels(header.channels) if header.channels else _stored_mode(picture, header.kind)
        return _described(decode(picture), header.kind, mode)._replace(deep=header.deep)
    except Broken as error:
        return _Look(str(error))


def _described(pixels: np.ndarray, kind: str, mode: str) -> _Look:
    height, width, channels = pixels.shape
    digest = hashlib.blake2b(f"{pixels.shape} {pixels.dtype}".encode(), digest_size=_DIGEST)
    digest.update(np.ascontiguousarray(pixels))
    return _Look(None, (height, width), kind, mode, channels, pixels.dtype != np.uint8, digest.digest())


def _in_channels(channels: int) -> str:
    return f"{channels} channel{'s' * (channels != 1)}"


def _stored_mode(data: bytes, kind: str) -> str:
    """Pillow's word for how a picture keeps its colours; everything becomes RGB or grey when it is decoded."""
    from PIL import Image

    with failing_in_words():
        image = Image.open(io.BytesIO(data), formats=(kind,))
    return "RGBA" if image.mode == "RGB" and "transparency" in image.info else image.mode


class _Tally:
    """Sums over looks, in the order of the source."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.sides = np.zeros((len(source), 2), "int32")
        self.digests = np.zeros(len(source), f"V{_DIGEST}")
        self.good = np.zeros(len(source), bool)
        self.reasons: list[tuple[str, str]] = []
        self.kinds: Counter[str] = Counter()
        self.modes: Counter[str] = Counter()
        self.channels: Counter[int] = Counter()
        self.deep = 0

    def add(self, index: int, look: _Look) -> None:
        """Counts one."""
        if look.reason is not None:
            if len(self.reasons) < NAMED:
                self.reasons.append((self.source.path(index), look.reason))
            return
        self.good[index], self.sides[index], self.digests[index] = True, look.sides, np.void(look.digest)
        self.kinds[look.kind] += 1
        self.modes[look.mode] += 1
        self.channels[look.channels] += 1
        self.deep += look.deep

    def scan(self) -> Scan:
        """What was found."""
        readable = np.flatnonzero(self.good)
        labels, names = self.source.labels, self.source.class_names
        return Scan(
            name=self.source.name,
            examples=len(self.source),
            reasons=tuple(self.reasons),
            sides=self.sides[readable],
            kinds=dict(self.kinds.most_common()),
            modes=dict(self.modes.most_common()),
            channels=dict(self.channels.most_common()),
            deep=self.deep,
            duplicates=_duplicates(self.source, readable, self.digests[readable], labels),
            classes=None if labels is None else _class_sizes(labels, names, readable),
        )


def _duplicates(source: Source, readable: np.ndarray, digests: np.ndarray, labels: np.ndarray | None) -> Duplicates:
    """Pictures whose pixels are equal, whatever file they came in."""
    # Sorted as two numbers each: NumPy has no order for raw bytes.
    words = digests.view("uint64").reshape(-1, 2)
    order = np.lexsort((np.arange(len(words)), words[:, 1], words[:, 0]))
    starts = np.flatnonzero(np.append(True, (words[order][1:] != words[order][:-1]).any(axis=1))[: len(order)])
    lengths = np.diff(np.append(starts, len(order)))
    spans = zip(starts[lengths > 1].tolist(), lengths[lengths > 1].tolist(), strict=True)
    groups = sorted((readable[order[start : start + length]] for start, length in spans), key=lambda group: group[0])
    return Duplicates(
        groups=len(groups),
        copies=sum(map(len, groups)) - len(groups),
        named=tuple(tuple(map(source.path, group[:NAMED].tolist())) for group in groups[:NAMED]),
        conflicts=0 if labels is None else sum(len(set(labels[group].tolist()) - {-1}) > 1 for group in groups),
    )


def _class_sizes(labels: np.ndarray, names: tuple[str, ...] | None, readable: np.ndarray) -> dict[str, int]:
    """Readable examples of each class, which may be none; a label of -1 means that the class is not known."""
    numbers = np.unique(labels[labels >= 0]) if names is None else np.arange(len(names))
    counts = Counter(labels[readable].tolist())
    return {str(number) if names is None else names[number]: counts[number] for number in numbers.tolist()}
