"""What happens around the training step."""

from .checkpoint import RunCheckpoint
from .collapse import CollapseMonitor
from .neighbours import KNNMonitor
from .probe import LinearProbeMonitor
from .target import TargetEMA

__all__ = ["CollapseMonitor", "KNNMonitor", "LinearProbeMonitor", "RunCheckpoint", "TargetEMA"]
