"""`byol-keras report`."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .main import COMMANDS
from .parsing import parse, parser_of, require

__all__ = ["ReportOptions", "run"]


@dataclass(frozen=True)
class ReportOptions:
    """What `report` can be told."""

    run: str | None = field(default=None, metadata={"help": "folder of the run"})


def run(arguments: Sequence[str]) -> int:
    """Writes `report.html` from what lies in the run's folder."""
    options = ReportOptions(**parse(parser_of("report", COMMANDS["report"], ReportOptions), arguments))
    require(options, "run")
    from ..training.looking import report_again

    print(f"report written to {report_again(options.run)}")
    return 0
