"""`byol-keras preview`."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .main import COMMANDS
from .parsing import UsageError, parse, parser_of

__all__ = ["PreviewOptions", "run"]


@dataclass(frozen=True)
class PreviewOptions:
    """What `preview` can be told."""

    data: str | None = field(default=None, metadata={"help": "what to show. Default: what the run was made with"})
    run: str | None = field(default=None, metadata={"help": "folder of a run, to see its views"})
    kind: str = field(default="pictures", metadata={"help": "what the data is, as for pretrain"})
    recipe: str = field(default="auto", metadata={"help": "name of a recipe, to see its views"})
    views: str | None = field(default=None, metadata={"help": "what varies in views of pictures, as for pretrain"})
    size: int | None = field(default=None, metadata={"help": "side of the views in pixels"})
    count: int = field(default=8, metadata={"help": "number of examples"})
    seed: int = field(default=0, metadata={"help": "what the choice of examples and views depends on"})
    output: str = field(default="preview.png", metadata={"help": "file to write"})
    label_key: str | None = field(default=None, metadata={"help": "column of a table that holds the classes"})
    columns: str | None = field(default=None, metadata={"help": "columns of a table to take, with commas"})
    categorical: str | None = field(default=None, metadata={"help": "columns of categories, with commas"})
    data_dir: str | None = field(default=None, metadata={"help": "where tensorflow-datasets keeps its datasets"})


def run(arguments: Sequence[str]) -> int:
    """Writes a picture of originals and their views."""
    given = parse(parser_of("preview", COMMANDS["preview"], PreviewOptions), arguments)
    options = PreviewOptions(**given)
    if options.data is None and options.run is None:
        raise UsageError("`--data` is missing (or `--run`): whose views should be shown?")
    for name in ("kind", "recipe", "views", "size"):
        if options.run is not None and name in given:
            raise UsageError(f"`--{name}` and `--run`, whose views are as they are, exclude each other")
    from ..training.looking import preview_of

    print(f"views written to {preview_of(options)}")
    return 0
