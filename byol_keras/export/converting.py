"""Conversions of a SavedModel in a process of their own, whose end is a sentence and not the end of this one."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence

import tensorflow as tf

from ..writing import replace_file
from .card import write_card
from .portable import Portable
from .serving import write_signatures
from .signatures import Signature, default_signature

__all__ = ["as_saved_model", "asked_by_default", "check_numbers", "publish", "run"]

_SHOWN = 300


def check_numbers(portable: Portable, name: str) -> None:
    """Refuses a model that takes strings: only TensorFlow makes numbers of them.

    Args:
        portable: the encoder.
        name: of the format, for the error message.
    """
    if any(spec.dtype == tf.string for spec in portable.inputs().values()):
        raise ValueError(
            f"`model` must take numbers to become a file of {name}, which knows no strings: export `model.encoder` "
            "alone and give it the ids that `model.preprocessor` makes, or take `bk.export.saved_model`. "
            f"Received: model={portable.name!r}, which takes strings"
        )


def asked_by_default(portable: Portable, batch_size: int | None) -> Signature:
    """What a converted file can be asked: `serving_default`.

    Args:
        portable: the encoder; pictures must have a known size.
        batch_size: None for any.
    """
    signature = default_signature(portable, batch_size)
    if any(None in spec.shape[1:] for spec in signature.inputs.values()) and portable.is_picture:
        raise ValueError(
            "`size` must be given: the encoder takes pictures of any size, the format those of one. Received: size=None"
        )
    return signature


@contextlib.contextmanager
def as_saved_model(portable: Portable, signature: Signature, path: str) -> Iterator[str]:
    """A folder for drafts that holds `model`, a SavedModel with `serving_default` alone; it vanishes with the block.

    Args:
        portable: the encoder.
        signature: from `asked_by_default`.
        path: of the file that will be made of it; its folder is made first, so that a bad place is noticed at once.
    """
    tf.io.gfile.makedirs(os.path.dirname(path) or ".")
    with tempfile.TemporaryDirectory() as folder:
        write_signatures(portable, {"serving_default": signature}, os.path.join(folder, "model"))
        yield folder


def run(words: Sequence[str], name: str) -> str:
    """Runs Python with these words and returns what it printed; its failure is a `RuntimeError` that names the cause.

    Args:
        words: behind `python`.
        name: of the format, for the error message.
    """
    # The child finds what this process finds, wherever it was started, and leaves accelerators alone.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the encoder can't be converted to {name}: {_reason(done)}")
    return done.stdout


def publish(
    path: str,
    content: bytes,
    portable: Portable,
    kind: str,
    signature: Signature,
    facts: Mapping[str, object],
    details: Mapping[str, object] | None,
) -> str:
    """Writes a converted file and, beside it, its card `FILE.model_card.json`; returns its path.

    Args:
        path: of the file.
        content: of the file.
        portable: what it was made of.
        kind: as the card names it.
        signature: what the file takes.
        facts: as in `write_card`.
        details: as in `write_card`.
    """
    replace_file(path, lambda file: file.write(content))
    write_card(f"{path}.model_card.json", portable, kind, path, {"serving_default": signature}, facts, details)
    return path


def _reason(done: subprocess.CompletedProcess) -> str:
    if done.returncode < 0:
        return f"the converter crashed ({signal.Signals(-done.returncode).name})"
    lacking = sorted(set(re.findall(r"'tf\.(\w+)' op", done.stderr)))
    if lacking:
        return f"the format has no {', '.join(lacking)}"
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return (lines[-1] if lines else f"the converter ended with code {done.returncode}")[:_SHOWN]
