"""`byol-keras demo`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .main import COMMANDS
from .parsing import parse, parser_of

__all__ = ["DemoOptions", "run"]


@dataclass(frozen=True)
class DemoOptions:
    """What `demo` can be told; it needs nothing."""

    run: str | None = field(default=None, metadata={"help": "folder to write. Default: a new one in runs/"})
    seed: int = field(default=0, metadata={"help": "of everything but the pictures"})
    epochs: int | None = field(default=None, metadata={"help": "passes over the data. Default: the recipe's"})


def run(arguments: Sequence[str]) -> int:
    """Learns from pictures that it makes itself, and shows what was learned."""
    options = DemoOptions(**parse(parser_of("demo", COMMANDS["demo"], DemoOptions), arguments))
    from ..training.demo import demo

    demo(options.run or _free_folder(), options.seed, options.epochs)
    return 0


def _free_folder() -> str:
    names = ["runs/demo", *(f"runs/demo-{number}" for number in range(2, 10_000))]
    return next(name for name in names if not Path(name).exists())
