"""Published hyper-parameters as data, and a rule for people with one GPU or none."""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import keras
import numpy as np

from . import heads
from .arguments import check_positive
from .callbacks.target import TargetEMA
from .optimizers import LARS
from .schedules import WarmupCosine
from .views import ImageViews

__all__ = ["RECIPES", "Recipe", "get", "scaled"]


@dataclass(frozen=True)
class Recipe:
    """Everything that a run's authors published, and the objects made from it.

    Args:
        name: what `get` finds it by.
        source: where the numbers come from.
        epochs: length of the run.
        batch_size: examples per optimizer step.
        base_rate: learning rate per 256 examples; the run's own is `base_rate * batch_size / 256`.
        weight_decay: L2 coefficient, as published.
        tau: where the target's schedule starts.
        optimizer_name: `"lars"` or `"sgd"`. Default `"lars"`.
        tau_schedule: `"cosine"` or `"constant"`. Default `"cosine"`.
        warmup_epochs: length of the linear climb of the rate. Default 10.
        momentum: default 0.9.
        trust_coefficient: LARS' eta. Default 1e-3.
        clip_trust_ratio: whether LARS' trust ratio is clipped. Default False.
        hidden: width of the heads. Default 4096.
        output: length of the projections. Default 256.
        encoder_name: the network it was published with. Default `"resnet50"`.
        size: side of the views in pixels. Default 224.
        view_options: further arguments of `ImageViews`, `preset` among them.

    Example:
    >>> recipe = get("solo-learn-cifar10")
    >>> recipe.epochs, recipe.learning_rate, recipe.total_steps(dataset_size=50_000)
    (1000, 1.0, 195000)
    """

    name: str
    source: str
    epochs: int
    batch_size: int
    base_rate: float
    weight_decay: float
    tau: float
    optimizer_name: str = "lars"
    tau_schedule: str = "cosine"
    warmup_epochs: int = 10
    momentum: float = 0.9
    trust_coefficient: float = 1e-3
    clip_trust_ratio: bool = False
    hidden: int = 4096
    output: int = 256
    encoder_name: str = "resnet50"
    size: int = 224
    view_options: Mapping = field(default_factory=dict)

    @property
    def learning_rate(self) -> float:
        """The peak rate: the rate of a run grows in proportion to its batch."""
        return self.base_rate * self.batch_size / 256

    def total_steps(self, dataset_size: int) -> int:
        """Optimizer steps of the whole run; the last partial batch of an epoch is dropped."""
        if dataset_size < self.batch_size:
            raise ValueError(
                f"`dataset_size` must be at least the recipe's batch of {self.batch_size}. "
                f"Received: dataset_size={dataset_size}"
            )
        return self.epochs * (dataset_size // self.batch_size)

    def optimizer(self, dataset_size: int) -> keras.optimizers.Optimizer:
        """The optimizer with its rate schedule, for a training set of `dataset_size` examples."""
        steps = self.total_steps(dataset_size)
        warmup = min(self.warmup_epochs, self.epochs) * (steps // self.epochs)
        schedule = WarmupCosine(self.learning_rate, steps, warmup)
        if self.optimizer_name == "sgd":
            # PyTorch adds the decay to the gradient, so that momentum multiplies it; Keras' decay is decoupled.
            decay = self.weight_decay / (1.0 - self.momentum)
            return keras.optimizers.SGD(schedule, momentum=self.momentum, weight_decay=decay)
        return LARS(
            schedule,
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            trust_coefficient=self.trust_coefficient,
            clip_trust_ratio=self.clip_trust_ratio,
        )

    def views(self, size: int | tuple[int, int] | None = None) -> ImageViews:
        """The views, of the published size or of another."""
        return ImageViews(size or self.size, **self.view_options)

    def heads(self, features: int) -> dict[str, keras.Model]:
        """Projector and predictor, as keyword arguments for `BYOL`, for an encoder of `features` features."""
        widths = {"hidden": self.hidden, "output": self.output}
        return {
            "projector": heads.projector(features, **widths),
            "predictor": heads.predictor(self.output, **widths),
        }

    def target_ema(self) -> TargetEMA:
        """The callback that moves the target."""
        return TargetEMA(self.tau, self.tau_schedule)


_PAPER = "Grill et al., 2020 (arXiv 2006.07733), appendix F, and DeepMind's configuration; ImageNet, batch 4096"


def _imagenet(epochs: int, base_rate: float, weight_decay: float, tau: float) -> Recipe:
    options = {"preset": "imagenet", "resize": "bicubic"}
    return Recipe(f"imagenet-{epochs}", _PAPER, epochs, 4096, base_rate, weight_decay, tau, view_options=options)


_PRESETS = (
    _imagenet(40, 0.45, 1e-6, 0.97),
    _imagenet(100, 0.45, 1e-6, 0.99),
    _imagenet(300, 0.3, 1e-6, 0.99),
    _imagenet(1000, 0.2, 1.5e-6, 0.996),
)

_SOLO_LEARN = Recipe(
    name="solo-learn-cifar10",
    source="solo-learn's configuration of BYOL for CIFAR-10; 92.58% online linear accuracy published",
    epochs=1000,
    batch_size=256,
    base_rate=1.0,
    weight_decay=1e-5,
    tau=0.99,
    trust_coefficient=0.02,
    clip_trust_ratio=True,
    encoder_name="resnet18",
    size=32,
    view_options={"preset": "cifar"},
)

_LIGHTLY = Recipe(
    name="lightly-cifar10",
    source="lightly's CIFAR-10 benchmark, SGD 0.06 at batch 128; kNN (k 200, T 0.1) 86.9% published at 200 epochs",
    epochs=200,
    batch_size=128,
    base_rate=0.12,
    weight_decay=5e-4,
    tau=0.99,
    optimizer_name="sgd",
    tau_schedule="constant",
    warmup_epochs=0,
    hidden=1024,
    encoder_name="resnet18",
    size=32,
    view_options={"preset": "cifar", "solarize": 0.0},
)

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (*_PRESETS, _SOLO_LEARN, _LIGHTLY)}


def get(name: str) -> Recipe:
    """The recipe of that name.

    Example:
    >>> get("imagenet-300").tau
    0.99
    """
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, n=1, cutoff=0.0)[0]
        raise ValueError(f"`name` must be one of {sorted(RECIPES)}. Did you mean {near!r}? Received: name={name!r}")
    return RECIPES[name]


