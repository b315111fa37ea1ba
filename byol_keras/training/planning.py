"""From a configuration and its data to a plan."""

import math
import time
from dataclasses import replace

import numpy as np
import tensorflow as tf

from ..config import PretrainConfig
from ..data import Pictures
from ..data.probing import probe
from ..distribution import Workers
from ..precision import fastest_precision
from ..recipes import Recipe
from .budget import steps_in
from .building import load_encoder
from .plan import SMALL_PICTURES, Plan, choose_recipe, is_scaled
from .rundata import RunData

__all__ = ["make_plan"]

_SAMPLED = 1000
# Pictures of one shape, and not larger than this many times the recipe's size, are what it was made for.
_SMALL = 1.5
# What 32 pixels are for CIFAR; more would be better, at four times the cost for twice the side.
_PHOTOGRAPHS = 64
# In the time in which the small network sees so many pictures, twelve minutes on two cores, one of twice the width
# learns more though it sees half of them: three points in a quarter of an hour, four in an hour (examples/search.md).
_OUTGROWN = 2_000_000


def make_plan(config: PretrainConfig, data: RunData, began: float, workers: Workers | None = None) -> Plan:
    """Makes every choice that the configuration left open; where it names minutes, measures what fits into them.

    Args:
        config: what was asked for.
        data: of the run.
        began: `time.monotonic()` when the command started.
        workers: the processes that will train. Default None: this one alone.
    """
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
    pictures = data.training(plan, listed=False)
    steps = steps_in(config.minutes, plan, pictures, workers, config.init_from, spent)
    return workers.of_chief(steps)


def _outgrows(config: PretrainConfig, plan: Plan, steps: int) -> bool:
    """Whether the time is better spent on a wider network, where the choice was left open."""
    left_open = config.encoder is None and config.init_from is None and plan.encoder == "small_resnet"
    return left_open and steps * plan.batch_size >= _OUTGROWN


def _first_plan(config: PretrainConfig, data: RunData) -> Plan:
    examples = len(data.source)
    recipe = choose_recipe(config, examples)
    probed = Pictures(data.source, recipe.size, channels=config.channels)
    steps_per_epoch = probed.steps_per_epoch(recipe.batch_size)
    return Plan(
        recipe=recipe,
        encoder=recipe.encoder_name if config.init_from is None else load_encoder(config.init_from).name,
        shape=probed.shape,
        statistics=None if probed.shape[-1] == 3 else _statistics(data, recipe.size, config.channels),
        examples=examples,
        steps_per_epoch=steps_per_epoch,
        total_steps=recipe.epochs * steps_per_epoch,
        precision=fastest_precision() if config.precision == "auto" else config.precision,
        seed=config.seed,
    )


def _settled(config: PretrainConfig, data: RunData, workers: Workers) -> PretrainConfig:
    """The configuration with a size and a batch size, on which a recipe's other numbers depend."""
    examples = len(data.source)
    config = replace(config, size=_size(config, choose_recipe(config, examples), data))
    if config.batch_size is not None:
        return config
    recipe = choose_recipe(config, examples)
    return replace(config, batch_size=_batch_size(recipe, examples, workers.strategy.num_replicas_in_sync))


def _batch_size(recipe: Recipe, examples: int, replicas: int) -> int:
    """The recipe's, or less for few examples; a multiple of the replicas, for which a batch norm needs two each."""
    wanted = recipe.batch_size if recipe.batch_size <= examples else examples // 4
    return max(2 * replicas, wanted - wanted % replicas)


def _size(config: PretrainConfig, recipe: Recipe, data: RunData) -> int:
    """The side of the pictures: as asked for, as the encoder to start from has it, or as it suits the pictures."""
    if config.size is not None:
        return config.size
    if config.init_from is not None:
        return load_encoder(config.init_from).input_shape[1] or recipe.size
    scaled = is_scaled(config)
    if not scaled and recipe.name != "cpu":
        return recipe.size
    sides = probe(data.source, config.channels).sides
    side = math.inf if sides is None else max(sides)
    if scaled:
        return side if side <= SMALL_PICTURES else recipe.size
    return recipe.size if side <= _SMALL * recipe.size else _PHOTOGRAPHS


def _statistics(data: RunData, size: int, channels: int | None) -> tuple:
    """Mean and standard deviation of each channel, from a sample."""
    images, _, _ = Pictures(data.sample(_SAMPLED), size, channels=channels).arrays()
    values = images.astype("float64") / (255.0 if images.dtype == np.uint8 else 1.0)
    deviations = np.maximum(values.std(axis=(0, 1, 2)), 1e-3)
    return tuple(values.mean(axis=(0, 1, 2)).tolist()), tuple(deviations.tolist())
