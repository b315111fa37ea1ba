"""Looking at data and at runs: pictures of views, and the page."""

import warnings
from typing import Any

import numpy as np
import tensorflow as tf

from ..arguments import check_positive
from ..config import PretrainConfig
from ..report import preview, write_report
from ..viewing import make_pair
from .evaluating import labelled_data
from .finishing import report_material
from .loading import Run
from .plan import Plan
from .planning import make_plan
from .rundata import RunData

__all__ = ["preview_of", "report_again"]

_OF_DATA = ("data", "kind", "recipe", "views", "size", "seed", "data_dir", "label_key", "columns", "categorical")


def preview_of(options: Any) -> str:
    """Writes a picture of examples and their two views, and returns its path.

    Args:
        options: with `count`, `output`, `run`, and some fields of the configuration.
    """
    check_positive(count=options.count)
    if options.run is not None:
        run = Run(options.run)
        plan, data = run.plan, labelled_data(run, options.data, None, options.data_dir)
    else:
        config = PretrainConfig.of({name: getattr(options, name) for name in _OF_DATA})
        data = RunData(config)
        plan = make_plan(config, data, began=0.0)
    source = data.sample(options.count, options.seed)
    originals, _, _ = data.arrays(source, plan)
    views = make_pair(data.kind.views(plan), _prepared(originals, data, plan), (options.seed, 0))
    columns = [data.kind.drawn(examples, plan) for examples in (originals, *views)]
    return preview(*columns, options.output)


def _prepared(originals: np.ndarray, data: RunData, plan: Plan) -> Any:
    preprocessor = data.kind.preprocessor(plan)
    return tf.constant(originals) if preprocessor is None else preprocessor(tf.constant(originals))


def report_again(path: str) -> str:
    """Writes the page of a run from its folder; pictures are left out where the data can't be opened any more."""
    run = Run(path)
    try:
        material = report_material(run.model(), run.plan, RunData(run.config, known=run.plan.known))
    except ValueError as error:
        warnings.warn(f"The page is without pictures: {error}", stacklevel=2)
        material = None
    write_report(run.folder.path, material)
    return run.folder.report
