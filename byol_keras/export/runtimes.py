"""Exported files, each run by a runtime of its own."""

import importlib
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ..quiet import without_remarks
from ..threads import cores
from .portable import REPRESENTATION

__all__ = ["Runtime", "check_packages", "open_artefact"]

_PACKAGES = {"litert": "ai_edge_litert.interpreter", "onnx": "onnxruntime", "openvino": "openvino"}


class Runtime:
    """An artefact that is loaded and can be asked.

    Args:
        name: of what runs it.
        run: from inputs by name to vectors, for as many examples as `batch_size` says.
        inputs: their names.
        batch_size: that it is made for, None for any.
        precision: `"float32"`, `"float16"` or `"int8"`, the coarsest of its weights.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[Mapping[str, np.ndarray]], np.ndarray],
        inputs: Collection[str],
        batch_size: int | None = None,
        precision: str = "float32",
    ) -> None:
        self.name, self.run, self.inputs = name, run, inputs
        self.batch_size, self.precision = batch_size, precision

    def __call__(self, examples: Mapping[str, np.ndarray], batch_size: int = 32) -> np.ndarray:
        """The vectors of any number of examples; the last batch is filled up where the size of batches is fixed."""
        size = self.batch_size or batch_size
        count = len(next(iter(examples.values())))
        parts = []
        for start in range(0, count, size):
            batch = {name: values[start : start + size] for name, values in examples.items()}
            if self.batch_size is not None:
                batch = {name: np.resize(values, (size, *values.shape[1:])) for name, values in batch.items()}
            parts.append(np.array(self.run(batch)))
        return np.concatenate(parts)[:count]


def open_artefact(path: str | os.PathLike, reader: str | None = None) -> Runtime:
    """Loads an artefact into the runtime that it was made for.

    Args:
        path: a folder with a SavedModel, a `.tflite` or an `.onnx` file.
        reader: `"openvino"` to have that read a SavedModel or ONNX file instead. Default None.
    """
    path = os.fspath(path)
    if reader == "openvino":
        return _openvino(path)
    if path.endswith(".tflite"):
        return _litert(path)
    if path.endswith(".onnx"):
        return _onnxruntime(path)
    if tf.io.gfile.exists(os.path.join(path, "saved_model.pb")):
        return _tensorflow(path)
    raise ValueError(f"`artefacts` must be folders with a saved_model.pb, .tflite or .onnx files. Received: {path}")


def _tensorflow(path: str) -> Runtime:
    # The signature lives as long as the model that it belongs to is held.
    loaded = tf.saved_model.load(path)
    inputs = loaded.signatures["serving_default"].structured_input_signature[1]

    def run(batch: Mapping[str, np.ndarray]) -> np.ndarray:
        asked = loaded.signatures["serving_default"]
        return asked(**{name: tf.constant(values) for name, values in batch.items()})[REPRESENTATION].numpy()

    return Runtime("TensorFlow", run, inputs)


def _litert(path: str) -> Runtime:
    package = _package("litert")
    with without_remarks():
        # Of itself it would use one core, where the other runtimes use all.
        interpreter = package.Interpreter(model_content=_content(path), num_threads=cores())
    inputs = {_plain(detail["name"]): detail for detail in interpreter.get_input_details()}
    (output,) = interpreter.get_output_details()
    size = int(output["shape_signature"][0])
    shapes: dict[str, tuple] = {}

    def run(batch: Mapping[str, np.ndarray]) -> np.ndarray:
        if shapes != {name: values.shape for name, values in batch.items()}:
            for name, values in batch.items():
                shapes[name] = values.shape
                interpreter.resize_tensor_input(inputs[name]["index"], values.shape)
            with without_remarks():
                interpreter.allocate_tensors()
        for name, values in batch.items():
            interpreter.set_tensor(inputs[name]["index"], _as_integers(values, inputs[name]))
        interpreter.invoke()
        return _as_floats(interpreter.get_tensor(output["index"]), output)

    return Runtime("LiteRT", run, inputs, size if size > 0 else None, _coarsest(interpreter))


def _coarsest(interpreter: Any) -> str:
    types = {np.dtype(detail["dtype"]).name for detail in interpreter.get_tensor_details()}
    return next((name for name in ("int8", "float16") if name in types), "float32")


def _plain(name: str) -> str:
    """`serving_default_pixels:0` is `pixels` to everybody else."""
    return name.removeprefix("serving_default_").split(":")[0]


def _as_integers(values: np.ndarray, detail: dict) -> np.ndarray:
    scale, zero_point = detail["quantization"]
    if not scale:
        return values.astype(detail["dtype"])
    limits = np.iinfo(detail["dtype"])
    return np.clip(np.round(values / scale) + zero_point, limits.min, limits.max).astype(detail["dtype"])


def _as_floats(values: np.ndarray, detail: dict) -> np.ndarray:
    scale, zero_point = detail["quantization"]
    return (values.astype("float32") - zero_point) * np.float32(scale) if scale else values


def _onnxruntime(path: str) -> Runtime:
    package = _package("onnx")
    session = package.InferenceSession(_content(path), providers=["CPUExecutionProvider"])
    inputs = {given.name: given.shape[0] for given in session.get_inputs()}
    size = next(iter(inputs.values()))
    fixed = size if isinstance(size, int) else None
    return Runtime("ONNX Runtime", lambda batch: session.run([REPRESENTATION], dict(batch))[0], inputs, fixed)


def _openvino(path: str) -> Runtime:
    package = _package("openvino")
    # By itself it may choose bfloat16.
    compiled = package.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    inputs = [given.any_name for given in compiled.inputs]
    size = compiled.inputs[0].partial_shape[0]
    fixed = size.get_length() if size.is_static else None
    return Runtime("OpenVINO", lambda batch: compiled(dict(batch))[0], inputs, fixed)


def _content(path: str) -> bytes:
    """Of a file in any store; the runtimes themselves open local ones only."""
    with tf.io.gfile.GFile(path, "rb") as file:
        return file.read()


def check_packages(extras: Iterable[str]) -> None:
    """Refuses to begin where what runs these formats is not installed.

    Args:
        extras: of `"litert"`, `"onnx"` and `"openvino"`; what needs no package may be among them.
    """
    for extra in extras:
        if extra in _PACKAGES:
            _package(extra)


def _package(extra: str) -> Any:
    try:
        return importlib.import_module(_PACKAGES[extra])
    except ImportError as error:
        package = _PACKAGES[extra].split(".")[0].replace("_", "-")
        raise ImportError(
            f"`verify` runs these files with the package {package}: pip install 'byol-keras[{extra}]'"
        ) from error
