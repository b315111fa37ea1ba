"""`byol-keras embed`."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .main import COMMANDS
from .parsing import parse, parser_of, require, require_network

__all__ = ["EmbedOptions", "run"]


@dataclass(frozen=True)
class EmbedOptions:
    """What `embed` can be told."""

    run: str | None = field(default=None, metadata={"help": "folder of the run whose encoder to use"})
    data: str | None = field(default=None, metadata={"help": "of what. Default: what the run was made with"})
    output: str | None = field(default=None, metadata={"help": "file to write, ending in .npz or .parquet"})
    network: str = field(default="online", metadata={"help": "online, or target: its slow average"})
    data_dir: str | None = field(default=None, metadata={"help": "where tensorflow-datasets keeps its datasets"})


def run(arguments: Sequence[str]) -> int:
    """Writes features and paths to a file."""
    options = EmbedOptions(**parse(parser_of("embed", COMMANDS["embed"], EmbedOptions), arguments))
    require(options, "run", "output")
    require_network(options)
    from ..training.embedding import embed
    from ..training.evaluating import data_for
    from ..training.loading import Run

    run = Run(options.run)
    data = data_for(run, options.data, data_dir=options.data_dir)
    examples = data.whole(data.source, run.plan)
    count = embed(run.encoder(options.network), data.source, examples, options.output)
    skipped = examples.skipped.bad
    missing = f", {skipped:,} could not be read" if skipped else ""
    print(f"{count:,} {data.kind.words.many} written to {options.output}{missing}")
    return 0
