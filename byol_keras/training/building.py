"""From a plan to a compiled model."""

import keras

from .. import losses
from ..callbacks import TargetEMA
from ..model import BYOL
from ..precision import set_precision
from ..stepping import replicas
from .initial import load_encoder
from .kinds import kind_of
from .plan import Plan

__all__ = ["build_model", "initial_encoder", "target_ema"]


def build_model(plan: Plan, init_from: str | None = None) -> BYOL:
    """The model of a run as it is before the first step; the same plan gives the same weights in any process.

    In the scope of a strategy batch normalisation is synchronised: any number of replicas trains what one would.
    """
    encoder = initial_encoder(plan, init_from)
    heads = plan.recipe.heads(encoder.output_shape[-1])
    if replicas() > 1:
        for layer in (layer for part in (encoder, *heads.values()) for layer in part._flatten_layers()):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True
    kind, loss = kind_of(plan.kind), losses.named(plan.recipe.loss)
    preprocessor = kind.preprocessor(plan)
    model = BYOL(encoder, views=kind.views(plan), loss=loss, preprocessor=preprocessor, seed=plan.seed, **heads)
    model.compile(plan.optimizer())
    return model


def initial_encoder(plan: Plan, init_from: str | None = None) -> keras.Model:
    """The encoder of a run before the first step: fresh, or the one that it starts from."""
    set_precision(plan.precision)
    keras.utils.set_random_seed(plan.seed)
    kind = kind_of(plan.kind)
    if init_from is None:
        return kind.fitted(kind.encoder(plan), plan)
    preprocessor = kind.preprocessor(plan)
    taken = plan.shape if preprocessor is None else preprocessor.output_shape[1:]
    return kind.fitted(load_encoder(init_from, taken), plan)


def target_ema(plan: Plan) -> TargetEMA:
    """What moves the target over the whole run, also where that is trained in several pieces."""
    return TargetEMA(plan.recipe.tau, plan.recipe.tau_schedule, total_steps=plan.updates)
