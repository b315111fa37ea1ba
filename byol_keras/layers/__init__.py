"""Layers that Keras lacks, or has in a slower form."""

from .batch_normalization import BatchNormalization
from .bias_and_norm import bias_and_norm_variables
from .columns import Columns
from .conv import Conv2D
from .convert import convert_batch_norm, convert_depthwise
from .masked_conv import MaskedConv1D
from .normalization import make_normalization
from .over_frames import OverFrames
from .pixel_normalization import PixelNormalization
from .positions import Positions
from .spectrogram import LogMelSpectrogram, spectrogram, spectrogram_statistics
from .standardized_conv import StandardizedConv2D
from .steps import Steps, real_steps
from .words import Words

__all__ = [
    "BatchNormalization",
    "Columns",
    "Conv2D",
    "LogMelSpectrogram",
    "MaskedConv1D",
    "OverFrames",
    "PixelNormalization",
    "Positions",
    "StandardizedConv2D",
    "Steps",
    "Words",
    "bias_and_norm_variables",
    "convert_batch_norm",
    "convert_depthwise",
    "make_normalization",
    "real_steps",
    "spectrogram",
    "spectrogram_statistics",
]
