"""How good, and how healthy, a representation is."""

from .health import normalized_std

__all__ = ["normalized_std"]
