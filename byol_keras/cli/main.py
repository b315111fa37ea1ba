"""From the words of a command line to one command, and from whatever happens to an exit code."""

import importlib
import os
import re
import signal
import sys
import warnings
from collections.abc import Sequence

import tensorflow as tf

from ..arguments import did_you_mean
from ..precision import restored_precision
from ..version import __version__
from .parsing import UsageError

__all__ = ["COMMANDS", "command", "main"]

# What TensorFlow puts around the words of an error, and before them where a graph was run.
_BY_TENSORFLOW = re.compile(r"\{\{function_node [^}]*\}\} ?|\[\[[^]]*\]\]|\[Op:\w+\] ?(name:.*)?|\x1b\[\d*m")
_TRACES = re.compile(
    r'^(?:Graph execution error:|Detected at node .*|<stack traces unavailable>|  File ".*(?:\n    .*)?)\n+',
    re.MULTILINE,
)
# What its file systems say: the user's disk or store, not our mistake.
_OF_FILES = (
    *(tf.errors.NotFoundError, tf.errors.AlreadyExistsError, tf.errors.FailedPreconditionError),
    *(tf.errors.PermissionDeniedError, tf.errors.UnauthenticatedError, tf.errors.ResourceExhaustedError),
    *(tf.errors.UnavailableError, tf.errors.DeadlineExceededError, tf.errors.DataLossError),
    tf.errors.UnimplementedError,
)
_NO_MEMORY = re.compile(r"\bOOM\b|out of memory|failed to allocate", re.IGNORECASE)
# Each command is a module of this package with a function `run(arguments)`.
COMMANDS = {
    "demo": "see it learn, on pictures that it makes itself",
    "pretrain": "learn an encoder from unlabelled data",
    "evaluate": "judge an encoder by labels",
    "embed": "write the features of examples to a file",
    "export": "write an encoder for servers, phones and other runtimes",
    "preview": "show what the network sees: pairs of views as a picture",
    "report": "write a run's page again",
    "bench": "find what limits the speed: data, step, or both",
    "doctor": "look at this machine, and at data before it is trained on",
}


def command() -> None:
    """`main` as a process: ends it with the exit code."""
    try:
        code = main()
    except SystemExit as stop:
        code = stop.code or 0
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        # Nobody reads on, or the disk is full.
        code = code or 1
    # At once: TensorFlow's threads may still be decoding pictures that nobody will see.
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0, 1 if it failed, 2 for wrong usage, 130 or 143 if stopped.

    Args:
        arguments: the words after `byol-keras`. Default: those of this process.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    arguments = [word for word in arguments if word != "--debug"]
    try:
        with warnings.catch_warnings(), restored_precision():
            if not debug:
                warnings.showwarning = _show_warning
            return _dispatch(arguments)
    except KeyboardInterrupt:
        if debug:
            raise
        print("byol-keras: stopped", file=sys.stderr)
        return 128 + signal.SIGINT
    except Exception as error:
        if debug:
            raise
        print(f"byol-keras: {_sentence(error)}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else getattr(error, "exit_code", 1)


def _dispatch(arguments: list[str]) -> int:
    if not arguments:
        print(_help(), file=sys.stderr)
        return 2
    name, *rest = arguments
    if name in ("-h", "--help"):
        print(_help())
        return 0
    if name == "--version":
        print(f"byol-keras {__version__}")
        return 0
    if name not in COMMANDS:
        raise UsageError(f"`{name}` is not a command.{did_you_mean(name, COMMANDS)}")
    return importlib.import_module(f".{name}", __package__).run(rest)


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items()]
    return "\n".join(
        [
            "usage: byol-keras COMMAND [OPTIONS]",
            "",
            "Encoders from unlabelled data, with BYOL on Keras.",
            "",
            *lines,
            "",
            "byol-keras COMMAND --help shows the options of one. --debug shows where an error comes from.",
        ]
    )


def _sentence(error: Exception) -> str:
    text = getattr(error, "message", None) or str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    if isinstance(error, tf.errors.ResourceExhaustedError) and _NO_MEMORY.search(str(text)):
        return "the device has too little memory: lower the size of batches or of examples (`--batch-size`, `--size`)"
    # The user of a command knows the source of pictures as `--data`.
    text = " ".join(_BY_TENSORFLOW.sub("", _TRACES.sub("", str(text))).split()).replace("`source`", "`data`")
    expected = isinstance(error, (ValueError, TypeError, OSError, ImportError, *_OF_FILES))
    expected |= hasattr(error, "exit_code")
    return text if expected else f"{type(error).__name__}: {text} (--debug shows where)"


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"byol-keras: warning: {' '.join(str(message).split())}", file=sys.stderr)
