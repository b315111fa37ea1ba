"""LiteRT (TFLite) files, for phones and small devices."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ..arguments import check_positive
from . import litert_program
from .card import check_details
from .converting import as_saved_model, asked_by_default, check_numbers, publish, run
from .portable import Portable
from .signatures import Signature
from .soundness import warned_of

__all__ = ["QUANTIZATIONS", "litert"]

QUANTIZATIONS = ("float32", "float16", "dynamic", "int8")
"""What `litert` takes."""


def litert(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    quantization: str = "float32",
    representative: object = None,
    integer: bool = False,
    batch_size: int | None = None,
    normalize: bool = False,
    size: int | tuple[int, int] | None = None,
    details: Mapping[str, object] | None = None,
) -> str:
    """Writes an encoder as a LiteRT file that needs no operations but LiteRT's own, and returns its path.

    | quantization | weights | computes in | size |
    |---|---|---|---|
    | `float32` | float32 | float32 | 1 |
    | `float16` | float16 | float32, or float16 on phones' GPUs | 1/2 |
    | `dynamic` | int8 | int8 and float32 | 1/4 |
    | `int8` | int8 | int8 | 1/4 |

    Input and output are floats unless `integer` is asked for. Unless it is, layers that make spectrograms, or bring
    columns of several units to one scale, compute in float32 even with `int8`: of 256 steps for all of their numbers
    only the largest would be left. The conversion runs in a process of its own. Beside `NAME.tflite` lies
    `NAME.tflite.model_card.json`.

    Args:
        model: an encoder; a `BYOL`, of which the online encoder goes, behind its preprocessor; or a classifier of
            `bk.finetune`, whose vectors are probabilities.
        path: the file to write, ending in `.tflite`.
        quantization: see above. Default `"float32"`.
        representative: for `"int8"` some hundred inputs such as the model was trained on, from which the ranges of its
            numbers are taken; the others take no account of them. Default None.
        integer: for `"int8"`, whether pixels go in as uint8 (other inputs as int8) and vectors come out as int8; the
            card says what they stand for. Default False.
        batch_size: of every call, for runtimes that want it fixed. Default None: any.
        normalize: whether vectors are brought to length one. Default False.
        size: height and width of the pictures, where the encoder takes any. Default None: the encoder's own.
        details: further entries of the model card. Default None.

    Example:
    ```python
    bk.export.litert(model.encoder, "encoder.tflite", quantization="int8", representative=images[:256])
    ```
    """
    path = os.fspath(path)
    _check(path, quantization, representative, integer, batch_size)
    check_details(details)
    portable = Portable(model, normalize, size)
    check_numbers(portable, "LiteRT")
    _check_recurrent(portable.encoder, quantization, batch_size)
    _check_sound(portable, quantization, integer)
    examples = None if representative is None else portable.examples(representative, "representative")
    warnings, signature = warned_of(portable), asked_by_default(portable, batch_size)
    integers = ("uint8" if portable.is_picture else "int8") if integer else None
    with as_saved_model(portable, signature, path) as folder:
        exact = [] if integer else [*portable.spectrograms, *portable.scaling]
        job = {"quantization": quantization, "integer": integers, "exact": exact}
        tensors, content = _converted(folder, job, examples, batch_size or 1)
    facts = {"quantization": quantization, "batch_size": batch_size, "tensors": tensors, "warnings": warnings}
    asked = signature if integers is None else _of_integers(signature, integers)
    return publish(path, content, portable, "litert", asked, facts, details)


def _check(path: str, quantization: str, representative: object, integer: bool, batch_size: int | None) -> None:
    if not path.endswith(".tflite"):
        raise ValueError(f"`path` must end in .tflite. Received: path={path}")
    if quantization not in QUANTIZATIONS:
        raise ValueError(f"`quantization` must be one of {[*QUANTIZATIONS]}. Received: quantization={quantization!r}")
    if quantization == "int8" and representative is None:
        raise ValueError(
            "`representative` must hold some inputs for int8, from which the ranges of numbers are taken. "
            "Received: representative=None"
        )
    if integer and quantization != "int8":
        raise ValueError(f"`integer` needs quantization='int8'. Received: quantization={quantization!r}")
    if batch_size is not None:
        check_positive(batch_size=batch_size)


def _of_integers(signature: Signature, dtype: str) -> Signature:
    inputs = {name: tf.TensorSpec(spec.shape, dtype, name) for name, spec in signature.inputs.items()}
    return signature._replace(inputs=inputs, meaning="integers; `tensors` says what they stand for")


def _check_recurrent(encoder: keras.Model, quantization: str, batch_size: int | None) -> None:
    """Refuses what the converter is known to fail at: loops over time with any batch, or in int8."""
    looped = [
        layer.name for layer in encoder._flatten_layers() if isinstance(layer, keras.layers.RNN) and not layer.unroll
    ]
    if looped and quantization == "int8":
        raise ValueError(
            "`quantization` can't be 'int8' for recurrent layers that loop: build them with `unroll=True`, or take "
            f"'dynamic'. Received: quantization='int8' for {', '.join(looped)}"
        )
    if looped and batch_size is None:
        raise ValueError(
            "`batch_size` must be fixed, best at 1, for recurrent layers that loop. "
            f"Received: batch_size=None for {', '.join(looped)}"
        )


def _check_sound(portable: Portable, quantization: str, integer: bool) -> None:
    """Refuses powers in eight bits, which are lost before their logarithm is taken."""
    if portable.spectrograms and (integer or quantization == "dynamic"):
        raise ValueError(
            "`quantization` must be 'float32', 'float16' or 'int8' without `integer` for a model that makes "
            "spectrograms, whose powers span too many orders of magnitude for eight bits: or export `model.encoder`, "
            "which takes spectrograms. "
            f"Received: quantization={quantization!r}, integer={integer} for {', '.join(portable.spectrograms)}"
        )


def _converted(folder: str, job: dict, examples: dict[str, np.ndarray] | None, batch_size: int) -> tuple[dict, bytes]:
    """What the converter says about its result, and the result."""
    job = job | {"saved_model": os.path.join(folder, "model"), "output": os.path.join(folder, "model.tflite")}
    if examples is not None:
        job["examples"] = os.path.join(folder, "examples.npz")
        np.savez(job["examples"], **{name: _in_batches(part, batch_size) for name, part in examples.items()})
    file = os.path.join(folder, "job.json")
    with open(file, "w") as opened:
        json.dump(job, opened)
    found = json.loads(run(["-c", Path(litert_program.__file__).read_text(), file], "LiteRT").splitlines()[-1])
    with open(job["output"], "rb") as opened:
        return found, opened.read()


def _in_batches(examples: np.ndarray, size: int) -> np.ndarray:
    """As batches of `size`, some examples twice where they do not come out even."""
    count = -(-len(examples) // size) * size
    return np.resize(examples, (count, *examples.shape[1:])).reshape(-1, size, *examples.shape[1:])
