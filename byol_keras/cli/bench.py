"""`byol-keras bench`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import PretrainConfig
from ..writing import is_remote, write_text
from .main import COMMANDS
from .parsing import UsageError, config_of, parse, parser_of, require_data

if TYPE_CHECKING:
    from ..training.benchmarking import Benchmark

__all__ = ["run"]

# What the time of a step and of its data does not depend on, on one device.
_LEFT_OUT = (
    *("run", "labels", "test_data", "weight_decay", "loss", "tau", "epochs", "minutes", "strategy"),
    *("on_collapse", "checkpoint_minutes", "keep", "log_every", "knn_every"),
)


def run(arguments: Sequence[str]) -> int:
    """Measures data, step and both, and says what limits."""
    from rich.console import Console

    parser = parser_of("bench", COMMANDS["bench"], PretrainConfig, _LEFT_OUT)
    parser.add_argument("--seconds", type=float, default=5.0, help="time to measure each part for. Default: 5")
    parser.add_argument("--json", type=str, help="file to write the numbers to", metavar="FILE")
    given = parse(parser, arguments)
    seconds, file = given.pop("seconds", 5.0), given.pop("json", None)
    config = _checked(given, seconds, file)
    from ..training.benchmarking import benchmark
    from ..training.progress import say

    console = Console()
    with console.status("opening the data") as status:
        measured = benchmark(config, seconds, status.update)
    console.print(_table(measured))
    say(console, measured.sentence)
    if file is not None:
        _write(file, measured)
    return 0


def _checked(given: dict[str, Any], seconds: float, file: str | None) -> PretrainConfig:
    require_data(given)
    if not seconds > 0.0:
        raise UsageError(f"`seconds` must be positive. Received: seconds={seconds}")
    if file is not None and not is_remote(file) and not Path(file).absolute().parent.is_dir():
        raise UsageError(f"`json` must lie in a folder that exists. Received: json={file}")
    return config_of(given)


def _table(measured: "Benchmark") -> Any:
    from rich.table import Table

    plan, speeds = measured.plan, measured.speeds
    size = f" at {plan.shape[0]} px" if plan.kind == "pictures" else ""
    title = f"{plan.encoder}{size}, batches of {plan.batch_size}, {plan.precision}"
    drawn = Table("what", title=title, caption="medians of three rounds", caption_justify="left")
    for column in ("examples per second", "milliseconds per batch"):
        drawn.add_column(column, justify="right")
    rates = {"data alone": speeds.data, "step alone": speeds.step, "both together": speeds.together}
    for name, rate in rates.items():
        drawn.add_row(name, f"{rate:,.0f}", f"{1000 * plan.batch_size / rate:,.1f}")
    drawn.add_row("waiting for data", f"{speeds.waiting:.0%} of the time", "")
    return drawn


def _write(file: str, measured: "Benchmark") -> None:
    from ..doctor import environment

    plan, speeds = measured.plan, measured.speeds
    facts = {"encoder": plan.encoder, "shape": plan.shape, "batch_size": plan.batch_size, "precision": plan.precision}
    numbers = {f"{name}_examples_per_second": getattr(speeds, name) for name in ("data", "step", "together")}
    verdict = {"waiting": speeds.waiting, "limit": speeds.limit, "cached": measured.cached}
    write_text(file, json.dumps(facts | numbers | verdict | {"environment": environment()}, indent=2))
