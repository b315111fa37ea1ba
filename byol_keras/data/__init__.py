"""Examples from arrays, folders, tables, records and named datasets: found, decoded, streamed; and made-up ones."""

from .examples import Examples
from .identities import shape_identities
from .labels import matched_labels
from .moving import moving_shapes
from .opening import open_source
from .pictures import Pictures
from .rows import Rows
from .scenes import Scenes, shape_scenes
from .series import open_series
from .shapes import shape_masks, shapes
from .skipping import Skipped, TooManyBroken
from .sounds import open_sounds
from .source import Broken, Source
from .texts import Texts, open_texts, read_texts
from .vectors import open_vectors
from .waiting import timed
from .wav import decode_wav, wav_header
from .windows import Windows
from .words import vectorizer

__all__ = [
    "Broken",
    "Examples",
    "Pictures",
    "Rows",
    "Scenes",
    "Skipped",
    "Source",
    "Texts",
    "TooManyBroken",
    "Windows",
    "decode_wav",
    "matched_labels",
    "moving_shapes",
    "open_series",
    "open_sounds",
    "open_source",
    "open_texts",
    "open_vectors",
    "read_texts",
    "shape_identities",
    "shape_masks",
    "shape_scenes",
    "shapes",
    "timed",
    "vectorizer",
    "wav_header",
]
