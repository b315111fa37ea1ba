"""Examples from arrays, folders, tables, records and named datasets: found, decoded, streamed."""

from .examples import Examples
from .labels import matched_labels
from .opening import open_source
from .pictures import Pictures
from .rows import Rows
from .series import open_series
from .shapes import shape_masks, shapes
from .skipping import Skipped, TooManyBroken
from .source import Broken, Source
from .vectors import open_vectors
from .waiting import timed

__all__ = [
    "Broken",
    "Examples",
    "Pictures",
    "Rows",
    "Skipped",
    "Source",
    "TooManyBroken",
    "matched_labels",
    "open_series",
    "open_source",
    "open_vectors",
    "shape_masks",
    "shapes",
    "timed",
]
