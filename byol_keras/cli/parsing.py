"""Flags and YAML from one typed configuration, with errors of one sentence."""

import argparse
import dataclasses
import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ..arguments import did_you_mean
from ..config import PretrainConfig

__all__ = ["UsageError", "config_of", "listed", "parse", "parser_of", "require", "require_data", "require_positive"]


class UsageError(ValueError):
    """A command line that can't be understood."""


def parser_of(command: str, summary: str, options: type | None = None, leave_out: Sequence[str] = ()) -> Any:
    """A parser for one command.

    Args:
        command: its name.
        summary: what it does, for the help.
        options: a dataclass whose fields become flags, and keys of a `--config` file; help is in their metadata.
        leave_out: fields that this command does not have.
    """
    from jsonargparse import ArgumentParser

    class Parser(ArgumentParser):
        def error(self, message: str, ex: Exception | None = None) -> None:
            flags = [word for action in self._actions for word in action.option_strings if word.startswith("--")]
            raise UsageError(_readable(message, flags)) from None

    parser = Parser(
        prog=f"byol-keras {command}",
        description=summary[0].upper() + summary[1:] + ".",
        allow_abbrev=False,
        default_env=False,
        formatter_class=argparse.HelpFormatter,
    )
    if options is not None:
        parser.add_argument("--config", action="config", help="YAML file with any of these options")
        for field in dataclasses.fields(options):
            if field.name not in leave_out:
                _add(parser, field)
    return parser


def _add(parser: Any, field: dataclasses.Field) -> None:
    flag = f"--{field.name.replace('_', '-')}"
    text = field.metadata["help"]
    if field.default is not None and field.type is not bool:
        text = f"{text}. Default: {field.default}"
    text = text.replace("%", "%%")
    if field.type is bool:
        parser.add_argument(flag, action="store_true", default=field.default, help=text)
        return
    kind = str | None if field.type is Any else field.type
    parser.add_argument(flag, type=kind, default=field.default, help=text, metavar=_metavar(field.name, kind))


def _metavar(name: str, kind: Any) -> str:
    named = {"data": "SOURCE", "test_data": "SOURCE", "run": "DIR", "data_dir": "DIR", "size": "PX"}
    files = dict.fromkeys(("init_from", "labels", "output", "json"), "FILE")
    of_kind = "N" if "int" in str(kind) else "X" if "float" in str(kind) else "WORD"
    return (named | files).get(name, of_kind)


def parse(parser: Any, arguments: Sequence[str]) -> dict[str, Any]:
    """What was said explicitly, by flag or in the `--config` file; flags win."""
    words = _files_first(re.sub(r"^--[\w-]+", _dashed, word) for word in arguments)
    if any(word.startswith("--print-config") for word in words):
        words = [word.replace("--print-config", "--print_config") for word in words]
        parser.parse_args(words)
    given = parser.parse_args(words, defaults=False).as_dict()
    given.pop("config", None)
    return given


def _files_first(words: Iterable[str]) -> list[str]:
    """The words with every `--config FILE` in front: jsonargparse lets the last one win."""
    files, flags, rest = [], [], iter(words)
    for word in rest:
        if word == "--config":
            files += [word, *itertools.islice(rest, 1)]
        else:
            (files if word.startswith("--config=") else flags).append(word)
    return files + flags


def require(options: Any, *names: str) -> None:
    """Refuses a command line that lacks what the command can't do without."""
    for name in names:
        if getattr(options, name) is None:
            raise UsageError(f"`--{name.replace('_', '-')}` is missing")


def require_positive(**numbers: float | None) -> None:
    """Refuses numbers that are not above zero, where they were given."""
    for name, value in numbers.items():
        if value is not None and not value > 0:
            raise UsageError(f"`{name}` must be positive. Received: {name}={value}")


def require_network(options: Any) -> None:
    """Refuses a network that a run does not have."""
    if options.network not in ("online", "target"):
        raise UsageError(f"`network` must be online or target. Received: network={options.network}")


def listed(text: str, known: Sequence[str], name: str) -> list[str]:
    """The words between commas, each one of those that are known."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in known:
            raise UsageError(f"`{name}` must be of {', '.join(known)}.{did_you_mean(word, known)} Received: {word}")
    if not words:
        raise UsageError(f"`{name}` must be of {', '.join(known)}. Received: nothing")
    return words


def config_of(given: dict[str, Any]) -> PretrainConfig:
    """The configuration that a command line asks for; what it refuses is wrong usage."""
    try:
        return PretrainConfig.of(given)
    except ValueError as error:
        raise UsageError(str(error)) from None


def require_data(given: dict[str, Any]) -> None:
    """Refuses a command line that names nothing to learn from."""
    if "data" not in given:
        raise UsageError("`--data` is missing: name a folder, tfds:NAME, tfrecord:PATTERN, a file, or shapes")


def _dashed(found: re.Match) -> str:
    return found[0].replace("_", "-")


def _readable(message: str, flags: list[str]) -> str:
    """Jsonargparse's message as one sentence that helps."""
    message = " ".join(message.split())
    if found := re.search(r"(?:unrecognized arguments: |Option ')(-*)([\w-]+)", message):
        if not found[1] and "--data" in flags and "unrecognized" in message:
            return f"`{found[2]}` is not an option: a source of data is named by `--data {found[2]}`"
        word = found[2].replace("_", "-")
        return f"`{found[1]}{found[2]}` is not an option.{did_you_mean(f'--{word}', flags)}"
    if found := re.search(r'Parser key "([\w.]+)".*?<class \'(\w+)\'>.*Given value: (.*)', message):
        kind = {"int": "a whole number", "float": "a number", "str": "text"}.get(found[2], found[2])
        return f"`{found[1]}` must be {kind}. Received: {found[1]}={found[3]}"
    if found := re.search(r"File does not exist: '(.*)'", message):
        return f"`--config` must be a YAML file that exists. Received: {found[1]}"
    return message[0].lower() + message[1:]
