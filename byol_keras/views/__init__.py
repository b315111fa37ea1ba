"""Two random views of a batch, for every kind of data."""

from ..randomness import positional_normal, positional_uniform
from ..viewing import Views, unit_range
from .audio import AudioViews
from .clips import ClipViews
from .image import ImageViews
from .instruments import PICTURE_PRESETS, InstrumentViews, of_pictures
from .layered import LayerViews, from_layers
from .sequences import SequenceViews
from .tokens import TokenViews
from .vectors import VectorViews

__all__ = [
    "PICTURE_PRESETS",
    "AudioViews",
    "ClipViews",
    "ImageViews",
    "InstrumentViews",
    "LayerViews",
    "SequenceViews",
    "TokenViews",
    "VectorViews",
    "Views",
    "from_layers",
    "of_pictures",
    "positional_normal",
    "positional_uniform",
    "unit_range",
]
