"""What a recipe is: the numbers of a run, and the objects made from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import keras

from .. import heads
from ..arguments import check_word
from ..callbacks.target import TargetEMA
from ..optimizers import LARS
from ..schedules import WarmupCosine
from ..views import ImageViews, InstrumentViews, of_pictures

__all__ = ["OPTIMIZERS", "Recipe"]


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
        optimizer_name: `"lars"`, `"sgd"`, `"adam"` or `"adamw"`. Default `"lars"`.
        tau_schedule: `"cosine"` or `"constant"`. Default `"cosine"`.
        warmup_epochs: length of the linear climb of the rate. Default 10.
        momentum: of LARS and SGD. Default 0.9.
        trust_coefficient: LARS' eta. Default 1e-3.
        clip_trust_ratio: whether LARS' trust ratio is clipped. Default False.
        hidden: width of the heads. Default 4096.
        output: length of the projections. Default 256.
        encoder_name: the network it is for. Default `"resnet50"`.
        loss: its name in `bk.losses.named`. Default `"byol"`, the paper's.
        size: side of the pictures, as the encoder will be used on them, in pixels. Default 224.
        view_share: side of the views as a share of that. Random crops enlarge what they show; views smaller by as much
            show it as large as it will be later, and cost less. Default 1, as published.
        view_options: further arguments of the views, `ImageViews` for pictures.
        kind: of the data that it is for. Default `"pictures"`.
        clip_norm: largest norm of all gradients together, for recurrent networks, whose gradients may explode; LARS has
            its own measure. On several replicas each clips its own share. Default None: as they are.

    Example:
    >>> recipe = Recipe("short", "ours", epochs=10, batch_size=512, base_rate=0.3, weight_decay=1e-6, tau=0.99)
    >>> recipe.learning_rate, recipe.total_steps(dataset_size=50_000)
    (0.6, 970)
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
    warmup_epochs: float = 10
    momentum: float = 0.9
    trust_coefficient: float = 1e-3
    clip_trust_ratio: bool = False
    hidden: int = 4096
    output: int = 256
    encoder_name: str = "resnet50"
    loss: str = "byol"
    size: int = 224
    view_share: float = 1.0
    view_options: Mapping = field(default_factory=dict)
    kind: str = "pictures"
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        check_word(OPTIMIZERS, optimizer_name=self.optimizer_name)
        check_word(("cosine", "constant"), tau_schedule=self.tau_schedule)

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
        return self.optimizer_over(steps, round(min(self.warmup_epochs, self.epochs) * (steps // self.epochs)))

    def optimizer_over(self, total_steps: int, warmup_steps: int, accumulate: int = 1) -> keras.optimizers.Optimizer:
        """The optimizer for a run of another length: the rate climbs for `warmup_steps`, is 0 at `total_steps`.

        Args:
            total_steps: of the optimizer.
            warmup_steps: of the optimizer.
            accumulate: batches whose gradients it takes the mean of before each step. Default 1.
        """
        schedule = WarmupCosine(self.learning_rate, total_steps, warmup_steps)
        optimizer = OPTIMIZERS[self.optimizer_name](self, schedule)
        if accumulate > 1:
            optimizer.gradient_accumulation_steps = accumulate
        return optimizer

    def views(self, size: int | tuple[int, int] | None = None) -> ImageViews | InstrumentViews:
        """The views of pictures, of the size that the recipe gives them or of another."""
        if self.kind != "pictures":
            raise ValueError(
                f"`views` are made by recipes for pictures. Received: {self.name}, which is for {self.kind}"
            )
        return of_pictures(size or self.view_size(), **self.view_options)

    def view_size(self, size: tuple[int, int] | None = None) -> tuple[int, int]:
        """Height and width of the views of pictures of this `size`. Default: the recipe's own."""
        height, width = size or (self.size, self.size)
        return round(height * self.view_share), round(width * self.view_share)

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


def _lars(recipe: Recipe, schedule: WarmupCosine) -> keras.optimizers.Optimizer:
    return LARS(
        schedule,
        weight_decay=recipe.weight_decay,
        momentum=recipe.momentum,
        trust_coefficient=recipe.trust_coefficient,
        clip_trust_ratio=recipe.clip_trust_ratio,
    )


def _sgd(recipe: Recipe, schedule: WarmupCosine) -> keras.optimizers.Optimizer:
    # PyTorch adds the decay to the gradient, so that momentum multiplies it; Keras' decay is decoupled.
    decay = recipe.weight_decay / (1.0 - recipe.momentum)
    return keras.optimizers.SGD(
        schedule, momentum=recipe.momentum, weight_decay=decay, global_clipnorm=recipe.clip_norm
    )


def _adam(recipe: Recipe, schedule: WarmupCosine) -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(schedule, global_clipnorm=recipe.clip_norm)


def _adamw(recipe: Recipe, schedule: WarmupCosine) -> keras.optimizers.Optimizer:
    return keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay, global_clipnorm=recipe.clip_norm)


OPTIMIZERS = {"lars": _lars, "sgd": _sgd, "adam": _adam, "adamw": _adamw}
"""What makes the optimizer of a recipe, by its name."""
