"""What happens around the training step."""

from .target import TargetEMA

__all__ = ["TargetEMA"]
