"""What there is to train with: this machine, and what a scan of the data has found."""

from .environment import environment
from .findings import findings

__all__ = ["environment", "findings"]
