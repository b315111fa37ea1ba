"""Whether exported files give what the encoder gives, each in its own runtime."""

import dataclasses
import json
import math
import os
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping

import keras
import numpy as np
import tensorflow as tf

from ..precision import restored_precision, set_precision
from ..writing import is_remote
from .judge import Judge, as_classes
from .portable import REPRESENTATION, Portable
from .runtimes import Runtime, open_artefact

__all__ = ["Check", "Verification", "verify"]

_DIFFERENCE = 1e-4
_COSINES = {"float16": 0.999, "int8": 0.95}
_KNN_LOSS = 0.02
_BATCHES = [1, 32]
_WARM, _TIMED = 3, 15


@dataclasses.dataclass(frozen=True)
class Check:
    """What one artefact gave.

    Args:
        artefact: its file or folder.
        runtime: what ran it.
        precision: `"float32"`, `"float16"` or `"int8"`, the coarsest of its weights.
        difference: largest one from the encoder's numbers, as a part of the encoder's largest number.
        cosine: mean similarity of an example's two vectors.
        centred_cosine: the same after the mean of all examples was taken away, which all vectors may share.
        knn: accuracy, None without labels, 0 for vectors with NaN or infinity.
        knn_before: accuracy of the encoder itself.
        megabytes: of the artefact.
        milliseconds: by batch size, medians.
        broken: the bounds that it breaks, in words.
    """

    artefact: str
    runtime: str
    precision: str
    difference: float
    cosine: float
    centred_cosine: float
    knn: float | None
    knn_before: float | None
    megabytes: float
    milliseconds: Mapping[int, float]
    broken: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Verification:
    """What `verify` found, one `Check` per artefact and runtime.

    Args:
        checks: in the order of the artefacts.
        examples: how many were compared.
    """

    checks: tuple[Check, ...]
    examples: int

    @property
    def ok(self) -> bool:
        """Whether every artefact keeps every bound."""
        return not any(check.broken for check in self.checks)

    def to_json(self) -> str:
        """All numbers as text; those that are NaN or infinite, which JSON has no word for, as null."""
        checks = [{key: _plain(value) for key, value in dataclasses.asdict(check).items()} for check in self.checks]
        content = {"checks": checks, "examples": self.examples, "ok": self.ok}
        return json.dumps(content, indent=2, allow_nan=False)


def verify(
    model: keras.Model,
    artefacts: str | os.PathLike | Iterable[str | os.PathLike],
    examples: object,
    labels: np.ndarray | None = None,
    *,
    normalize: bool = False,
    openvino: bool = False,
    k: int = 200,
    temperature: float = 0.1,
) -> Verification:
    """Runs exported files in their own runtimes on the same examples, and compares them with the encoder.

    SavedModels run in TensorFlow, `.tflite` files in LiteRT, `.onnx` files in ONNX Runtime. Bounds are: in float32 no
    number may differ by more than 1e-4 (of the largest); in float16 the centred cosine must reach 0.999, with int8
    weights 0.95; kNN accuracy may lose less than 2 points. An untrained encoder gives almost the same vector for every
    picture and proves nothing: verify a trained one.

    Args:
        model: what was exported: an encoder, a `BYOL`, or a classifier of `bk.finetune`.
        artefacts: folders with SavedModels, `.tflite` and `.onnx` files, or one of them.
        examples: inputs as the encoder takes them, a hundred or more.
        labels: their classes, five or more, for kNN: each fifth of the examples is asked about, the others answer.
            Default None.
        normalize: as it was exported. Default False.
        openvino: whether OpenVINO reads SavedModels and ONNX files as well, which must be local. Default False.
        k: neighbours of kNN. Default 200.
        temperature: of kNN. Default 0.1.

    Example:
    ```python
    found = bk.export.verify(encoder, ["serving/encoder/1", "encoder.tflite"], images, labels)
    assert found.ok, found.to_json()
    ```
    """
    readings = _readings(artefacts, openvino)
    with restored_precision():
        set_precision("float32")
        # With 10 bits of a number GPUs are faster, and further from other runtimes than the bounds.
        tf.config.experimental.enable_tensor_float_32_execution(False)
        portable = Portable(model, normalize)
        inputs = portable.examples(examples, "examples")
        labels = None if labels is None else as_classes(labels, inputs)
        _check_several(inputs)
        wanted = _in_keras(portable)(inputs)
        judge = Judge(wanted, labels, k, temperature)
        checks = [_check(path, reader, inputs, judge) for path, reader in readings]
    return Verification(tuple(checks), len(wanted))


def _check_several(inputs: Mapping[str, np.ndarray]) -> None:
    count = len(next(iter(inputs.values())))
    if count < 2:
        raise ValueError(
            f"`examples` must be two or more, a hundred better, to tell vectors from their mean. Received: {count}"
        )


