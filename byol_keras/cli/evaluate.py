"""`byol-keras evaluate`."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .main import COMMANDS
from .parsing import UsageError, listed, parse, parser_of, require, require_network, require_positive

__all__ = ["EvaluateOptions", "run"]


@dataclass(frozen=True)
class EvaluateOptions:
    """What `evaluate` can be told."""

    run: str | None = field(default=None, metadata={"help": "folder of the run to judge"})
    data: str | None = field(default=None, metadata={"help": "labelled data. Default: what the run was made with"})
    labels: str | None = field(default=None, metadata={"help": "CSV file with the classes of a folder: path, class"})
    data_dir: str | None = field(default=None, metadata={"help": "where tensorflow-datasets keeps its datasets"})
    network: str = field(default="online", metadata={"help": "online, or target: its slow average"})
    baselines: str = field(
        default="raw,untrained",
        metadata={"help": "what to judge beside it, of raw, pca, untrained, reconstruction, next_step and supervised"},
    )
    baseline_epochs: int = field(
        default=30, metadata={"help": "passes over the labelled data of those that are trained"}
    )
    judges: str = field(
        default="knn,linear,linear 1%,linear 10%", metadata={"help": "of knn, linear, 'linear P%', 'finetune P%'"}
    )
    k: int = field(default=200, metadata={"help": "neighbours of kNN"})
    temperature: float = field(default=0.1, metadata={"help": "of kNN"})
    seed: int = field(default=0, metadata={"help": "what the choice of few labels depends on"})


def run(arguments: Sequence[str]) -> int:
    """Prints a table and writes `evaluation.json`, `compression.json` and the page into the run's folder."""
    given = parse(parser_of("evaluate", COMMANDS["evaluate"], EvaluateOptions), arguments)
    options = EvaluateOptions(**given)
    require(options, "run")
    _check(options)
    from rich.console import Console

    from ..evaluation import table
    from ..training.evaluating import data_for, evaluate_run
    from ..training.loading import Run
    from ..training.looking import report_again

    baselines, judges = _words(options)
    run = Run(options.run)
    data = data_for(run, options.data, options.labels, options.data_dir)
    evaluation, curve = evaluate_run(
        run,
        data,
        options.network,
        baselines,
        judges,
        options.k,
        options.temperature,
        options.seed,
        options.baseline_epochs,
    )
    evaluation.save(run.folder.evaluation)
    curve.save(run.folder.compression)
    Console().print(table(evaluation))
    print(f"report: {report_again(options.run)}")
    return 0


def _words(options: EvaluateOptions) -> tuple[list[str], list[str]]:
    """The baselines and the judges that were asked for."""
    from ..training.evaluating import BASELINES, check_words

    baselines = listed(options.baselines, BASELINES, "--baselines") if options.baselines else []
    judges = [word.strip() for word in options.judges.split(",")]
    try:
        check_words(baselines, judges)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return baselines, judges


def _check(options: EvaluateOptions) -> None:
    """Refuses at once what would fail after the baselines were trained."""
    require_network(options)
    require_positive(k=options.k, temperature=options.temperature, baseline_epochs=options.baseline_epochs)
