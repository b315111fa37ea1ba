"""From a plan to a compiled model."""

import keras

from .. import encoders, losses
from ..callbacks import TargetEMA
from ..model import BYOL
from ..precision import set_precision
from ..stepping import replicas
from .plan import Plan

__all__ = ["build_model", "initial_encoder", "load_encoder", "target_ema"]


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
    views, loss = plan.recipe.views(plan.view_size), losses.named(plan.recipe.loss)
    model = BYOL(encoder, views=views, loss=loss, seed=plan.seed, **heads)
    model.compile(plan.recipe.optimizer_over(plan.total_steps, plan.warmup_steps))
    return model


def initial_encoder(plan: Plan, init_from: str | None = None) -> keras.Model:
    """The encoder of a run before the first step: fresh, or the one that it starts from."""
    set_precision(plan.precision)
    keras.utils.set_random_seed(plan.seed)
    encoder = (
        load_encoder(init_from, plan.shape)
        if init_from is not None
        else encoders.named(plan.encoder, plan.shape, plan.statistics)
    )
    same = plan.view_size == plan.shape[:2]
    # Views and whole pictures are of two sizes: the same network sees both.
    return encoder if same else encoders.resized(encoder, (None, None, plan.shape[-1]))


def target_ema(plan: Plan) -> TargetEMA:
    """What moves the target over the whole run, also where that is trained in several pieces."""
    return TargetEMA(plan.recipe.tau, plan.recipe.tau_schedule, total_steps=plan.total_steps)


def load_encoder(path: str, shape: tuple[int, int, int] | None = None) -> keras.Model:
    """The encoder in a `.keras` file, which may hold an encoder or a whole BYOL model.

    Args:
        path: the file.
        shape: of the pictures it has to take, if known.
    """
    try:
        loaded = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"`init_from` must be a .keras file that can be read. Received: {path}: {reason}") from None
    encoder = encoders.pooled(getattr(loaded, "encoder", loaded))
    expects = tuple(encoder.input_shape[1:])
    fits = shape is None or len(expects) == len(shape)
    if not fits or (shape and any(want not in (None, have) for want, have in zip(expects, shape, strict=True))):
        raise ValueError(
            f"`init_from` must hold an encoder for pictures of shape {shape}. Received: {path}, which takes {expects}"
        )
    return encoder
