"""What a run leaves behind: an encoder, a judgement, a page."""

import os
from functools import partial
from typing import Any

import tensorflow as tf

from ..config import PretrainConfig
from ..evaluation import extract_features, table
from ..export import behind
from ..model import BYOL
from ..report import Material, write_report
from ..writing import beside
from .building import initial_encoder
from .folder import RunFolder
from .initial import beginning_called
from .judging import judge_encoders
from .kinds import kind_of
from .kinds.kind import fitting, sampled
from .plan import Plan
from .progress import say
from .rundata import RunData

__all__ = ["finish", "report_material", "save_encoder"]

_SHOWN, _PAIRS = 600, 12
# Of more the features of three representations, side by side, would not fit into memory.
_BANK, _QUERIES = 50_000, 10_000


def finish(folder: RunFolder, model: BYOL, plan: Plan, config: PretrainConfig, data: RunData, console: Any) -> None:
    """Judges a trained model where there are labels, and writes the run's page."""
    if data.judged is not None:
        judged = data.judged.sample(_BANK, _QUERIES)
        words = data.kind.words
        share = "" if judged == data.judged else f" on {len(judged.bank):,} and {len(judged.queries):,} {words.many}"
        beginning = beginning_called(config.init_from)
        say(console, f"judging the encoder beside the {beginning} one and {words.raw}{share}")
        encoders = {beginning: initial_encoder(plan, folder.initial(config)), "online": model.encoder}
        encoders = {name: behind(model.preprocessor, encoder) for name, encoder in encoders.items()}
        whole = partial(data.whole, plan=plan)
        evaluation, curve = judge_encoders(judged, encoders, whole, data.raw(plan), judges=("knn", "linear"))
        evaluation.save(folder.evaluation)
        curve.save(folder.compression)
        console.print(table(evaluation))
    write_report(folder.path, report_material(model, plan, data))
    say(console, f"report: {folder.report}\nencoder: {folder.encoder}")


def save_encoder(model: BYOL, plan: Plan, folder: RunFolder) -> None:
    """Writes the online encoder as it is now, from raw examples to vectors."""
    encoder = kind_of(plan.kind).finished(model.encoder, plan)
    with beside(folder.encoder, suffix=".keras") as draft:
        behind(model.preprocessor, encoder).save(draft)


def report_material(model: BYOL, plan: Plan, data: RunData) -> Material:
    """A sample of examples, what the encoder makes of them, and some pairs of views."""
    shown = fitting(_SHOWN, plan.shape)
    source = data.sample(shown) if data.judged is None else sampled(data.judged.queries, shown)
    examples, labels, kept = data.arrays(source, plan)
    some, _, _ = data.arrays(data.sample(_PAIRS), plan)
    first, second = (data.kind.drawn(view, plan) for view in model.views_of(tf.constant(some), (plan.seed, 0)))
    return Material(
        pictures=data.kind.drawn(examples, plan),
        features=extract_features(model, examples),
        labels=labels,
        class_names=source.class_names,
        names=[os.path.basename(source.path(int(index))) for index in kept],
        view_pairs=(first, second),
        words=data.kind.words,
    )
