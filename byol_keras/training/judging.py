"""Labelled data that a run is judged by, and the judgement."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import keras
import numpy as np

from ..data import Examples, Source, matched_labels
from ..evaluation import Compression, Evaluation, compression_curve, extract_features, judge, pca, split_labelled
from .kinds.kind import chosen, sampled

__all__ = ["JudgeSet", "Judged", "Raw", "judge_encoders", "judge_set"]


_CURVE_BANK, _CURVE_QUERIES = 5000, 1000


class JudgeSet(NamedTuple):
    """Examples with classes: a bank that judges learn from, and queries that they are asked about.

    Args:
        bank: source with labels.
        queries: source with labels of the same classes.
    """

    bank: Source
    queries: Source

    def sample(self, bank: int, queries: int, seed: int = 0) -> "JudgeSet":
        """At most so many of each, for a quick look during training."""
        return JudgeSet(sampled(self.bank, bank, seed), sampled(self.queries, queries, seed))


def judge_set(training: Source, test: Source | None) -> JudgeSet | None:
    """What labels there are, as a bank and queries; None where there are none.

    With labels on both sides the bank is what the run learns from. Otherwise a fifth of each class is held out of the
    labels there are: training does not see any, so that nothing is given away. Labels of one class, or of examples
    that each are a class of their own, are none to judge by.

    Args:
        training: what the run learns from.
        test: a part of the same data that is kept for judging, or a set of its own. None where there is neither.
    """
    bank = _labelled(training)
    queries = None if test is None else _labelled(test)
    if _can_teach(bank) and queries is not None:
        return JudgeSet(bank, queries.relabelled(matched_labels(queries, bank.class_names), bank.class_names))
    both = bank if queries is None else queries
    if not _can_teach(both) or np.unique(both.labels, return_counts=True)[1].max() < 2:
        return None
    kept, held_out = split_labelled(both.labels)
    return JudgeSet(both.subset(kept), both.subset(held_out))


class Raw(NamedTuple):
    """The examples themselves as features.

    Args:
        name: what the table calls them.
        features: makes them, of a batch.
    """

    name: str
    features: Callable[[np.ndarray], np.ndarray]


class Judged(NamedTuple):
    """What judges say of several representations.

    Args:
        evaluation: their accuracies.
        compression: what is left of the last one when it is shortened.
    """

    evaluation: Evaluation
    compression: Compression


def judge_encoders(
    found: JudgeSet,
    encoders: Mapping[str, keras.Model],
    decode: Callable[[Source], Examples],
    raw: Raw,
    baselines: tuple[str, ...] = ("raw",),
    **options: object,
) -> Judged:
    """Judges encoders, and baselines that need no training, in one pass over the examples.

    Args:
        found: what to judge by.
        encoders: by the name that they have in the table, the one that matters last.
        decode: makes examples of a source, as the encoders take them.
        raw: the examples themselves.
        baselines: `"raw"`, `"pca"`. Default the first.
        **options: of `evaluation.judge`.
    """
    look: dict[str, Callable] = {"raw": raw.features} if baselines else {}
    look |= {
        name: lambda batch, model=model: extract_features(model, iter([batch])) for name, model in encoders.items()
    }
    bank, bank_labels = _encoded(found.bank, decode(found.bank), look)
    queries, query_labels = _encoded(found.queries, decode(found.queries), look)
    pairs = {name: (bank[name], queries[name]) for name in look}
    plain = pairs.pop("raw", None)
    baseline = {"raw": (raw.name, lambda: plain), "pca": ("pca", lambda: pca(*plain))}
    rows = {name: make() for name, make in (baseline[word] for word in baselines)} | pairs
    names = found.bank.class_names
    judged = judge(rows, bank_labels, query_labels, data=found.queries.name, class_names=names, **options)
    last, labels = pairs[[*encoders][-1]], (bank_labels, query_labels)
    neighbours = {name: options[name] for name in ("k", "temperature") if name in options}
    return Judged(judged, _compression(*last, *labels, **neighbours))


def _compression(
    bank: np.ndarray, queries: np.ndarray, bank_labels: np.ndarray, query_labels: np.ndarray, **neighbours: object
) -> Compression:
    """The curve on some of the examples: it looks for neighbours a dozen times."""
    some, asked = chosen(len(bank), _CURVE_BANK), chosen(len(queries), _CURVE_QUERIES)
    return compression_curve(bank[some], bank_labels[some], queries[asked], query_labels[asked], **neighbours)


def _encoded(source: Source, examples: Examples, look: Mapping[str, Callable]) -> tuple[dict, np.ndarray]:
    parts: dict[str, list] = {name: [] for name in look}
    kept = []
    with examples.skipped.explained():
        for batch, indices in examples.whole(256):
            kept.append(indices.numpy())
            for name, features in look.items():
                parts[name].append(features(batch))
    if not kept:
        raise examples.skipped.none_left(source.name)
    return {name: np.concatenate(part) for name, part in parts.items()}, source.labels[np.concatenate(kept)]


def _labelled(source: Source) -> Source | None:
    if source.labels is None:
        return None
    known = np.flatnonzero(source.labels >= 0)
    return source.subset(known) if len(known) else None


def _can_teach(bank: Source | None) -> bool:
    """Whether there is something to tell apart."""
    return bank is not None and len(np.unique(bank.labels)) > 1
