"""The `byol-keras` command. It only reads arguments; what it does lives in the modules it calls."""

import argparse
from collections.abc import Sequence

from .version import __version__

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code.

    Args:
        arguments: the words after `byol-keras`. Default: those of this process.
    """
    return _parser().parse_args(arguments).run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="byol-keras", description="Encoders from unlabelled data.")
    parser.add_argument("--version", action="version", version=f"byol-keras {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    doctor = commands.add_parser("doctor", help="show what this machine has to train with")
    doctor.set_defaults(run=_doctor)
    return parser


def _doctor() -> int:
    from rich.console import Console
    from rich.table import Table

    from .doctor import environment

    table = Table("what", "found", title="byol-keras doctor")
    for name, value in environment().items():
        table.add_row(name, value)
    Console().print(table)
    return 0