def _in_keras(portable: Portable) -> Runtime:
    forward = tf.function(portable)

    def run(batch: Mapping[str, np.ndarray]) -> np.ndarray:
        return forward(*map(tf.constant, batch.values()))[REPRESENTATION].numpy()

    return Runtime("Keras", run, portable.inputs())


def _readings(
    artefacts: str | os.PathLike | Iterable[str | os.PathLike], openvino: bool
) -> list[tuple[str, str | None]]:
    paths = [os.fspath(path) for path in ([artefacts] if isinstance(artefacts, str | os.PathLike) else artefacts)]
    if not paths:
        raise ValueError("`artefacts` must name at least one exported file. Received: none")
    missing = [path for path in paths if not tf.io.gfile.exists(path)]
    if missing:
        raise ValueError(f"`artefacts` must be files and folders that exist. Received: {missing[0]}, which does not")
    if openvino and any(map(is_remote, paths)):
        raise ValueError(
            "`openvino` must be False for artefacts of a remote store, since OpenVINO reads local files only. "
            f"Received: openvino=True for {', '.join(filter(is_remote, paths))}"
        )
    readers = {path: [None, "openvino"] if openvino and not path.endswith(".tflite") else [None] for path in paths}
    return [(path, reader) for path in paths for reader in readers[path]]


def _check(path: str, reader: str | None, inputs: Mapping[str, np.ndarray], judge: Judge) -> Check:
    runtime = open_artefact(path, reader)
    inputs = _named(inputs, runtime, path)
    vectors = _vectors(runtime, path, inputs, judge.wanted.shape)
    found = Check(
        artefact=path,
        runtime=runtime.name,
        precision=runtime.precision,
        difference=judge.difference(vectors),
        cosine=judge.cosine(vectors, centred=False),
        centred_cosine=judge.cosine(vectors, centred=True),
        knn=judge.knn(vectors),
        knn_before=judge.knn_before,
        megabytes=_bytes(path) / 1e6,
        milliseconds={size: _time(runtime, inputs, size) for size in _sizes(runtime)},
    )
    return dataclasses.replace(found, broken=tuple(_broken(found)))


def _named(inputs: Mapping[str, np.ndarray], runtime: Runtime, path: str) -> dict[str, np.ndarray]:
    """The inputs by the names of an artefact, which is refused where it takes others."""
    if len(inputs) == len(runtime.inputs) == 1:
        # Keras numbers inputs without a name, and may do so anew when it loads an encoder.
        return dict(zip(runtime.inputs, inputs.values(), strict=True))
    if set(runtime.inputs) != set(inputs):
        raise ValueError(
            f"`artefacts` must take what the encoder takes: {', '.join(inputs)}. "
            f"Received: {path}, which takes {', '.join(runtime.inputs)}"
        )
    return dict(inputs)


def _vectors(runtime: Runtime, path: str, inputs: Mapping[str, np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """What an artefact gives, which is refused where its vectors are of another length than the encoder's."""
    vectors = runtime(inputs)
    if vectors.shape != shape:
        raise ValueError(
            f"`artefacts` must give vectors as long as the encoder's, of shape {shape}. "
            f"Received: {path}, which gives {vectors.shape}"
        )
    return vectors


def _broken(check: Check) -> Iterator[str]:
    if not math.isfinite(check.difference):
        yield "NaN or infinity among its numbers or the encoder's"
    elif check.precision == "float32" and not check.difference <= _DIFFERENCE:
        yield f"differs by {check.difference:.1e}, more than {_DIFFERENCE:.0e}"
    least = _COSINES.get(check.precision)
    if least is not None and not check.centred_cosine >= least:
        yield f"centred cosine {check.centred_cosine:.4f}, below {least}"
    if check.knn is not None and not check.knn_before - check.knn < _KNN_LOSS:
        yield f"kNN accuracy fell from {check.knn_before:.1%} to {check.knn:.1%}"


def _plain(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _sizes(runtime: Runtime) -> list[int]:
    return _BATCHES if runtime.batch_size is None else [runtime.batch_size]


def _time(runtime: Runtime, inputs: Mapping[str, np.ndarray], size: int) -> float:
    """Median milliseconds of a batch."""
    batch = {name: np.resize(values, (size, *values.shape[1:])) for name, values in inputs.items()}
    seconds = []
    for _ in range(_WARM + _TIMED):
        began = time.perf_counter()
        runtime.run(batch)
        seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(seconds[_WARM:])


def _bytes(path: str) -> int:
    if not tf.io.gfile.isdir(path):
        return tf.io.gfile.stat(path).length
    files = [os.path.join(folder, name) for folder, _, names in tf.io.gfile.walk(path) for name in names]
    return sum(tf.io.gfile.stat(file).length for file in files)
