"""Pictures of a source, decoded at one size."""

import numpy as np
import tensorflow as tf

from ..arguments import checked_size
from .crops import DRAWS, Crop, check_crop
from .examples import Examples
from .order import draws
from .picture_reading import PictureReader
from .probing import probe
from .skipping import Skipped
from .source import Source
from .stream import Spec

__all__ = ["Pictures"]

# Up to here it costs less to send whole pictures to the device than to crop them before.
_MUCH_LARGER = 2.0


class Pictures(Examples):
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
        self.crop, self.size = crop, checked_size(size)
        ledger = Skipped(len(source), max_bad_fraction, skipped)
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
        self._training_reader = reader = PictureReader(source, facts, channels, ledger, trained_at, cache)
        if trained_at != self.size:
            reader = PictureReader(source, facts, channels, ledger, self.size)
        super().__init__(source, reader, ledger, seed)

    def training(self, batch_size: int, start: int = 0, part: tuple[int, int] = (0, 1)) -> tf.data.Dataset:
        """Endless batches for training from global batch number `start` on, see `Examples.training`.

        Either whole pictures, or with `host_crops` dicts of two crops, `{"view_1": ..., "view_2": ...}`.
        """
        batches = super().training(batch_size, start, part)
        return batches.map(_as_views) if self.host_crops else batches

    def _specs(self, count: int) -> list[Spec]:
        if self.host_crops:
            return super()._specs(count) * 2
        return [((count, *self._training_reader.shape), self.dtype)]

    def _make(self, epoch: int, first: int, batch: list[np.ndarray]) -> list[np.ndarray]:
        if not self.host_crops:
            return self._filled(self._training_reader, epoch, first, batch[0])

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


def _as_views(first: tf.Tensor, second: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"view_1": first, "view_2": second}
