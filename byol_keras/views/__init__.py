"""Two views of a batch: stateless and compiled for pictures, or made of anybody's augmentation layers."""

from .base import Views
from .image import ImageViews
from .layered import LayerViews, from_layers

__all__ = ["ImageViews", "LayerViews", "Views", "from_layers"]
