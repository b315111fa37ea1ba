"""`byol-keras pretrain`."""

from collections.abc import Sequence

from ..config import PretrainConfig
from .main import COMMANDS
from .parsing import UsageError, config_of, parse, parser_of, require_data

__all__ = ["run"]


def run(arguments: Sequence[str]) -> int:
    """Trains, or goes on training, and prints what came out."""
    parser = parser_of("pretrain", COMMANDS["pretrain"], PretrainConfig)
    parser.add_argument("--resume", action="store_true", help="go on with the run in --run")
    given = parse(parser, arguments)
    resume = given.pop("resume", False)
    if not resume:
        require_data(given)
    if resume and "run" not in given:
        raise UsageError("`--resume` needs `--run`: the folder of the run to go on with")
    config_of(given)
    from ..training import pretrain

    pretrain(given, resume=resume)
    return 0
