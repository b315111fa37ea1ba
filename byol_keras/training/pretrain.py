"""`bk.pretrain`: from a configuration to a run folder with a judged encoder in it."""

import json
import math
import shlex
import time
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import tensorflow as tf

from .. import checkpoints
from ..callbacks import CollapseMonitor, KNNMonitor, RunCheckpoint
from ..config import PretrainConfig
from ..data import Pictures
from ..doctor import environment
from ..model import BYOL
from ..precision import restored_precision
from ..threads import spread_over_cores
from ..writing import write_text
from .building import build_model, target_ema
from .finishing import finish, save_encoder
from .folder import RunFolder
from .interrupt import Interrupt, Interrupted
from .journal import Journal
from .loop import Waiting, train
from .plan import Plan
from .planning import make_plan
from .progress import Progress, standard_console
from .rundata import RunData

__all__ = ["pretrain"]

# Enough to see whether neighbours get better, and cheap enough to look often; fewer where pictures are large.
_BANK, _QUERIES = 5000, 1000
_BYTES = 2**28
_PROBED = 256


def pretrain(
    config: PretrainConfig | Mapping[str, Any] | None = None,
    *,
    resume: bool = False,
    console: Any = None,
    **options: Any,
) -> RunFolder:
    """Learns an encoder from unlabelled pictures, and leaves a run folder that says how good it is.

    What the command `byol-keras pretrain` does: opens the data, chooses what was left open, trains with checkpoints
    and monitors, judges the encoder beside the untrained one and raw pixels where there are labels, and writes
    `encoder.keras`, `evaluation.json` and `report.html`.

    Args:
        config: what to do, as a `PretrainConfig` or a mapping of its fields. `data` may also be an array of pictures,
            or a pair of arrays (pictures, labels).
        resume: go on with the run in the folder `run` from its newest checkpoint; what is given besides must agree
            with what the run was started with.
        console: a `rich.console.Console` to show progress on. Default None: the standard one.
        **options: fields of the configuration, instead of `config` or above it.

    Returns:
        The run's folder.

    Example:
    ```python
    run = bk.pretrain(data="pictures/", run="runs/first", minutes=15)
    encoder = keras.models.load_model(run.encoder)
    ```
    """
    with restored_precision():
        return _pretrain(_given(config) | options, resume, console or standard_console())


def _pretrain(given: dict[str, Any], resume: bool, console: Any) -> RunFolder:
    began = time.monotonic()
    spread_over_cores()
    folder = RunFolder(PretrainConfig.of(given).folder)
    resume = resume and (tf.io.gfile.exists(folder.plan) or "data" not in given)
    settings = folder.config_to_resume(given) if resume else PretrainConfig.of(given)
    if not resume:
        folder.check_free()
    data = RunData(settings, folder.skipped)
    plan = folder.stored_plan() if resume else make_plan(settings, data, began)
    data.check(plan)
    if resume and _is_finished(folder, plan):
        _announce(console, folder, plan, data)
        console.print("this run is finished", highlight=False)
        return folder
    model, pictures = build_model(plan, settings.init_from), data.training(plan)
    if not resume:
        folder.start(settings, plan)
        write_text(folder.file("environment.json"), json.dumps(environment(), indent=2))
    _announce(console, folder, plan, data)
    _train(model, pictures, plan, settings, folder, data, console)
    finish(folder, model, plan, settings, data, console)
    return folder


def _given(config: PretrainConfig | Mapping[str, Any] | None) -> dict[str, Any]:
    """What was said explicitly."""
    if not isinstance(config, PretrainConfig):
        return dict(config or {})
    return {f.name: getattr(config, f.name) for f in fields(config) if getattr(config, f.name) is not f.default}


def _is_finished(folder: RunFolder, plan: Plan) -> bool:
    steps = checkpoints.saved_steps(folder.checkpoints)
    return bool(steps) and steps[-1] >= plan.total_steps and tf.io.gfile.exists(folder.report)


def _announce(console: Any, folder: RunFolder, plan: Plan, data: RunData) -> None:
    recipe = plan.recipe
    console.print(
        f"{plan.examples:,} pictures of {data.source.name} -> {plan.encoder} at {plan.shape[0]} px, "
        f"recipe {recipe.name}, batch {plan.batch_size}, {plan.epochs} epochs of {plan.steps_per_epoch} steps, "
        f"{plan.precision}",
        highlight=False,
        soft_wrap=True,
    )
    judged = data.judged
    labels = "no labels to judge by" if judged is None else f"judged on {len(judged.queries):,} labelled pictures"
    console.print(f"{labels}; everything is written to {folder.path}", highlight=False, soft_wrap=True)


def _train(
    model: BYOL,
    pictures: Pictures,
    plan: Plan,
    config: PretrainConfig,
    folder: RunFolder,
    data: RunData,
    console: Any,
) -> None:
    waiting = Waiting()
    progress = Progress(console, plan.total_steps, plan.steps_per_epoch)
    monitors = _monitors(config, data, plan)
    journal = Journal(folder, plan, config.log_every, waiting, list(monitors.values()), [progress.hear])
    others = monitors | {"journal": journal}
    checkpoint = RunCheckpoint(folder.checkpoints, config.checkpoint_minutes, keep=config.keep, others=others)
    journal.cut(checkpoint.restore(model))
    with Interrupt() as interrupt, progress:
        callbacks = [target_ema(plan), *monitors.values(), journal, progress, interrupt, checkpoint]
        train(model, pictures, plan, callbacks, waiting)
    save_encoder(model, plan, folder)
    if interrupt.received is not None:
        raise Interrupted(interrupt.received, f"byol-keras pretrain --resume --run {shlex.quote(folder.path)}")


def _monitors(config: PretrainConfig, data: RunData, plan: Plan) -> dict[str, Any]:
    """What watches the run: for collapse always, by neighbours where there are labels."""
    images, _, _ = data.arrays(data.sample(_PROBED), plan)
    monitors: dict[str, Any] = {"collapse": CollapseMonitor(config.on_collapse, images)}
    every = max(1, plan.epochs // 10) if config.knn_every is None else config.knn_every
    if data.judged is not None and every:
        share = min(1.0, _BYTES / ((_BANK + _QUERIES) * math.prod(plan.shape)))
        parts = data.judged.sample(round(_BANK * share), round(_QUERIES * share))
        (bank, labels, _), (queries, truth, _) = (data.arrays(part, plan) for part in parts)
        monitors["knn"] = KNNMonitor(bank, labels, queries, truth, every_epochs=every)
    return monitors
