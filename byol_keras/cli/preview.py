"""`byol-keras preview`."""

from collections.abc import Sequence

from ..config import PretrainConfig
from .main import COMMANDS
from .parsing import UsageError, config_of, parse, parser_of, require_positive

__all__ = ["run"]

_USED_WITH_RUN = ("data", "data_dir", "seed")
# What else data and views depend on; a run brings it.
_USED = (
    *_USED_WITH_RUN,
    *("kind", "recipe", "views", "size", "channels", "init_from", "image_key", "label_key"),
    *("columns", "categorical", "vocabulary", "sample_rate", "clip_seconds"),
)


def run(arguments: Sequence[str]) -> int:
    """Writes a picture of originals and their views."""
    leave_out = [name for name in PretrainConfig.__dataclass_fields__ if name not in _USED]
    parser = parser_of("preview", COMMANDS["preview"], PretrainConfig, leave_out)
    parser.add_argument("--run", type=str, help="folder of a run, to see its views", metavar="DIR")
    parser.add_argument("--count", type=int, default=8, help="number of examples. Default: 8")
    parser.add_argument("--output", type=str, default="preview.png", help="file to write", metavar="FILE")
    given = parse(parser, arguments)
    about = {name: given.pop(name) for name in ("run", "count", "output") if name in given}
    if "data" not in given and "run" not in about:
        raise UsageError("`--data` is missing (or `--run`): whose views should be shown?")
    for name in given:
        if "run" in about and name not in _USED_WITH_RUN:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"`{flag}` and `--run`, whose views are as they are, exclude each other")
    require_positive(count=about.get("count"))
    config = config_of(given)
    from ..training.looking import preview_of

    print(f"views written to {preview_of(config, **about)}")
    return 0
