"""What a run will do: every choice made, every number known."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import keras
import tensorflow as tf

from .. import recipes
from ..config import PretrainConfig
from ..recipes import Recipe

__all__ = ["SMALL_PICTURES", "Plan", "choose_recipe", "has_small_operations", "is_scaled"]

SMALL_PICTURES = 64
"""Pictures of up to so many pixels a side get a small network and CIFAR's views."""
_EPOCHS = 100
_PHOTOGRAPHS = 224
_UNKNOWN = 10**6


@dataclass(frozen=True)
class Plan:
    """A run with nothing left to choose: what `plan.json` holds, and what a continued run goes by.

    Args:
        recipe: hyper-parameters, what the configuration asked for put in.
        encoder: name of the network.
        shape: of one example, as the encoder will be used on it: `(height, width, channels)` of pictures.
        statistics: mean and standard deviation that bring numbers to one scale, None for the encoder's own.
        examples: number of training examples.
        steps_per_epoch: full batches in them.
        total_steps: length of the run.
        precision: the word for `set_precision`.
        seed: what order, views and initial weights depend on.
        kind: of the data. Default `"pictures"`.
        known: what has to be remembered to read other data in the same way. Default nothing.
        data: what tells the training examples from others, "" where that is not known. Default "".
        accumulate: parts of a recipe's batch that pass through the networks one after the other, each as a step of its
            own, before the optimizer takes one for all of them. Default 1.
    """

    recipe: Recipe
    encoder: str
    shape: tuple[int | None, ...]
    statistics: tuple | None
    examples: int
    steps_per_epoch: int
    total_steps: int
    precision: str
    seed: int
    kind: str = "pictures"
    known: dict[str, Any] = field(default_factory=dict)
    data: str = ""
    accumulate: int = 1

    @property
    def batch_size(self) -> int:
        """Examples per step: the recipe's batch, or a part of it."""
        return self.recipe.batch_size // self.accumulate

    @property
    def view_size(self) -> tuple[int, int]:
        """Height and width of the views of pictures."""
        return self.recipe.view_size(self.shape[:2])

    @property
    def warmup_steps(self) -> int:
        """The recipe's warm-up, or a tenth of a run that is shorter than the recipe."""
        # Rounded first: 0.29 times 100 is a little less than 29.
        steps = math.floor(round(self.recipe.warmup_epochs * self.steps_per_epoch, 6))
        whole = self.total_steps >= self.recipe.epochs * self.steps_per_epoch
        return steps if whole else min(steps, self.total_steps // 10)

    @property
    def updates(self) -> int:
        """Steps of the optimizer, of which each may take several of the run's."""
        return max(1, self.total_steps // self.accumulate)

    def optimizer(self) -> keras.optimizers.Optimizer:
        """The recipe's, for as long as this run."""
        return self.recipe.optimizer_over(self.updates, self.warmup_steps // self.accumulate, self.accumulate)

    @property
    def epochs(self) -> int:
        """Epochs of the run, the last one cut short where the budget ends in it."""
        return math.ceil(self.total_steps / self.steps_per_epoch)

    def to_json(self) -> str:
        """The plan as text."""
        recipe = asdict(self.recipe) | {"view_options": dict(self.recipe.view_options)}
        return json.dumps(asdict(replace(self, recipe=None)) | {"recipe": recipe}, indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan that `to_json` wrote."""
        values = json.loads(text)
        recipe = values["recipe"]
        recipe["view_options"] = {k: _as_tuple(v) for k, v in recipe["view_options"].items()}
        values |= {name: _as_tuple(values[name]) for name in ("shape", "statistics")}
        return cls(**values | {"recipe": Recipe(**recipe)})


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value


def choose_recipe(config: PretrainConfig, examples: int, epochs: int | None = None) -> Recipe:
    """The recipe that a configuration names, or the one for this machine, with the configuration's own numbers.

    Args:
        config: what was asked for.
        examples: how many there are to learn from.
        epochs: length of the run where a time budget has decided it.
    """
    epochs = epochs or config.epochs
    recipe = found = _base_recipe(config, examples, epochs)
    if config.optimizer not in (None, recipe.optimizer_name) and config.rate is None:
        raise ValueError(
            f"`rate` must be given beside another optimizer than the recipe's, {recipe.optimizer_name}, which its rate "
            f"is for. Received: optimizer={config.optimizer}"
        )
    overrides: dict[str, Any] = {
        "batch_size": config.batch_size,
        "epochs": epochs,
        "optimizer_name": config.optimizer,
        "loss": config.loss,
        "weight_decay": config.weight_decay,
        "tau": config.tau,
        "encoder_name": config.encoder,
        "size": config.size,
        "view_options": config.views and {"preset": config.views},
    }
    recipe = replace(recipe, **{name: value for name, value in overrides.items() if value is not None})
    if recipe.epochs < found.epochs:
        recipe = replace(recipe, warmup_epochs=min(found.warmup_epochs, recipe.epochs / 10))
    if config.rate is not None:
        recipe = replace(recipe, base_rate=config.rate * 256 / recipe.batch_size)
    return recipe


def has_small_operations(what: PretrainConfig | Plan) -> bool:
    """Whether a network's operations are too small to be divided among cores: all but large ones on large pictures.

    Args:
        what: a run, or what is asked for before anything is opened: the recipe then stands for what data or a file to
            start from would decide.
    """
    recipe = what.recipe if isinstance(what, Plan) else choose_recipe(what, _UNKNOWN)
    return what.kind != "pictures" or recipe.size <= SMALL_PICTURES or recipe.encoder_name.startswith("small_resnet")


def is_scaled(config: PretrainConfig) -> bool:
    """Whether the recipe is made for the amount of data, which is what a GPU gets by itself."""
    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    return config.recipe == "scaled" or (config.recipe == "auto" and config.kind == "pictures" and has_gpu)


def _base_recipe(config: PretrainConfig, examples: int, epochs: int | None) -> Recipe:
    # What `auto` means without a GPU.
    usual = "cpu" if config.kind == "pictures" else config.kind
    name = usual if config.recipe == "auto" else config.recipe
    found = _scaled(config, examples, epochs or _EPOCHS) if is_scaled(config) else recipes.get(name)
    if found.kind != config.kind:
        raise ValueError(
            f"`recipe` must be one for {config.kind}, such as {usual}, as `kind` says. "
            f"Received: recipe={name}, which is for {found.kind}"
        )
    return found


def _scaled(config: PretrainConfig, examples: int, epochs: int) -> Recipe:
    size = config.size or _PHOTOGRAPHS
    small = size <= SMALL_PICTURES
    batch_size = config.batch_size or min(256, max(2, examples // 4))
    recipe = recipes.scaled(batch_size, epochs, examples)
    options: Mapping[str, Any] = {"preset": "cifar" if small else "imagenet"}
    return replace(recipe, encoder_name="resnet18" if small else "resnet50", size=size, view_options=options)
