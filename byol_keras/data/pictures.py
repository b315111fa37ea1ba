"""A source decoded, at one size: the door through which training, evaluation and embedding see pictures."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from numbers import Integral

import numpy as np
import tensorflow as tf

from ..arguments import checked_size
from ..threads import cores
from .crops import DRAWS, Crop, check_crop
from .order import Order, draws
from .probing import probe
from .reading import Reader
from .skipping import Skipped
from .source import Source
from .stream import ahead, endless

__all__ = ["Pictures"]

# Up to here it costs less to send whole pictures to the device than to crop them before.
_MUCH_LARGER = 2.0


class Pictures:
    """The pictures of a source, decoded at one size and streamed; broken ones are skipped and listed.

    A sample of 32 pictures decides three things for all: `dtype`, which is `"float32"` in [0, 1] where there are
    pictures of 16 bits or floats, else `"uint8"`; the number of channels; and `host_crops`. Pictures of one shape, not
    much larger than `size`, are sent to the device as they are and cropped there. Of all others two random crops of
    `size` are made on the host. (One of another shape than the sample's is cut and resized to that.)

    Order and crops are functions of `seed` and of the place in training only: batch number k can be made without those
    before it. Where a picture is broken, the next good one in the order of that epoch stands in for it.

    Args:
        source: a `Source`, see `open_source`.
        size: side of the pictures in pixels, or (height, width). Smaller ones are enlarged. Default 224.
        channels: 1 for grey, 3 for RGB; None, the default, means 3, and for arrays whatever they hold.
        crop: (area, ratio), the ranges of the random crops as in `ImageViews`; None, the default, means that training
            gets whole pictures of `size`.
        seed: int, what order and crops depend on. Default 0.
        cache: whether to keep in memory what was decoded, for small pictures. Default False.
        max_bad_fraction: the largest share of broken pictures, from 200 on. Default 0.01.
        skipped: path of the list of broken pictures; None, the default, writes none.

    Example:
    >>> from byol_keras.data import open_source
    >>> pictures = Pictures(open_source(np.zeros((10, 8, 8, 3), "uint8")), size=8)
    >>> pictures.shape, pictures.dtype, pictures.steps_per_epoch(4)
    ((8, 8, 3), 'uint8', 2)
    >>> next(iter(pictures.training(4))).shape
    TensorShape([4, 8, 8, 3])
    """

    def __init__(
        self,
        source: Source,
        size: int | tuple[int, int] = 224,
        channels: int | None = None,
        crop: Crop | None = None,
        seed: int = 0,
        cache: bool = False,
        max_bad_fraction: float = 0.01,
        skipped: str | None = None,
    ) -> None:
        if channels not in (None, 1, 3):
            raise ValueError(f"`channels` must be 1, 3 or None. Received: channels={channels}")
        if crop is not None:
            check_crop(crop)
        self.source, self.crop, self.seed = source, crop, int(seed)
        self.size = checked_size(size)
        self.skipped = Skipped(len(source), max_bad_fraction, skipped)
        facts = probe(source, channels)
        small = facts.sides is not None and all(
            side <= _MUCH_LARGER * wanted for side, wanted in zip(facts.sides, self.size, strict=True)
        )
        self.host_crops = crop is not None and not small
        if cache and self.host_crops:
            raise ValueError(
                f"`cache` must be False unless all pictures are of one shape, not much larger than {self.size}: of "
                f"others no crop is made twice. Received: cache={cache} for {source.name}"
            )
        trained_at = facts.sides if crop is not None and small else self.size
        self._training_reader = Reader(source, facts, channels, self.skipped, trained_at, cache)
        self._reader = self._training_reader
        if trained_at != self.size:
            self._reader = Reader(source, facts, channels, self.skipped, self.size)
        self.dtype = self._reader.dtype
        self.shape = (*self.size, facts.channels)
        self._order = Order(len(source), self.seed)
        self._threads = cores()
        self._pool = ThreadPoolExecutor(self._threads, "pictures")

    def __len__(self) -> int:
        return len(self.source)

    def steps_per_epoch(self, batch_size: int) -> int:
        """Full batches in an epoch; the rest is dropped, another one each time."""
        if not isinstance(batch_size, Integral) or not 1 <= batch_size <= len(self):
            raise ValueError(
                f"`batch_size` must lie between 1 and the {len(self)} pictures of {self.source.name}. "
                f"Received: batch_size={batch_size}"
            )
        return len(self) // int(batch_size)

    def training(self, batch_size: int, start: int = 0, part: tuple[int, int] = (0, 1)) -> tf.data.Dataset:
        """Endless batches for training from global batch number `start` on.

        Either whole pictures, or with `host_crops` dicts of two crops, `{"view_1": ..., "view_2": ...}`.

        Args:
            batch_size: pictures per step, of all processes together.
            start: number of the first batch. Default 0.
            part: (p, n) where n processes share each batch, for the rows of process p: nothing else is read, and no
                picture by two of them. Default (0, 1).
        """
        steps = self.steps_per_epoch(batch_size)
        rows = _share(batch_size, *part)
        make = self._crops if self.host_crops else self._pictures
        views, size = (2, self.size) if self.host_crops else (1, self._training_reader.size)
        spec = (len(rows), *size, self.shape[-1]), self.dtype

        def load(number: int) -> list[np.ndarray]:
            epoch, batch = divmod(int(number), steps)
            return make(epoch, batch * batch_size + rows.start, [np.empty(*spec) for _ in range(views)])

        batches = endless(self._noting_failure(load), start, [spec] * views)
        return batches.map(_as_views if self.host_crops else lambda pixels: pixels)

    def arrays(self, indices: Sequence[int] | None = None) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        """Whole pictures at `size`, their labels (or None) and their numbers, all in memory; broken ones left out.

        Args:
            indices: numbers of the examples wanted. Default None: all.
        """
        indices = np.arange(len(self)) if indices is None else np.asarray(indices, "int64")
        pixels, kept = self._some(indices)
        labels = self.source.labels
        return pixels, None if labels is None else labels[kept], kept

    def whole(self, batch_size: int) -> tf.data.Dataset:
        """`(pictures, indices)` once through in order, broken ones left out, the last batch as long as it comes."""

        def load(number: int) -> tuple[np.ndarray, np.ndarray]:
            return self._some(np.arange(number * batch_size, min((number + 1) * batch_size, len(self))))

        numbers = tf.data.Dataset.range(math.ceil(len(self) / batch_size))
        specs = [((None, *self.shape), self.dtype), ((None,), "int64")]
        return ahead(self._noting_failure(load), numbers, specs).rebatch(batch_size)

    def _pictures(self, epoch: int, first: int, batch: list[np.ndarray]) -> list[np.ndarray]:
        pixels = batch[0]
        gathered = self._training_reader.pictures(self._order.epoch(epoch)[first : first + len(pixels)])
        if gathered is not None:
            return [gathered]

        def fill(row: int) -> None:
            pixels[row] = self._first_good(epoch, first + row, self._training_reader.picture)

        self._spread(fill, len(pixels))
        return batch

    def _crops(self, epoch: int, first: int, batch: list[np.ndarray]) -> list[np.ndarray]:
        def fill(row: int) -> None:
            position = first + row
            numbers = [draws(self.seed, epoch, position, view, DRAWS) for view in range(len(batch))]
            crops = self._first_good(
                epoch, position, lambda index: self._reader.crops(index, numbers, self.size, self.crop)
            )
            for view, crop in zip(batch, crops, strict=True):
                view[row] = crop

        self._spread(fill, len(batch[0]))
        return batch

    def _first_good(self, epoch: int, position: int, make: Callable) -> object:
        order = self._order.epoch(epoch)
        for offset in range(len(order)):
            made = make(int(order[(position + offset) % len(order)]))
            if made is not None:
                return made
        raise self.skipped.none_left(self.source.name)

    def _some(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gathered = self._reader.pictures(indices)
        if gathered is not None:
            return gathered, indices
        pixels = np.empty((len(indices), *self.shape), self.dtype)
        good = np.zeros(len(indices), bool)

        def fill(row: int) -> None:
            made = self._reader.picture(int(indices[row]))
            if made is not None:
                pixels[row], good[row] = made, True

        self._spread(fill, len(indices))
        return (pixels, indices) if good.all() else (pixels[good], indices[good])

    def _spread(self, work: Callable[[int], None], count: int) -> None:
        # A few rows at a time: handing over a small picture takes as long as decoding it.
        step = max(1, math.ceil(count / (4 * self._threads)))

        def some(start: int) -> None:
            for row in range(start, min(start + step, count)):
                work(row)

        for _ in self._pool.map(some, range(0, count, step)):
            pass

    def _noting_failure(self, load: Callable) -> Callable:
        def noting(number: int) -> Sequence[np.ndarray]:
            try:
                return load(number)
            except Exception as error:
                self.skipped.failure = error
                raise

        return noting


def _as_views(first: tf.Tensor, second: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"view_1": first, "view_2": second}


def _share(batch_size: int, process: int, processes: int) -> range:
    """The rows of a batch that belong to one of several processes."""
    if batch_size % processes:
        raise ValueError(
            f"`batch_size` must be a multiple of the {processes} processes that share a batch. "
            f"Received: batch_size={batch_size}"
        )
    return range(batch_size)[process * batch_size // processes : (process + 1) * batch_size // processes]
