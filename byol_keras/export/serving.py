"""SavedModels that TensorFlow Serving and plain TensorFlow load."""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping

import keras
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from ..writing import beside
from .card import check_details, write_card
from .portable import Portable
from .signatures import Signature, signatures_of
from .soundness import warned_of
from .warmup import checked_warmup, write_warmup

__all__ = ["new_version", "saved_model", "write_signatures"]

_VERSION = re.compile(r"[0-9]+")
# Of functions that XLA compiles, and that stay functions of their own.
_APART = ("_XlaMustCompile", "_noinline")


def saved_model(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    normalize: bool = False,
    size: int | tuple[int, int] | None = None,
    warmup: object = None,
    details: Mapping[str, object] | None = None,
) -> str:
    """Writes an encoder as a SavedModel in TensorFlow Serving's layout, and returns its folder.

    It loads with plain TensorFlow; neither Keras nor this library is needed. It computes in float32, whatever the model
    was trained in, and takes batches of any size. On a local disk it appears whole or not at all, so that a server may
    poll the folder; object stores copy it to its place file by file, where a server may see a part of it.

    | signature | takes | gives |
    |---|---|---|
    | `serving_default` | `pixels`, floats in [0, 1] | `representation`, a vector each |
    | `serving_uint8` | `pixels`, 0 to 255 | the same |
    | `serving_bytes` | `image_bytes`, JPEG or PNG files as strings | the same |
    | `features` | `pixels`, floats in [0, 1] | `stage_1`, `stage_2`, ..., maps from fine to coarse |

    An encoder of something else than pictures has `serving_default` alone, with inputs named as its own. One input of
    floats of height, width and channels is taken for pictures, unless it is called `spectrogram`. In `serving_bytes`
    one string that is no picture fails the request, with an error that says so; the server lives on. Beside the model
    lies `model_card.json`.

    Args:
        model: an encoder; a `BYOL`, of which the online encoder goes, behind its preprocessor; or a classifier of
            `bk.finetune`, whose vectors are probabilities.
        path: `NAME/VERSION` to write that version, which must not exist; or `NAME`, to which the next version is added.
        normalize: whether vectors are brought to length one. Default False.
        size: height and width of the pictures, or one number for both, where the encoder takes any. Default None: the
            encoder's own; one that takes any size has no `serving_bytes` then.
        warmup: some inputs that a server computes when it loads the model, so that the first request is as fast as the
            others (needs the extra `serving`). Default None.
        details: further entries of the model card, e.g. `{"training": {...}, "evaluation": {...}}`.

    Example:
    >>> import tempfile, tensorflow as tf
    >>> from byol_keras.encoders import small_resnet
    >>> folder = saved_model(small_resnet((32, 32, 3)), tempfile.mkdtemp() + "/encoder")
    >>> sorted(tf.saved_model.load(folder).signatures)
    ['features', 'serving_bytes', 'serving_default', 'serving_uint8']
    """
    check_details(details)
    portable = Portable(model, normalize, size)
    requests = None if warmup is None else checked_warmup(portable, warmup)
    signatures = signatures_of(portable)
    facts = {"warnings": warned_of(portable)}
    folder = new_version(os.fspath(path).rstrip("/"))
    tf.io.gfile.makedirs(os.path.dirname(folder) or ".")
    with beside(folder) as draft:
        write_signatures(portable, signatures, draft)
        if requests is not None:
            write_warmup(draft, _name(folder), requests)
        card = os.path.join(draft, "model_card.json")
        write_card(card, portable, "savedmodel", draft, signatures, facts, details)
    return folder


def write_signatures(portable: Portable, signatures: Mapping[str, Signature], folder: str) -> None:
    """Writes functions as the signatures of a SavedModel, with the weights that they use."""
    archive = keras.export.ExportArchive()
    # Tables of words are looked for in what is tracked. The weights of a layer that is tracked would be stored twice,
    # so the encoder comes wrapped in something that is none.
    wrapped = tf.Module()
    wrapped.encoder = portable.encoder
    archive.track(wrapped)
    with _for_any_device(portable.encoder):
        for name, signature in signatures.items():
            archive.add_endpoint(name, signature.function, input_signature=list(signature.inputs.values()))
        archive.write_out(folder, verbose=False)
    _free_of_xla(folder)


def _free_of_xla(folder: str) -> None:
    """Has a SavedModel compute without XLA, which its reader may not have.

    Keras asks for it where TensorFlow once lacked a kernel for processors. Grouped convolutions of pictures and series
    have one by now, those of volumes none: a model with any convolution of volumes goes as it is.
    """
    path = os.path.join(folder, "saved_model.pb")
    with tf.io.gfile.GFile(path, "rb") as file:
        content = SavedModel.FromString(file.read())
    functions = content.meta_graphs[0].graph_def.library.function
    if any(node.op == "Conv3D" for function in functions for node in function.node_def):
        return
    for function in functions:
        for attributes in (function.attr, *(node.attr for node in function.node_def)):
            for name in _APART:
                attributes.pop(name, None)
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(content.SerializeToString())


@contextlib.contextmanager
def _for_any_device(encoder: keras.Model) -> Iterator[None]:
    """Keeps recurrent layers from the kernels of the GPU that this machine may have: the file would need one too."""
    layers = [layer for layer in encoder._flatten_layers() if hasattr(layer, "use_cudnn")]
    chosen = [layer.use_cudnn for layer in layers]
    try:
        for layer in layers:
            layer.use_cudnn = False
        yield
    finally:
        for layer, choice in zip(layers, chosen, strict=True):
            layer.use_cudnn = choice


def _name(folder: str) -> str:
    """What a server calls the model: the folder that holds the versions."""
    return os.path.basename(os.path.dirname(os.path.abspath(folder)))


def new_version(path: str) -> str:
    """The folder to write: the version that was named, or the next one."""
    if _VERSION.fullmatch(os.path.basename(path)):
        if tf.io.gfile.exists(path):
            raise ValueError(
                f"`path` names a version that exists already: leave the number out to write the next one. "
                f"Received: path={path}"
            )
        return path
    there = tf.io.gfile.listdir(path) if tf.io.gfile.isdir(path) else []
    versions = [int(name.rstrip("/")) for name in there if _VERSION.fullmatch(name.rstrip("/"))]
    return os.path.join(path, str(max(versions, default=0) + 1))
