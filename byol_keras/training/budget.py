"""How many steps this machine takes in a given time."""

import time
import warnings
from dataclasses import replace

from ..data import Examples
from ..distribution import Workers
from .building import build_model, target_ema
from .lockstep import Lockstep
from .loop import feed
from .plan import Plan
from .stopwatch import Stopwatch

__all__ = ["steps_in"]

# Part of the budget that may go into measuring, and what stays free for monitors and a machine that slows down.
_MEASURED_SHARE = 0.03
_RESERVE = 0.06


def steps_in(
    minutes: float,
    plan: Plan,
    examples: Examples,
    workers: Workers,
    init_from: str | None = None,
    spent: float = 0.0,
) -> int:
    """Measures the steps of a run with its own data, and returns how many fit into `minutes`; at least one.

    What was trained while measuring is thrown away: the run starts from the same weights as any other.

    Args:
        minutes: the budget, for everything from the start of the command to the end of training.
        plan: the run; its number of steps does not matter here.
        examples: its data.
        workers: the processes that train it.
        init_from: file that it starts from, as in the configuration.
        spent: seconds of the budget that are gone already.
    """
    began = time.monotonic()
    watch = Stopwatch(min(max(60 * minutes * _MEASURED_SHARE, 2.0), 20.0))
    endless = replace(plan, total_steps=10**6)
    with workers.strategy.scope():
        model = build_model(endless, init_from)
    with examples.skipped.explained():
        data, callbacks = feed(examples, plan, workers), [target_ema(endless), watch, Lockstep(workers)]
        model.fit(data, steps_per_epoch=10**6, verbose=0, callbacks=callbacks)
    measured = time.monotonic() - began
    # The run itself will be compiled once more: as long as measuring took beside its steps.
    compiling = max(0.0, measured - watch.running)
    left = 60 * minutes * (1 - _RESERVE) - spent - measured - compiling
    steps = int(left * watch.steps / watch.elapsed)
    if steps < 1:
        gone = 60 * minutes - left
        warnings.warn(
            f"`minutes`={minutes:g} are over before the first step: opening, compiling and measuring take {gone:.0f} "
            "seconds. The run is one step, and its encoder as good as untrained.",
            stacklevel=2,
        )
    return max(1, steps)
