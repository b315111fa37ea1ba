"""`bk.pretrain`: from a configuration to a run folder with a judged encoder in it."""

import contextlib
import json
import math
import shlex
import signal
import time
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from .. import checkpoints
from ..callbacks import CollapseMonitor, KNNMonitor, RunCheckpoint
from ..cloning import refresh_constants
from ..config import PretrainConfig
from ..data import Examples
from ..distribution import Workers
from ..doctor import environment
from ..model import BYOL
from ..precision import restored_precision
from ..threads import spread_over_cores
from ..writing import write_text
from .building import build_model, target_ema
from .finishing import finish, save_encoder
from .folder import RunFolder
from .interrupt import Interrupt, Interrupted
from .joining import join
from .journal import Journal
from .judging import JudgeSet
from .kinds.kind import fitting
from .lockstep import Lockstep
from .loop import Waiting, check_divides, train
from .plan import Plan, has_small_operations
from .planning import make_plan
from .progress import Progress, say, standard_console
from .rundata import RunData

__all__ = ["pretrain"]

# Enough to see whether neighbours get better, and cheap enough to look often; fewer where examples are large.
_BANK, _QUERIES = 5000, 1000
_PROBED = 256


def pretrain(
    config: PretrainConfig | Mapping[str, Any] | None = None,
    *,
    resume: bool = False,
    console: Any = None,
    **options: Any,
) -> RunFolder:
    """Learns an encoder from unlabelled data, and leaves a run folder that says how good it is.

    What the command `byol-keras pretrain` does: opens the data, chooses what was left open, trains with checkpoints
    and monitors, judges the encoder beside the untrained one and the raw examples where there are labels, and writes
    `encoder.keras`, `evaluation.json` and `report.html`.

    Args:
        config: what to do, as a `PretrainConfig` or a mapping of its fields. `data` may also be an array of examples,
            or a pair of arrays (examples, labels).
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


class _Session(NamedTuple):
    """A run while this process works on it."""

    folder: RunFolder
    config: PretrainConfig
    plan: Plan
    data: RunData
    console: Any
    workers: Workers


def _pretrain(given: dict[str, Any], resume: bool, console: Any) -> RunFolder:
    began = time.monotonic()
    asked = PretrainConfig.of(given)
    folder = RunFolder(asked.folder)
    if has_small_operations((resume and _begun(folder)) or asked):
        spread_over_cores()
    workers = join(asked, resume, console)
    if not workers.is_chief:
        console = standard_console(quiet=True)
    with workers.watched("Start all of them again."):
        with workers.together():
            found = _look(folder, given, resume) if workers.is_chief else None
        found = workers.of_chief(found)
        with workers.together():
            config = asked if found is None else folder.config_to_resume(found["config"], given)
        if found is not None and found["finished"]:
            say(console, "this run is finished")
            workers.part()
            return folder
        _work(_opened(folder, config, console, workers, began, found), begins=found is None)
    return folder


def _opened(
    folder: RunFolder,
    config: PretrainConfig,
    console: Any,
    workers: Workers,
    began: float,
    found: dict[str, Any] | None,
) -> _Session:
    """Opens the data, and takes up a run's plan or makes one."""
    with workers.together():
        known = None if found is None else Plan.from_json(found["plan"]).known
        data = RunData(config, folder.skipped if workers.is_chief else None, known)
        judged = data.judged
    plan = _agreed_plan(config, data, began, workers, found)
    session = _Session(folder, config, plan, data, console, workers)
    _announce(session, judged)
    return session


def _begun(folder: RunFolder) -> Plan | None:
    """The plan of a run that is to be continued, None if it can't be read: what is wrong with it shows later."""
    with contextlib.suppress(ValueError, tf.errors.OpError):
        return folder.stored_plan()
    return None


def _look(folder: RunFolder, given: dict[str, Any], resume: bool) -> dict[str, Any] | None:
    """What is known of a run that is to be continued; None where one begins."""
    # Written last, so that without it nothing has begun.
    if not resume or ("data" in given and not tf.io.gfile.exists(folder.config)):
        folder.check_free()
        return None
    plan = folder.stored_plan()
    return {"config": folder.stored_config(), "plan": plan.to_json(), "finished": _is_finished(folder, plan)}


def _agreed_plan(
    config: PretrainConfig, data: RunData, began: float, workers: Workers, found: dict[str, Any] | None
) -> Plan:
    workers.check_same({"data": data.fingerprint()})
    plan = make_plan(config, data, began, workers) if found is None else Plan.from_json(found["plan"])
    plan = Plan.from_json(workers.of_chief(plan.to_json()))
    with workers.together():
        check_divides(plan, workers)
        data.check(plan)
    return plan


def _work(session: _Session, begins: bool) -> None:
    folder, plan, workers = session.folder, session.plan, session.workers
    with workers.strategy.scope():
        model = build_model(plan, session.config.init_from if begins else folder.initial(session.config))
    with contextlib.ExitStack() as held:
        with workers.together():
            examples = session.data.training(plan)
            if workers.is_chief:
                held.enter_context(folder.taken())
            if begins and workers.is_chief:
                folder.start(session.config, plan)
                write_text(folder.file("environment.json"), json.dumps(environment(), indent=2))
        _train(model, examples, session)
        with workers.together():
            if workers.is_chief:
                finish(folder, model, plan, session.config, session.data, session.console)
    workers.part()


def _given(config: PretrainConfig | Mapping[str, Any] | None) -> dict[str, Any]:
    """What was said explicitly."""
    if not isinstance(config, PretrainConfig):
        return dict(config or {})
    return {f.name: getattr(config, f.name) for f in fields(config) if getattr(config, f.name) is not f.default}


