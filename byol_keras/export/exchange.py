"""ONNX files, for every runtime that is not TensorFlow's."""

import importlib.util
import os
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from ..arguments import check_positive
from .card import check_details
from .converting import as_saved_model, asked_by_default, check_numbers, publish, run
from .portable import Portable
from .soundness import warned_of

__all__ = ["onnx"]

# The newest that tf2onnx writes without a warning, and three years of runtimes read.
_OPSET = 17


def onnx(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    batch_size: int | None = None,
    normalize: bool = False,
    size: int | tuple[int, int] | None = None,
    details: Mapping[str, object] | None = None,
) -> str:
    """Writes an encoder as an ONNX file (needs the extra `onnx`), and returns its path.

    Input and output are those of `serving_default` in `bk.export.saved_model`. The conversion runs in a process of its
    own. Beside `NAME.onnx` lies `NAME.onnx.model_card.json`. The format has no spectrograms: of a `BYOL` on sound
    `model.encoder` can be written, which takes them ready-made; an input of one's own must be called `spectrogram`, or
    it is taken for pictures.

    Args:
        model: an encoder; a `BYOL`, of which the online encoder goes, behind its preprocessor; or a classifier of
            `bk.finetune`, whose vectors are probabilities.
        path: the file to write, ending in `.onnx`.
        batch_size: of every call, for runtimes that want it fixed. Default None: any.
        normalize: whether vectors are brought to length one. Default False.
        size: height and width of the pictures, where the encoder takes any. Default None: the encoder's own.
        details: further entries of the model card. Default None.

    Example:
    ```python
    bk.export.onnx(model.encoder, "encoder.onnx")
    ```
    """
    path = os.fspath(path)
    if not path.endswith(".onnx"):
        raise ValueError(f"`path` must end in .onnx. Received: path={path}")
    if importlib.util.find_spec("tf2onnx") is None:
        raise ImportError("ONNX files need the package tf2onnx: pip install 'byol-keras[onnx]'")
    if batch_size is not None:
        check_positive(batch_size=batch_size)
    check_details(details)
    portable = Portable(model, normalize, size)
    check_numbers(portable, "ONNX")
    _check_sound(portable)
    facts = {"opset": _OPSET, "batch_size": batch_size, "warnings": warned_of(portable)}
    signature = asked_by_default(portable, batch_size)
    with as_saved_model(portable, signature, path) as folder:
        source, draft = os.path.join(folder, "model"), os.path.join(folder, "model.onnx")
        options = ["--signature_def", "serving_default", "--opset", str(_OPSET), "--output", draft]
        run(["-m", "tf2onnx.convert", "--saved-model", source, *options], "ONNX")
        with open(draft, "rb") as file:
            content = _checked(file.read())
    return publish(path, content, portable, "onnx", signature, facts, details)


def _check_sound(portable: Portable) -> None:
    if portable.spectrograms:
        raise ValueError(
            "`model` must take spectrograms, since ONNX can't make them from waveforms: export `model.encoder`, or "
            f"write a SavedModel or a LiteRT file. Received: model={portable.name!r} with "
            f"{', '.join(portable.spectrograms)} inside"
        )


def _checked(content: bytes) -> bytes:
    """What tf2onnx wrote, in operations that ONNX has."""
    import onnx as package

    model = package.load_from_string(content)
    if any(node.op_type == "Erfc" for node in model.graph.node):
        _replace_erfc(model.graph)
        content = model.SerializeToString()
    _check_operations(model.graph)
    return content


def _replace_erfc(graph: Any) -> None:
    """Says `1 - Erf(x)` for the `Erfc(x)` in TensorFlow's exact GELU, which ONNX does not have."""
    import onnx as package

    one, nodes = "one_of_erfc", []
    graph.initializer.append(package.numpy_helper.from_array(np.float32(1.0), one))
    for node in graph.node:
        if node.op_type != "Erfc":
            nodes.append(node)
            continue
        inner = f"{node.output[0]}_erf"
        nodes.append(package.helper.make_node("Erf", node.input, [inner]))
        nodes.append(package.helper.make_node("Sub", [one, inner], node.output, name=node.name))
    del graph.node[:]
    graph.node.extend(nodes)


def _check_operations(graph: Any) -> None:
    """Refuses what tf2onnx writes all the same: operations that ONNX does not have."""
    import onnx as package

    known = {schema.name for schema in package.defs.get_all_schemas()}
    lacking = sorted(set(_operations(graph)) - known)
    if lacking:
        raise RuntimeError(f"the encoder can't be converted to ONNX: the format has no {', '.join(lacking)}")


def _operations(graph: Any) -> Iterator[str]:
    """Names of operations, those inside of loops and branches too."""
    for node in graph.node:
        yield node.op_type
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _operations(inner)
