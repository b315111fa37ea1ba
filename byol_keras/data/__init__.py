"""Pictures from arrays, folders, records and named datasets: found, decoded, streamed."""

from .labels import matched_labels
from .opening import open_source
from .pictures import Pictures
from .shapes import shape_masks, shapes
from .skipping import Skipped, TooManyBroken
from .source import Broken, Source
from .waiting import timed

__all__ = [
    "Broken",
    "Pictures",
    "Skipped",
    "Source",
    "TooManyBroken",
    "matched_labels",
    "open_source",
    "shape_masks",
    "shapes",
    "timed",
]
