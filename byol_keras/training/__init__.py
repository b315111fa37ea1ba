"""Whole runs: the only place where all parts meet."""

from .folder import RunFolder
from .interrupt import Interrupted
from .pretrain import pretrain

__all__ = ["Interrupted", "RunFolder", "pretrain"]
