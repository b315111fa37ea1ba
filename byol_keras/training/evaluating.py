"""Judging a run after it was trained."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..evaluation import Row, subset
from ..evaluation.judging import JUDGES
from ..finetuning import finetuned_predictions
from .initial import beginning_called
from .judging import Judged, JudgeSet, judge_encoders
from .loading import Run
from .rivals import RIVALS, rivals
from .rundata import RunData

__all__ = ["BASELINES", "check_words", "data_for", "evaluate_run"]

BASELINES = ("raw", "pca", "untrained", *RIVALS)
"""What may stand beside an encoder in the table."""
_JUDGE = re.compile(r"knn|linear|(?:linear|finetune) (\d+(?:\.\d+)?)%")


def evaluate_run(
    run: Run,
    data: RunData,
    network: str = "online",
    baselines: Sequence[str] = ("raw", "untrained"),
    judges: Sequence[str] = JUDGES,
    k: int = 200,
    temperature: float = 0.1,
    seed: int = 0,
    baseline_epochs: int = 30,
) -> Judged:
    """Judges a run's encoder on labelled data.

    Args:
        run: what to judge.
        data: with labels.
        network: `"online"` or `"target"`.
        baselines: what to judge beside it: `"raw"` for the examples themselves, `"pca"` of them; the network
            `"untrained"` (called initial where the run has started from a trained one), trained to rebuild its input
            (`"reconstruction"`), to foretell the next step of a series (`"next_step"`), or to tell classes
            (`"supervised"`).
        judges: as in `evaluation.judge`, and `"finetune P%"`, which trains the whole network on P percent of the
            bank's labels.
        k: neighbours of kNN.
        temperature: of kNN.
        seed: what the choice of few labels depends on.
        baseline_epochs: how often baselines that learn see the labelled examples.
    """
    check_words(baselines, judges)
    found = _judges_of(data)
    encoders = {beginning_called(run.config.init_from): run.untrained()} if "untrained" in baselines else {}
    learned = [name for name in baselines if name in RIVALS]
    encoders |= rivals(run, data, found.bank, learned, baseline_epochs, seed)
    encoders[network] = run.encoder(network)
    frozen = [judge for judge in judges if not judge.startswith("finetune")]
    plain = tuple(name for name in baselines if name in ("raw", "pca"))
    evaluation, curve = judge_encoders(
        found,
        encoders,
        lambda source: data.whole(source, run.plan),
        data.raw(run.plan),
        plain,
        judges=frozen,
        k=k,
        temperature=temperature,
        seed=seed,
    )
    tuned = [judge for judge in judges if judge.startswith("finetune")]
    return Judged(evaluation.plus(_finetuned(run, data, found, encoders, tuned, seed)), curve)


def data_for(run: Run, data: str | None = None, labels: str | None = None, data_dir: str | None = None) -> RunData:
    """What a run's encoder is to look at: the data that it was made with, or another source.

    Args:
        run: whose encoder it is.
        data: a source. Default None: what the run was made with.
        labels: CSV file for a folder. Default None: what the source brings.
        data_dir: of tensorflow-datasets. Default None: as the run had it.
    """
    config = run.config
    if data is not None:
        config = replace(config, data=data, test_data=None, labels=labels)
    elif labels is not None:
        config = replace(config, labels=labels)
    return RunData(replace(config, data_dir=data_dir or config.data_dir), known=run.plan.known)


def _judges_of(data: RunData) -> JudgeSet:
    if data.judged is None:
        raise ValueError(
            "`data` must have labels of two classes or more: sub-folders named after them, a CSV file in `labels`, a "
            f"column of a table, or a labelled dataset. Received: {data.source.name} without"
        )
    return data.judged


def check_words(baselines: Sequence[str], judges: Sequence[str]) -> None:
    """Refuses names of baselines and judges that there are not."""
    for name in baselines:
        if name not in BASELINES:
            raise ValueError(f"`baselines` must be of {', '.join(BASELINES)}. Received: {name!r}")
    for judge in judges:
        found = _JUDGE.fullmatch(judge)
        if found is None or not 0.0 < float(found[1] or 1.0) <= 100.0:
            raise ValueError(f"`judges` must be knn, linear, 'linear P%' or 'finetune P%'. Received: {judge!r}")


def _finetuned(run: Run, data: RunData, found: JudgeSet, encoders: dict, judges: Sequence[str], seed: int) -> list[Row]:
    """What the whole network reaches when it is trained on a share of the labels."""
    if not judges:
        return []
    queries, truth, _ = data.arrays(found.queries, run.plan)
    rows = []
    for judge in judges:
        share = float(_JUDGE.fullmatch(judge)[1]) / 100.0
        few = found.bank.subset(subset(found.bank.labels, share, seed))
        examples, labels, _ = data.arrays(few, run.plan)
        for name, encoder in encoders.items():
            correct = finetuned_predictions(encoder, examples, labels, queries, seed=seed) == truth
            rows.append(Row.measured(name, judge, np.asarray(correct)))
    return rows
