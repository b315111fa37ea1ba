"""What a run folder holds for its page, with nothing in it trusted to be there or to be whole."""

import json
import os
from dataclasses import dataclass, field

import tensorflow as tf
import yaml

from ..evaluation import Compression, CompressionRow, Row
from .journal import History, read_metrics
from .wording import KINDS, Words

__all__ = ["Judgement", "RunRecord", "read_run"]

FILES = (
    *("metrics.jsonl", "evaluation.json", "compression.json"),
    *("skipped.txt", "config.yaml", "plan.json", "environment.json"),
)


@dataclass(frozen=True)
class Judgement:
    """What `evaluation.json` says.

    Args:
        rows: the accuracies that could be read.
        facts: everything else: sizes of the sets, number of classes, settings of the judges. Default None.

    Example:
    >>> judgement = Judgement((Row("online", "knn", 0.5, 0.4, 0.6),), {"classes": 10, "test_examples": "many"})
    >>> judgement.find("online", "knn").high, judgement.fact("classes"), judgement.fact("test_examples")
    (0.6, 10, None)
    """

    rows: tuple[Row, ...] = ()
    facts: dict | None = None

    def find(self, representation: str, judge: str) -> Row | None:
        """The accuracy of a representation by a judge, where it was measured."""
        return next((row for row in self.rows if (row.representation, row.judge) == (representation, judge)), None)

    def fact(self, name: str) -> int | None:
        """A whole number among the facts, or None."""
        value = (self.facts or {}).get(name)
        return value if _is_size(value) else None


@dataclass(frozen=True)
class RunRecord:
    """The readable part of a run folder.

    Args:
        path: the folder.
        history: measurements by step.
        judgement: the evaluation.
        skipped: pairs of file and reason.
        config: settings by name, in the file's order, as the file words them.
        environment: where it ran.
        plan: what was decided before the first step: batch size, length, recipe. Default empty.
        compression: what shorter features keep, where that was measured. Default None.

    Example:
    >>> run = RunRecord("runs/first", [], Judgement(), [], {"batch_size": "null"}, {}, {"recipe": {"batch_size": 128}})
    >>> run.number("batch_size"), run.number("steps_per_epoch")
    (128, None)
    """

    path: str
    history: History
    judgement: Judgement
    skipped: list[tuple[str, str]]
    config: dict[str, str]
    environment: dict
    plan: dict = field(default_factory=dict)
    compression: Compression | None = None

    @property
    def words(self) -> Words:
        """What its examples are called."""
        kind = self.plan.get("kind")
        return KINDS.get(kind if isinstance(kind, str) else "pictures", KINDS["pictures"])

    def number(self, name: str) -> int | None:
        """A positive whole number as it was decided, or as it was asked for; None where neither is known."""
        recipe = self.plan.get("recipe")
        for decided in (self.plan, recipe if isinstance(recipe, dict) else {}):
            if _is_size(decided.get(name)):
                return decided[name]
        asked = self.config.get(name, "")
        return int(asked) if asked.isdecimal() and 0 < len(asked) < 16 and int(asked) > 0 else None


def read_run(path: str | os.PathLike) -> RunRecord:
    """Reads whatever is there; a piece that is missing or broken is empty.

    Args:
        path: the folder, local or of any store that `tf.io.gfile` knows.
    """
    text = {name: _text(os.path.join(path, name)) for name in FILES}
    return RunRecord(
        path=os.fspath(path),
        history=read_metrics(text["metrics.jsonl"]),
        judgement=_judgement(_mapping(text["evaluation.json"])),
        skipped=[_skipped(line) for line in text["skipped.txt"].split("\n") if line.strip()],
        config=_settings(text["config.yaml"]),
        environment=_mapping(text["environment.json"]),
        plan=_mapping(text["plan.json"]),
        compression=_compression(_mapping(text["compression.json"])),
    )


def _text(path: str) -> str:
    if not tf.io.gfile.exists(path) or tf.io.gfile.isdir(path):
        return ""
    with tf.io.gfile.GFile(path, "rb") as file:
        return file.read().decode("utf-8", "replace")


def _mapping(text: str) -> dict:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _skipped(line: str) -> tuple[str, str]:
    name, _, reason = line.partition("\t")
    return name, reason


def _settings(text: str) -> dict[str, str]:
    """Top-level keys with their values as they are written; nothing in the file becomes an object."""
    try:
        content = yaml.load(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError):
        return {}
    return {str(key): _written(value) for key, value in content.items()} if isinstance(content, dict) else {}


def _written(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(item for item in value if isinstance(item, str))
    return value if isinstance(value, str) else "…"


def _judgement(content: dict) -> Judgement:
    rows = [_row(line) for line in _lines(content)]
    facts = {key: value for key, value in content.items() if key != "rows"}
    return Judgement(tuple(row for row in rows if row is not None), facts)


def _lines(content: dict) -> list[dict]:
    lines = content.get("rows")
    return [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []


def _row(line: dict) -> Row | None:
    accuracy = line.get("accuracy")
    if not _is_share(accuracy):
        return None
    low, high = (line.get(end) if _is_share(line.get(end)) else accuracy for end in ("low", "high"))
    low, high = min(low, accuracy), max(high, accuracy)
    return Row(str(line.get("representation", "?")), str(line.get("judge", "?")), accuracy, low, high)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _compression(content: dict) -> Compression | None:
    """A curve has two points or more, and says what it was measured on."""
    rows = {row.components: row for row in map(_kept, _lines(content)) if row is not None}
    sizes = [content.get(name) for name in ("width", "bank_examples", "query_examples")]
    if len(rows) < 2 or not all(map(_is_size, sizes)):
        return None
    return Compression(tuple(rows[count] for count in sorted(rows)), *sizes)


def _kept(line: dict) -> CompressionRow | None:
    shares = [line.get("variance"), line.get("error")]
    components, accuracy = line.get("components"), line.get("accuracy")
    if not _is_size(components) or not all(map(_is_share, shares)):
        return None
    return CompressionRow(components, *shares, accuracy if _is_share(accuracy) else None, 4 * components)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31
