"""Layers that Keras lacks, or has in a slower form."""

from .batch_normalization import BatchNormalization
from .bias_and_norm import bias_and_norm_variables
from .columns import Columns
from .convert import convert_batch_norm
from .normalization import make_normalization
from .standardized_conv import StandardizedConv2D

__all__ = [
    "BatchNormalization",
    "Columns",
    "StandardizedConv2D",
    "bias_and_norm_variables",
    "convert_batch_norm",
    "make_normalization",
]