def _is_finished(folder: RunFolder, plan: Plan) -> bool:
    steps = checkpoints.saved_steps(folder.checkpoints)
    left = tf.io.gfile.exists(folder.encoder) and tf.io.gfile.exists(folder.report)
    return bool(steps) and steps[-1] >= plan.total_steps and left


def _announce(session: _Session, judged: JudgeSet | None) -> None:
    plan, data, console = session.plan, session.data, session.console
    recipe, replicas = plan.recipe, session.workers.strategy.num_replicas_in_sync
    size = f" at {plan.shape[0]} px" if plan.kind == "pictures" else ""
    shared = (
        f" on {replicas} replicas" if replicas > 1 else f" in {plan.accumulate} parts" if plan.accumulate > 1 else ""
    )
    say(
        console,
        f"{plan.examples:,} {data.source.many} of {data.source.name} -> {plan.encoder}{size}, "
        f"recipe {recipe.name}, batch {recipe.batch_size}{shared}, "
        f"{_length(plan)}, {plan.precision}",
    )
    many = data.kind.words.many
    labels = "no labels to judge by" if judged is None else f"judged on {len(judged.queries):,} labelled {many}"
    say(console, f"{labels}; everything is written to {session.folder.path}")


def _length(plan: Plan) -> str:
    if plan.total_steps < plan.steps_per_epoch:
        return f"{plan.total_steps} of the {plan.steps_per_epoch} steps of an epoch"
    return f"{plan.epochs} epochs of {plan.steps_per_epoch} steps"


def _train(model: BYOL, examples: Examples, session: _Session) -> None:
    folder, plan, workers = session.folder, session.plan, session.workers
    command = f"byol-keras pretrain --resume --run {shlex.quote(folder.path)}"
    waiting, progress = Waiting(), Progress(session.console, plan.total_steps, plan.steps_per_epoch)
    watching, saving = [], []
    with workers.together():
        if workers.is_chief:
            watching, saving = _callbacks_of_chief(model, session, waiting, progress)
    workers.share([*model.variables, *model.optimizer.variables])
    refresh_constants(model)
    with Interrupt() as interrupt, progress, workers.watched(f"Start all of them again with `{command}`."):
        callbacks = [*watching, progress, interrupt, Lockstep(workers, interrupt), *saving]
        try:
            train(model, examples, plan, [target_ema(plan), *callbacks], waiting, workers)
        except KeyboardInterrupt:
            number = interrupt.received or signal.SIGINT
            raise Interrupted(number, f"`{command}` goes on from the last checkpoint") from None
        # One that came after the last meeting of the workers, of which only one of them knows.
        stopped_by = int(workers.exchanged([interrupt.received or 0]).max())
        found_by_all = workers.gathered(json.dumps(examples.skipped.reasons))
    with workers.together():
        if workers.is_chief:
            # A page that was written meanwhile shows a part of the run.
            _remove(folder.report)
            save_encoder(model, plan, folder)
            for found in found_by_all:
                examples.skipped.add(json.loads(found))
            _tell_of_skipped(examples, session)
    if stopped_by:
        workers.part()
        raise Interrupted(stopped_by, f"`{command}` goes on from here")


def _tell_of_skipped(examples: Examples, session: _Session) -> None:
    if count := examples.skipped.bad:
        say(session.console, f"skipped {count:,} of the {examples.skipped.many}: {session.folder.skipped} says why")


def _callbacks_of_chief(
    model: BYOL, session: _Session, waiting: Waiting, progress: Progress
) -> tuple[list[keras.callbacks.Callback], list[keras.callbacks.Callback]]:
    """What looks at the run, and what saves it, the model set back to where the run stands."""
    folder, config, plan = session.folder, session.config, session.plan
    monitors = _monitors(config, session.data, plan)
    watched, listeners = list(monitors.values()), [progress.hear]
    journal = Journal(folder, plan, target_ema(plan), config.log_every, waiting, watched, listeners)
    others = monitors | {"journal": journal}
    checkpoint = RunCheckpoint(folder.checkpoints, config.checkpoint_minutes, keep=config.keep, others=others)
    journal.cut(checkpoint.restore(model))
    # What an earlier session has left is not what the run comes to now.
    _remove(folder.encoder)
    return [*monitors.values(), journal], [checkpoint]


def _remove(path: str) -> None:
    if tf.io.gfile.exists(path):
        tf.io.gfile.remove(path)


def _monitors(config: PretrainConfig, data: RunData, plan: Plan) -> dict[str, Any]:
    """What watches the run: for collapse always, by neighbours where there are labels."""
    count = max(2, fitting(min(_PROBED, 8 * plan.batch_size), plan.shape))
    examples, _, _ = data.arrays(data.sample(count), plan)
    # Three passes forward, where each example of a step takes eight: about 1% of the time.
    examine_every = math.ceil(count / plan.batch_size * 3 / 8 / 0.01)
    monitors: dict[str, Any] = {"collapse": CollapseMonitor(config.on_collapse, examples, examine_every=examine_every)}
    every = math.ceil(plan.epochs / 10) if config.knn_every is None else config.knn_every
    if data.judged is not None and every:
        share = fitting(_BANK + _QUERIES, plan.shape) / (_BANK + _QUERIES)
        parts = data.judged.sample(math.ceil(_BANK * share), math.ceil(_QUERIES * share))
        (bank, labels, _), (queries, truth, _) = (data.arrays(part, plan) for part in parts)
        monitors["knn"] = KNNMonitor(bank, labels, queries, truth, every_epochs=every)
    return monitors
