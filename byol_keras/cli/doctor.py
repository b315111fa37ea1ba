"""`byol-keras doctor`."""

from collections.abc import Sequence
from typing import Any

from ..config import PretrainConfig
from ..data.skipping import printable
from ..doctor import environment, findings
from .main import COMMANDS
from .parsing import UsageError, config_of, parse, parser_of

__all__ = ["run"]

_USED = (
    *("data", "labels", "data_dir", "image_key", "label_key", "channels", "size"),
    *("recipe", "encoder", "batch_size", "precision", "max_bad_fraction"),
)


def run(arguments: Sequence[str]) -> int:
    """Shows what this machine has to train with, and with `--data` whether there is something to train on."""
    from rich.console import Console

    leave_out = [name for name in PretrainConfig.__dataclass_fields__ if name not in _USED]
    given = parse(parser_of("doctor", COMMANDS["doctor"], PretrainConfig, leave_out), arguments)
    if given and "data" not in given:
        raise UsageError("`--data` is missing: which pictures should be looked at?")
    config = config_of(given)
    console = Console()
    console.print(_environment())
    return _examine(config, console) if config.data is not None else 0


def _environment() -> Any:
    from rich.table import Table

    table = Table("what", "found", title="byol-keras doctor")
    for name, value in environment().items():
        table.add_row(name, value)
    return table


def _examine(config: PretrainConfig, console: Any) -> int:
    from ..training.advising import advice, obstacles, planned_size
    from ..training.rundata import RunData

    data = RunData(config)
    size = planned_size(data, config)
    found = _scanned(data.source, console)
    console.print(findings(found, size))
    problems = obstacles(found, data, config)
    for sentence in problems or advice(found, data, config):
        console.print(f"- {printable(sentence)}", markup=False, highlight=False, emoji=False, soft_wrap=True)
    console.print("not fit to train on" if problems else "fit to train on", style="red" if problems else "green")
    return 1 if problems else 0


def _scanned(source: Any, console: Any) -> Any:
    from rich.progress import Progress

    from ..data.scanning import scan

    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("looking at every picture", total=len(source))
        return scan(source, lambda done: progress.update(task, completed=done))
