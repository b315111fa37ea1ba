"""How the processes of a run find each other, and make sure that they mean the same run."""

from typing import Any

import keras
import tensorflow as tf

from ..config import PretrainConfig
from ..distribution import Cluster, Workers, strategy_named
from ..version import __version__
from .progress import say

__all__ = ["join"]

# Each machine may keep its files elsewhere.
_OWN = {"data_dir", "cache"}


def join(config: PretrainConfig, resume: bool, console: Any) -> Workers:
    """Makes the strategy that a configuration asks for, and waits for whoever else takes part.

    Refuses to begin where processes were told different things.

    Args:
        config: as it was given to this process.
        resume: whether a run is to be continued.
        console: shows whom this process waits for.
    """
    if config.strategy in ("auto", "multiworker") and not tf.distribute.has_strategy():
        cluster = Cluster.of_environment()
        if cluster is not None and cluster.count > 1:
            place, names = f"worker {cluster.position} of {cluster.count}", ", ".join(cluster.addresses)
            say(console, f"{place}: waiting for the others of {names}")
    workers = Workers(strategy_named(config.strategy))
    told = {name: value for name, value in config.values().items() if name not in _OWN}
    versions = {"byol_keras": __version__, "keras": keras.__version__, "tensorflow": tf.__version__}
    with workers.watched("Start all of them again."):
        workers.check_same(versions | told | {"resume": resume})
    return workers
