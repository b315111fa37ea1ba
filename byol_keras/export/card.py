"""The model card: what a file takes and gives, where it comes from, and whether it is whole."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping

import keras
import tensorflow as tf

from ..version import __version__
from ..writing import write_text
from .portable import REPRESENTATION, Portable
from .signatures import Signature

__all__ = ["check_details", "write_card"]

_CHUNK = 2**20


def check_details(details: Mapping[str, object] | None) -> None:
    """Refuses entries that a card can't hold, before anything is written.

    Args:
        details: as in `write_card`.
    """
    try:
        json.dumps(details, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`details` must be what JSON can say. Received: details={details} ({error})") from error
    if details is None:
        return
    if not isinstance(details, Mapping) or not isinstance(details.get("warnings", []), list):
        raise ValueError(
            f"`details` must be a mapping of entries, of which `warnings` is a list. Received: details={details}"
        )


def write_card(
    path: str,
    portable: Portable,
    kind: str,
    artefact: str,
    signatures: Mapping[str, Signature],
    facts: Mapping[str, object],
    details: Mapping[str, object] | None = None,
) -> None:
    """Writes what there is to know about an artefact as JSON.

    Args:
        path: the file to write.
        portable: the encoder that it was made of.
        kind: `"savedmodel"`, `"litert"`, `"onnx"` or `"streaming"`.
        artefact: the file, or the folder, whose checksums are taken.
        signatures: what it can be asked.
        facts: what its format adds, and `warnings`.
        details: further entries, such as training and evaluation; `warnings` join the others.
    """
    details = dict(details or {})
    warnings = [*facts.get("warnings", []), *details.pop("warnings", [])]
    card = {
        "name": portable.name,
        "format": kind,
        "inputs": {name: _described(signature) for name, signature in signatures.items()},
        "output": {"name": REPRESENTATION, "size": portable.width, "unit_length": portable.normalized},
        **facts,
        **details,
        "warnings": warnings,
        "made_with": {"byol_keras": __version__, "keras": keras.__version__, "tensorflow": tf.__version__},
        "sha256": {name: _checksum(file) for name, file in _files(artefact)},
    }
    write_text(path, json.dumps(card, indent=2, allow_nan=False) + "\n")


def _described(signature: Signature) -> dict[str, object]:
    specs = signature.inputs.items()
    takes = {name: {"dtype": spec.dtype.name, "shape": spec.shape.as_list()} for name, spec in specs}
    return {"takes": takes, "meaning": signature.meaning}


def _files(artefact: str) -> Iterator[tuple[str, str]]:
    if not tf.io.gfile.isdir(artefact):
        yield os.path.basename(artefact), artefact
        return
    for folder, _, names in tf.io.gfile.walk(artefact):
        for name in sorted(names):
            file = os.path.join(folder, name)
            yield os.path.relpath(file, artefact), file


def _checksum(file: str) -> str:
    digest = hashlib.sha256()
    with tf.io.gfile.GFile(file, "rb") as opened:
        while chunk := opened.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