def scaled(batch_size: int, epochs: int, dataset_size: int) -> Recipe:
    """A recipe for any batch, length and data, derived from the paper's four.

    - Base rate and decay are interpolated in `log(epochs)` between the paper's presets (40 to 1000 epochs; its ends
      beyond). Settings for 1000 epochs are wrong for 200.
    - The rate grows with the batch, as everywhere in the paper.
    - The target should look back over as many *examples*, whatever the batch: `tau ** (batch_size / 4096)`. This
      gives the 0.9995 that the paper chose for batch 512 at 1000 epochs.
    - But never over more than 1/300 of the run, the longest memory among the paper's presets (33 of 12,500 steps at
      40 epochs is 1/380): with little data a target that remembers 10,000 steps would never move.
    - Warm-up is 10 epochs, or a tenth of a shorter run.

    It has been checked against the paper's numbers, not tuned: a measured recipe for your data is better.

    Args:
        batch_size: examples per optimizer step.
        epochs: length of the run.
        dataset_size: number of training examples.

    Example:
    >>> recipe = scaled(batch_size=512, epochs=1000, dataset_size=1_281_167)
    >>> round(recipe.learning_rate, 3), round(recipe.tau, 4)
    (0.4, 0.9995)
    """
    check_positive(batch_size=batch_size, epochs=epochs, dataset_size=dataset_size)
    steps = max(epochs * (dataset_size // batch_size), 1)
    remembered = min(1.0 / (1.0 - _interpolated("tau", epochs) ** (batch_size / 4096)), max(steps / 300, 1.0))
    return Recipe(
        name=f"scaled-{batch_size}-{epochs}",
        source=f"byol_keras' scaling rule on {_PAPER}",
        epochs=epochs,
        batch_size=batch_size,
        base_rate=_interpolated("base_rate", epochs),
        weight_decay=_interpolated("weight_decay", epochs),
        tau=1.0 - 1.0 / remembered,
        warmup_epochs=min(10, math.ceil(epochs / 10)),
        view_options={"preset": "imagenet"},
    )


def _interpolated(name: str, epochs: int) -> float:
    lengths = np.log([preset.epochs for preset in _PRESETS])
    return float(np.interp(np.log(epochs), lengths, [getattr(preset, name) for preset in _PRESETS]))
