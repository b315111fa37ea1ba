"""From a configuration and its data to a plan."""

import time
from dataclasses import replace

import numpy as np

from ..config import PretrainConfig
from ..data import Pictures
from ..precision import fastest_precision
from .budget import steps_in
from .building import load_encoder
from .plan import Plan, choose_recipe
from .rundata import RunData

__all__ = ["make_plan"]

_SAMPLED = 1000


def make_plan(config: PretrainConfig, data: RunData, began: float) -> Plan:
    """Makes every choice that the configuration left open; where it names minutes, measures what fits into them.

    Args:
        config: what was asked for.
        data: of the run.
        began: `time.monotonic()` when the command started.
    """
    plan = _first_plan(config, data)
    if config.minutes is None:
        return plan
    pictures = data.training(plan)
    steps = steps_in(config.minutes, plan, pictures, config.init_from, spent=time.monotonic() - began)
    epochs = max(1, round(steps / plan.steps_per_epoch))
    return replace(plan, recipe=choose_recipe(config, plan.examples, epochs), total_steps=steps)


def _first_plan(config: PretrainConfig, data: RunData) -> Plan:
    examples = len(data.source)
    recipe = choose_recipe(config, examples)
    if recipe.batch_size > examples and config.batch_size is None:
        recipe = replace(recipe, batch_size=max(2, examples // 4))
    size = recipe.size
    if config.init_from and config.size is None:
        size = load_encoder(config.init_from).input_shape[1] or size
    probed = Pictures(data.source, size, channels=config.channels)
    steps_per_epoch = probed.steps_per_epoch(recipe.batch_size)
    return Plan(
        recipe=recipe,
        encoder=recipe.encoder_name,
        shape=probed.shape,
        statistics=None if probed.shape[-1] == 3 else _statistics(data, size, config.channels),
        examples=examples,
        steps_per_epoch=steps_per_epoch,
        total_steps=recipe.epochs * steps_per_epoch,
        precision=fastest_precision() if config.precision == "auto" else config.precision,
        seed=config.seed,
    )


def _statistics(data: RunData, size: int, channels: int | None) -> tuple:
    """Mean and standard deviation of each channel, from a sample."""
    images, _, _ = Pictures(data.sample(_SAMPLED), size, channels=channels).arrays()
    values = images.astype("float64") / (255.0 if images.dtype == np.uint8 else 1.0)
    deviations = np.maximum(values.std(axis=(0, 1, 2)), 1e-3)
    return tuple(values.mean(axis=(0, 1, 2)).tolist()), tuple(deviations.tolist())
