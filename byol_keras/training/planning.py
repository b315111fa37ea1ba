"""From a configuration and its data to a plan."""

import time
from dataclasses import replace

import tensorflow as tf

from ..config import PretrainConfig
from ..data.examples import full_batches
from ..distribution import Workers
from ..precision import fastest_precision
from ..recipes import Recipe
from .budget import steps_in
from .initial import load_encoder
from .plan import Plan, choose_recipe
from .rundata import RunData

__all__ = ["make_plan"]

# In the time in which the small network sees so many pictures, twelve minutes on two cores, one of twice the width
# learns more though it sees half of them: three points in a quarter of an hour, four in an hour (examples/search.md).
_OUTGROWN = 2_000_000


def make_plan(
    config: PretrainConfig, data: RunData, began: float | None = None, workers: Workers | None = None
) -> Plan:
    """Makes every choice that the configuration left open; where it names minutes, measures what fits into them.

    Args:
        config: what was asked for.
        data: of the run.
        began: `time.monotonic()` when the budget of minutes began. Default None: now.
        workers: the processes that will train. Default None: this one alone.
    """
    began = time.monotonic() if began is None else began
    workers = workers or Workers(tf.distribute.get_strategy())
    config = _settled(config, data, workers)
    plan = _first_plan(config, data)
    if config.minutes is None:
        return plan
    steps = _steps(config, data, plan, began, workers)
    if _outgrows(config, plan, steps):
        config = replace(config, encoder=f"{plan.encoder}x2")
        plan = _first_plan(config, data)
        steps = _steps(config, data, plan, began, workers)
    recipe = choose_recipe(config, plan.examples, max(1, round(steps / plan.steps_per_epoch)))
    return replace(plan, recipe=recipe, total_steps=steps)


def _steps(config: PretrainConfig, data: RunData, plan: Plan, began: float, workers: Workers) -> int:
    spent = time.monotonic() - began
    # There is no folder yet, and so no list of what was skipped.
    stream = data.training(plan, listed=False)
    steps = steps_in(config.minutes, plan, stream, workers, config.init_from, spent)
    return workers.of_chief(steps)


def _outgrows(config: PretrainConfig, plan: Plan, steps: int) -> bool:
    """Whether the time is better spent on a wider network, where the choice was left open."""
    left_open = config.encoder is None and config.init_from is None and plan.encoder == "small_resnet"
    return left_open and steps * plan.batch_size >= _OUTGROWN


def _first_plan(config: PretrainConfig, data: RunData) -> Plan:
    examples = len(data.source)
    recipe = choose_recipe(config, examples)
    form = data.kind.form(config, recipe, data.source, data.known)
    # Otherwise the optimizer might never take a step.
    full_batches(data.source, recipe.batch_size)
    steps_per_epoch = full_batches(data.source, recipe.batch_size // config.accumulate)
    return Plan(
        recipe=recipe,
        encoder=recipe.encoder_name if config.init_from is None else load_encoder(config.init_from).name,
        shape=form.shape,
        statistics=form.statistics,
        examples=examples,
        steps_per_epoch=steps_per_epoch,
        total_steps=recipe.epochs * steps_per_epoch,
        precision=fastest_precision() if config.precision == "auto" else config.precision,
        seed=config.seed,
        kind=config.kind,
        known=data.known,
        data=data.fingerprint(),
        accumulate=config.accumulate,
    )


def _settled(config: PretrainConfig, data: RunData, workers: Workers) -> PretrainConfig:
    """The configuration with a size and a batch size, on which a recipe's other numbers depend."""
    _check_parts(config, workers.strategy.num_replicas_in_sync)
    examples = len(data.source)
    config = data.kind.settled(config, choose_recipe(config, examples), data.source)
    if config.batch_size is not None:
        return config
    recipe = choose_recipe(config, examples)
    shares = workers.strategy.num_replicas_in_sync * config.accumulate
    return replace(config, batch_size=_batch_size(recipe, examples, shares))


def _check_parts(config: PretrainConfig, replicas: int) -> None:
    parts = config.accumulate
    if parts > 1 and replicas > 1:
        raise ValueError(
            "`accumulate` must be 1 on several replicas, which share a batch already. "
            f"Received: accumulate={parts} on {replicas} replicas"
        )
    if config.batch_size is not None and config.batch_size % parts:
        raise ValueError(
            "`batch_size` must be a multiple of `accumulate`, the parts that a batch is divided into. "
            f"Received: batch_size={config.batch_size}, accumulate={parts}"
        )


def _batch_size(recipe: Recipe, examples: int, shares: int) -> int:
    """The recipe's, or less for few examples; a multiple of its shares, as a batch norm needs two examples in each."""
    wanted = recipe.batch_size if recipe.batch_size <= examples else examples // 4
    return max(2 * shares, wanted - wanted % shares)
