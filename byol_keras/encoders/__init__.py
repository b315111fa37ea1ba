"""Networks that turn an input into a vector, the representation that BYOL learns."""

from .audio import audio
from .frames import over_frames
from .mlp import mlp
from .naming import named
from .pooling import pooled
from .recurrent import recurrent
from .resizing import resized
from .resnet import resnet18, resnet34, resnet50, resnet101, resnet152
from .scales import pyramid
from .small import small_resnet
from .temporal_conv import temporal_conv
from .text import text

__all__ = [
    "audio",
    "mlp",
    "named",
    "over_frames",
    "pooled",
    "pyramid",
    "recurrent",
    "resized",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "small_resnet",
    "temporal_conv",
    "text",
]
