"""Several devices and several processes: which strategy, and what the processes of a run agree on."""

from .cluster import Cluster
from .strategies import STRATEGIES, strategy_named
from .workers import WorkerLost, Workers

__all__ = ["STRATEGIES", "Cluster", "WorkerLost", "Workers", "strategy_named"]
