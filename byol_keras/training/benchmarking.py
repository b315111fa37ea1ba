"""How fast data comes, how fast it is used, and which of the two limits."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from ..config import PretrainConfig
from ..data import Examples
from ..model import BYOL
from ..precision import fastest_precision
from ..threads import cores, spread_over_cores
from .advising import cache_bytes, is_in_memory, readable_bytes
from .building import build_model, target_ema
from .loop import Waiting
from .plan import Plan, has_small_operations
from .planning import make_plan
from .rundata import RunData
from .stopwatch import Stopwatch

__all__ = ["Benchmark", "Speeds", "benchmark"]

_ROUNDS = 3
# So many batches a dataset has ready or nearly ready before anybody asks.
_READY = 4
# Less than this is within what a machine varies by, of the share of waiting and of speeds measured one after another.
_NOTICEABLE_WAITING = 0.1
_NOTICEABLE_GAIN = 1.2
# Schedules must not end while time is taken.
_LONG = 10**9


@dataclass(frozen=True)
class Speeds:
    """Examples per second, and the share of the time that training waited for them.

    Args:
        data: reading, decoding and cropping alone.
        step: training alone, again and again on one batch.
        together: training on what the data brings.
        waiting: share of the time, in [0, 1], that training together waited for data.

    Example:
    >>> Speeds(data=500.0, step=2000.0, together=480.0, waiting=0.75).limit
    'data'
    >>> Speeds(data=9000.0, step=2000.0, together=1980.0, waiting=0.01).limit
    'step'
    """

    data: float
    step: float
    together: float
    waiting: float

    @property
    def gain(self) -> float:
        """How many times as fast training would be if its data cost nothing: neither time nor cores.

        The step alone shows it, but never more than `1 + step / data`: a picture takes at most the time of both. What
        is above that comes from whatever else the machine was doing.
        """
        return min(self.step / self.together, 1.0 + self.step / self.data)

    @property
    def limit(self) -> str:
        """`"data"` if waiting for it, or the cores that it takes, slow training down noticeably, else `"step"`."""
        return "data" if self.waits or self.gain > _NOTICEABLE_GAIN else "step"

    @property
    def waits(self) -> bool:
        """Whether training waits noticeably for its data."""
        return self.waiting > _NOTICEABLE_WAITING


@dataclass(frozen=True)
class Benchmark:
    """What was measured, and of what.

    Args:
        plan: of the run that was measured.
        speeds: medians of three rounds.
        cached: whether decoded pictures were kept.
        cache_bytes: memory that caching them takes, 0 where there is nothing to gain by it, or not enough memory.
        in_memory: whether examples lay decoded in memory from the beginning. Default False.
    """

    plan: Plan
    speeds: Speeds
    cached: bool
    cache_bytes: int
    in_memory: bool = False

    @property
    def sentence(self) -> str:
        """What limits, and what to do about it."""
        about = self._about_data() if self.speeds.limit == "data" else self._about_step()
        devices = len(tf.config.list_physical_devices("GPU"))
        alone = f" This is one of {devices} GPUs: all together need data {devices} times as fast."
        return about + (alone if devices > 1 else "")

    def _about_data(self) -> str:
        remedies = [f"more cores than {cores()}"]
        if self.cache_bytes and not self.cached:
            remedies.insert(0, f"--cache, which keeps decoded pictures in memory ({readable_bytes(self.cache_bytes)}),")
        elif not (self.cached or self.in_memory):
            remedies.insert(0, "storing it smaller and on a local disk")
        how = f"training waits {self.speeds.waiting:.0%} of its time" if self.speeds.waits else "it takes cores"
        return (
            f"The data limits: {how}, and training would be {self.speeds.gain:.1f} times as fast if data cost nothing; "
            f"{' and '.join(remedies)} would help."
        )

    def _about_step(self) -> str:
        fastest = fastest_precision()
        remedies = [] if self.plan.precision == fastest else [f"--precision {fastest}"]
        remedies += ["a smaller --size"] * (self.plan.kind == "pictures")
        remedies += [f"a smaller --encoder than {self.plan.encoder}"]
        remedies += [] if tf.config.list_physical_devices("GPU") else ["a GPU"]
        *others, last = remedies
        return (
            f"The step limits: training waits {self.speeds.waiting:.0%} of its time, so faster data would not help; "
            f"{', '.join(others)}{' or ' if others else ''}{last} would."
        )


def benchmark(
    config: PretrainConfig, seconds: float = 5.0, tell: Callable[[str], None] = lambda text: None
) -> Benchmark:
    """Measures the run that `pretrain` would make of a configuration on one device, without leaving anything behind.

    Data alone, the step alone and both together are measured in turn, three times each, so that whatever else the
    machine does hits all of them; compiling and the first batches do not count. What lies in the system's file cache
    counts as it is: files that are read for the first time may come more slowly.

    Args:
        config: what `pretrain` would be told.
        seconds: time for each of the three. Default 5.0.
        tell: called with what is being done.
    """
    if not seconds > 0.0:
        raise ValueError(f"`seconds` must be positive. Received: seconds={seconds}")
    if has_small_operations(config):
        spread_over_cores()
    data = RunData(config)
    plan = replace(make_plan(config, data, time.monotonic()), total_steps=_LONG)
    examples = data.training(plan)
    rounds = []
    with examples.skipped.explained():
        if config.cache:
            tell("filling the cache")
            for _ in examples.training(plan.batch_size).take(plan.steps_per_epoch):
                pass
        tell("compiling")
        bench = _Bench(build_model(plan, config.init_from), examples, plan, seconds / _ROUNDS)
        for number in range(_ROUNDS):
            rounds.append(bench.round())
            tell(f"{number + 1} of {_ROUNDS} rounds measured")
    return Benchmark(
        plan,
        Speeds(*np.median(rounds, axis=0).tolist()),
        config.cache,
        cache_bytes(examples),
        is_in_memory(data.source),
    )


class _Bench:
    """Takes the time of one model on its data, in windows of some seconds."""

    def __init__(self, model: BYOL, examples: Examples, plan: Plan, seconds: float) -> None:
        self.model, self.examples, self.plan, self.seconds = model, examples, plan, seconds
        self._batch = next(iter(examples.training(plan.batch_size)))
        self._next = 0

    def round(self) -> tuple[float, float, float, float]:
        """The numbers of `Speeds`, each measured once."""
        data = self._data()
        step, _ = self._training(tf.data.Dataset.from_tensors(self._batch).repeat(), Waiting())
        waiting = Waiting()
        together, waited = self._training(waiting.watch(self._fresh()), waiting)
        return data, step, together, waited

    def _fresh(self) -> tf.data.Dataset:
        """Batches that were not looked at a moment ago, as far as there are any."""
        self._next += 10_000
        return self.examples.training(self.plan.batch_size, start=self._next)

    def _data(self) -> float:
        batches = iter(self._fresh())
        for _ in range(_READY):
            next(batches)
        began, count, elapsed = time.monotonic(), 0, 0.0
        while elapsed < self.seconds:
            next(batches)
            count, elapsed = count + 1, time.monotonic() - began
        return self.plan.batch_size * count / elapsed

    def _training(self, batches: tf.data.Dataset, waiting: Waiting) -> tuple[float, float]:
        window = Stopwatch(self.seconds, waiting)
        callbacks = [target_ema(self.plan), window]
        self.model.fit(batches, steps_per_epoch=10**6, callbacks=callbacks, verbose=0)
        return self.plan.batch_size * window.steps / window.elapsed, window.waited / window.elapsed
