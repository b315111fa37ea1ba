"""How good, and how healthy, a representation is."""

from .health import normalized_std
from .neighbours import knn_accuracy

__all__ = ["knn_accuracy", "normalized_std"]
