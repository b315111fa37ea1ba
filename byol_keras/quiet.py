"""A command's output is its own: TensorFlow's greetings are left out of it."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["is_command", "stopped_quietly", "without_greetings", "without_remarks"]


def is_command() -> bool:
    """Whether this process is `byol-keras` or `python -m byol_keras`, and not somebody's program."""
    return Path(sys.argv[0]).stem == "byol-keras" or sys.orig_argv[1:3] == ["-m", "byol_keras"]


@contextlib.contextmanager
def stopped_quietly() -> Iterator[None]:
    """Inside, Ctrl-C ends a command that is still being imported as it would end one that runs."""
    before = signal.signal(signal.SIGINT, lambda *_: os._exit(128 + signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def without_greetings() -> Iterator[None]:
    """Keeps TensorFlow from logging, while it is imported and afterwards; what fails still raises.

    Its first lines are written before any log level counts, by C++ code, straight to the standard error stream: that
    is closed for so long. Its errors are left out too, since one of them is that a machine has no GPU; `doctor` shows
    which devices it found. Whoever sets TF_CPP_MIN_LOG_LEVEL gets to see everything.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with _closed_stderr():
        yield


@contextlib.contextmanager
def without_remarks() -> Iterator[None]:
    """Keeps other C++ code from writing to a command's standard error stream; what fails inside still raises."""
    if not is_command():
        yield
        return
    with _closed_stderr():
        yield


@contextlib.contextmanager
def _closed_stderr() -> Iterator[None]:
    # None where whoever called has closed it.
    if sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
