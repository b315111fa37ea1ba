"""`byol-keras pretrain`."""

from collections.abc import Sequence

from ..config import PretrainConfig
from .main import COMMANDS
from .parsing import UsageError, parse, parser_of

__all__ = ["run"]


def run(arguments: Sequence[str]) -> int:
    """Trains, or goes on training, and prints what came out."""
    parser = parser_of("pretrain", COMMANDS["pretrain"], PretrainConfig)
    parser.add_argument("--resume", action="store_true", help="go on with the run in --run")
    given = parse(parser, arguments)
    resume = given.pop("resume", False)
    if not resume and "data" not in given:
        raise UsageError("`--data` is missing: name a folder, tfds:NAME, tfrecord:PATTERN, an .npz file, or shapes")
    if resume and "run" not in given:
        raise UsageError("`--resume` needs `--run`: the folder of the run to go on with")
    try:
        PretrainConfig.of(given)
    except ValueError as error:
        raise UsageError(str(error)) from None
    from ..training import pretrain

    pretrain(given, resume=resume)
    return 0
