"""A run's encoder, written in the formats of production."""

import json
import os
import warnings
from functools import cached_property
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from .. import export
from ..evaluation import extract_features, verdict
from ..export.reduction import DIMS
from ..export.runtimes import check_packages
from ..report import read_run
from .evaluating import data_for
from .kinds.kind import fitting, sampled
from .loading import Run

__all__ = ["Exported", "export_run"]

# Enough for the ranges of int8, for a comparison, and for principal components; fewer where examples are large.
_REPRESENTATIVE, _WARMUP, _COMPARED, _FITTED, _ASKED = 256, 8, 2000, 5000, 1000


class Exported(NamedTuple):
    """What an export came to.

    Args:
        artefacts: paths of what was written.
        dims: sizes of smaller vectors with variance kept and kNN accuracy, empty if none were asked for.
        verification: None if it was not asked for.
    """

    artefacts: list[str]
    dims: list[tuple[int, float, float]]
    verification: export.Verification | None


def export_run(run: Run, options: Any) -> Exported:
    """Writes a run's encoder.

    Args:
        run: the run.
        options: with the fields of the command's `ExportOptions`.
    """
    if options.verify:
        check_packages([*options.formats, *(["openvino"] if options.openvino else [])])
    examples = _Examples(run, options)
    encoder, dims = run.encoder(options.network), []
    details = _provenance(run, options.network)
    if options.dim is not None:
        encoder, dims = _smaller(encoder, examples, options)
        details["reduction"] = {"dim": options.dim, "whiten": options.whiten}
    artefacts = _written(encoder, examples, options, options.output or run.folder.export, details)
    verification = None
    if options.verify:
        compared, labels = examples.labelled(_COMPARED)
        checks = {"normalize": options.normalize, "openvino": options.openvino}
        verification = export.verify(encoder, artefacts, compared, labels, **checks)
    return Exported(artefacts, dims, verification)


class _Examples:
    """Examples of the run, opened when they are first asked for."""

    def __init__(self, run: Run, options: Any) -> None:
        self._run, self._options = run, options

    @cached_property
    def _data(self) -> Any:
        return data_for(self._run, self._options.data, data_dir=self._options.data_dir)

    def some(self, count: int) -> np.ndarray:
        """Examples to learn from."""
        return self._data.arrays(self._data.sample(self._fitting(count)), self._run.plan)[0]

    def labelled(self, count: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Examples with labels, or without where there are none."""
        judged, size = self._data.judged, self._fitting(count)
        source = self._data.sample(size) if judged is None else sampled(judged.bank, size)
        found, labels, _ = self._data.arrays(source, self._run.plan)
        return found, labels if judged is not None else None

    def judged(self, bank: int, queries: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """A bank and queries with labels; empty without labels."""
        if self._data.judged is None:
            return []
        parts = self._data.judged.sample(self._fitting(bank), self._fitting(queries))
        return [self._data.arrays(part, self._run.plan)[:2] for part in parts]

    def _fitting(self, count: int) -> int:
        return fitting(count, self._run.plan.shape)


def _provenance(run: Run, network: str) -> dict[str, Any]:
    """What the card says about where an encoder comes from; a run that went wrong is warned of."""
    record, plan = read_run(run.folder.path), json.loads(run.plan.to_json())
    found = verdict(record.history)
    details: dict[str, Any] = {"network": network, "training": plan, "verdict": found.sentence}
    if record.judgement.rows:
        rows = [
            {"representation": row.representation, "judge": row.judge, "accuracy": row.accuracy}
            for row in record.judgement.rows
        ]
        details["evaluation"] = rows
    if found.state in ("collapsing", "collapsed"):
        sentence = f"the run did not end well: {found.sentence}"
        warnings.warn(sentence, stacklevel=2)
        details["warnings"] = [sentence]
    return details


def _smaller(encoder: keras.Model, examples: _Examples, options: Any) -> tuple[keras.Model, list]:
    """The encoder with a reduction behind it, and what other sizes would keep."""
    features = extract_features(encoder, examples.some(_FITTED))
    smaller = export.reduced(encoder, features, options.dim, options.whiten)
    parts = examples.judged(_FITTED, _ASKED)
    if not parts:
        return smaller, []
    (bank, bank_labels), (queries, labels) = ((extract_features(encoder, part), known) for part, known in parts)
    dims = (options.dim, *DIMS)
    return smaller, export.compare_dims(bank, bank_labels, queries, labels, dims, options.whiten)


def _written(encoder: keras.Model, examples: _Examples, options: Any, place: str, details: dict[str, Any]) -> list[str]:
    tf.io.gfile.makedirs(place)
    common = {"normalize": options.normalize, "details": details}
    if details["training"]["kind"] == "pictures":
        common["size"] = details["training"]["shape"][:2]
    paths = []
    for name in options.formats:
        if name == "savedmodel":
            warmup = examples.some(_WARMUP) if options.warmup else None
            paths.append(export.saved_model(encoder, os.path.join(place, "encoder"), warmup=warmup, **common))
        elif name == "onnx":
            path = os.path.join(place, "encoder.onnx")
            paths.append(export.onnx(encoder, path, batch_size=options.batch_size, **common))
        else:
            paths += _quantized(encoder, examples, options, place, common)
    return paths


def _quantized(encoder: keras.Model, examples: _Examples, options: Any, place: str, common: dict) -> list[str]:
    paths = []
    for quantization in options.quantizations:
        whole = quantization == "int8"
        path = export.litert(
            encoder,
            os.path.join(place, f"encoder-{quantization}.tflite"),
            quantization=quantization,
            representative=examples.some(_REPRESENTATIVE) if whole else None,
            integer=options.integer and whole,
            batch_size=options.batch_size,
            **common,
        )
        paths.append(path)
    return paths
