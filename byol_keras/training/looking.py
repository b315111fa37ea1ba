"""Looking at data and at runs: pictures of views, and the page."""

import warnings
from typing import Any

import numpy as np
import tensorflow as tf

from ..arguments import check_positive
from ..config import PretrainConfig
from ..report import preview, write_report
from ..viewing import make_pair
from .evaluating import data_for
from .finishing import report_material
from .loading import Run
from .plan import Plan
from .planning import make_plan
from .rundata import RunData

__all__ = ["preview_of", "report_again"]


def preview_of(config: PretrainConfig, run: str | None = None, count: int = 8, output: str = "preview.png") -> str:
    """Writes a picture of examples and their two views, and returns its path.

    Args:
        config: says whose views; with `run`, only its `data`, `data_dir` and `seed` count.
        run: folder of a run, to see its views. Default None: those that `pretrain` would take.
        count: how many examples.
        output: the file.
    """
    check_positive(count=count)
    if run is None:
        data = RunData(config)
        plan = make_plan(config, data)
    else:
        made = Run(run)
        plan, data = made.plan, data_for(made, config.data, data_dir=config.data_dir)
    source = data.sample(count, config.seed)
    originals, _, _ = data.arrays(source, plan)
    views = make_pair(data.kind.views(plan), _prepared(originals, data, plan), (config.seed, 0))
    columns = [data.kind.drawn(examples, plan) for examples in (originals, *views)]
    return preview(*columns, output)


def _prepared(originals: np.ndarray, data: RunData, plan: Plan) -> Any:
    preprocessor = data.kind.preprocessor(plan)
    return tf.constant(originals) if preprocessor is None else preprocessor(tf.constant(originals))


def report_again(path: str) -> str:
    """Writes the page of a run from its folder; pictures are left out where the data can't be opened any more."""
    run = Run(path)
    try:
        material = report_material(run.model(), run.plan, RunData(run.config, known=run.plan.known))
    except (ValueError, OSError, ImportError, tf.errors.OpError) as error:
        warnings.warn(f"The page is without pictures: {error}", stacklevel=2)
        material = None
    write_report(run.folder.path, material)
    return run.folder.report
