"""What a run is asked to do: one typed configuration for the command, for YAML and for Python."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import yaml

from .arguments import check_positive, did_you_mean
from .data import Source
from .distribution import STRATEGIES
from .losses import NAMED
from .precision import PRECISIONS
from .recipes import OPTIMIZERS
from .views import PICTURE_PRESETS

__all__ = ["ARRAYS", "PretrainConfig"]

ARRAYS = "arrays"
"""What a stored configuration calls data that a program had in memory."""


_SOURCES = "what to learn from: a folder, tfds:NAME, tfrecord:PATTERN, an .npz, .npy, .csv or .parquet file, or shapes"
# What options take that are one of a few words.
_WORDS = {
    "kind": ("pictures", "vectors", "sequences", "text", "audio"),
    "optimizer": tuple(OPTIMIZERS),
    "views": PICTURE_PRESETS,
    "loss": tuple(NAMED),
    "precision": PRECISIONS,
    "strategy": STRATEGIES,
    "on_collapse": ("warn", "stop"),
}
# What says something of some kinds of data only.
_OF_KINDS = {
    "views": ("pictures",),
    "cache": ("pictures",),
    "channels": ("pictures",),
    "image_key": ("pictures",),
    "size": ("pictures", "sequences", "text"),
    "columns": ("vectors", "text"),
    "categorical": ("vectors",),
    "vocabulary": ("text",),
    "sample_rate": ("audio",),
    "clip_seconds": ("audio",),
}
# What there are one or more of.
_COUNTS = ("size", "channels", "batch_size", "accumulate", "epochs", "keep", "log_every", "vocabulary", "sample_rate")
# What other numbers must be.
_RULES: dict[str, tuple[type, Callable[[Any], bool], tuple[str, ...]]] = {
    "positive": (Real, lambda value: value > 0, ("rate", "minutes", "clip_seconds", "checkpoint_minutes")),
    "0 or more": (Real, lambda value: value >= 0, ("weight_decay",)),
    "in [0, 1]": (Real, lambda value: 0 <= value <= 1, ("tau", "max_bad_fraction")),
    "a whole number, 0 or more": (Integral, lambda value: value >= 0, ("knn_every",)),
    "a whole number in [0, 2**32)": (Integral, lambda value: 0 <= value < 2**32, ("seed",)),
}


def _either(name: str) -> str:
    *others, last = _WORDS[name]
    return f"{', '.join(others)} or {last}"


def _option(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class PretrainConfig:
    """Everything that `bk.pretrain` and `byol-keras pretrain` can be told. None leaves a choice to the recipe.

    Example:
    >>> config = PretrainConfig.of({"data": "pictures/", "epochs": 30})
    >>> config.epochs, config.recipe, config.rate
    (30, 'auto', None)
    """

    data: Any = field(default=None, metadata={"help": _SOURCES})
    run: str | None = _option(None, "the run's folder. Default: runs/ and the name of the data")
    kind: str = _option("pictures", f"what the data is: {_either('kind')}")
    recipe: str = _option("auto", "name of a recipe; auto takes the one for this machine")
    encoder: str | None = _option(
        None, "network: resnet18, resnet50x2, small_resnet, ..., or one of keras.applications"
    )
    size: int | None = _option(
        None, "side of pictures as the encoder will be used on them; steps of series; words of texts"
    )
    channels: int | None = _option(None, "1 for grey, 3 for colour. Default: colour; of .npy and DICOM all there are")
    views: str | None = _option(None, f"what varies in views of pictures: {_either('views')}. Default: the recipe's")
    batch_size: int | None = _option(None, "examples per step of the optimizer")
    accumulate: int = _option(1, "parts in which a batch passes through the networks, where as a whole it is too large")
    optimizer: str | None = _option(None, _either("optimizer"))
    rate: float | None = _option(None, "learning rate at its peak, for this batch size")
    weight_decay: float | None = _option(None, "L2 coefficient, as papers publish it")
    loss: str | None = _option(None, f"what is minimised: {_either('loss')}. Default: byol, the paper's")
    tau: float | None = _option(None, "where the target's schedule starts, in [0, 1]")
    epochs: int | None = _option(None, "passes over the data")
    minutes: float | None = _option(None, "train for so long instead: schedules fit to what this machine can do in it")
    init_from: str | None = _option(None, "a .keras file whose encoder to start from")
    precision: str = _option("auto", _either("precision"))
    strategy: str = _option("auto", f"devices to train on: {_either('strategy')}")
    seed: int = _option(0, "what order, views and initial weights depend on")
    labels: str | None = _option(None, "CSV file: path, class. Used to judge only")
    test_data: Any = field(default=None, metadata={"help": "labelled data to judge by, where not part of the data"})
    data_dir: str | None = _option(None, "where tensorflow-datasets keeps its datasets")
    image_key: str | None = _option(None, "feature that holds the picture, in TFRecords and TFDS")
    label_key: str | None = _option(None, "feature that holds the class, in TFRecords and TFDS; column, in tables")
    columns: str | None = _option(
        None, "of a table, the columns to learn from, with commas. Default: all but the class"
    )
    categorical: str | None = _option(None, "of a table, the columns that hold categories, with commas")
    vocabulary: int | None = _option(None, "of texts, how many words are known. Default: 10,000")
    sample_rate: int | None = _option(None, "of sounds, samples per second. Default: that of most of a sample")
    clip_seconds: float | None = _option(
        None, "of sounds, the length of a clip. Default: that of the longest of a sample, 4 at most"
    )
    max_bad_fraction: float = _option(0.01, "stop when more of the files than this are broken")
    cache: bool = _option(False, "keep decoded small pictures in memory")
    on_collapse: str = _option("warn", _either("on_collapse"))
    checkpoint_minutes: float = _option(5.0, "time between two checkpoints")
    keep: int = _option(3, "how many checkpoints stay")
    log_every: int = _option(50, "steps between two lines of metrics.jsonl")
    knn_every: int | None = _option(None, "epochs between two kNN judgements. Default: ten in a run at most; 0: none")

    @classmethod
    def of(cls, options: "PretrainConfig | Mapping[str, Any]") -> "PretrainConfig":
        """A configuration from a mapping; an unknown key is a ValueError that suggests the nearest one."""
        if isinstance(options, cls):
            return options
        known = [field.name for field in fields(cls)]
        for key in options:
            if key not in known:
                raise ValueError(
                    f"`{key}` is not a key of the configuration.{did_you_mean(key.replace('-', '_'), known)}"
                )
        return cls(**options)

    def __post_init__(self) -> None:
        for name in ("run", "init_from", "labels", "data_dir"):
            if isinstance(getattr(self, name), os.PathLike):
                object.__setattr__(self, name, os.fspath(getattr(self, name)))
        self._check_numbers()
        for name, words in _WORDS.items():
            value = getattr(self, name)
            if value is not None and value not in words:
                raise ValueError(f"`{name}` must be {_either(name)}. Received: {name}={value!r}")
        if self.epochs is not None and self.minutes is not None:
            raise ValueError("`epochs` and `minutes` exclude each other. Received: both")
        if self.encoder is not None and self.init_from is not None:
            raise ValueError("`encoder` and `init_from`, which brings its network, exclude each other. Received: both")
        for name in ("vocabulary", "sample_rate", "clip_seconds"):
            if self.init_from is not None and getattr(self, name) is not None:
                raise ValueError(f"`{name}` and `init_from`, which brings it, exclude each other. Received: both")
        if self.optimizer == "adam" and self.weight_decay is not None:
            raise ValueError("`weight_decay` goes with `optimizer` adamw, lars or sgd. Received: optimizer=adam")

    def check_kind(self) -> None:
        """Refuses options that say nothing of data of this kind; whoever resumes a run need not say which that is."""
        for name, kinds in _OF_KINDS.items():
            value, words = getattr(self, name), " and ".join(kinds)
            if value not in (None, False) and self.kind not in kinds:
                raise ValueError(f"`{name}` is for {words}. Received: {name}={value} and kind={self.kind}")

    def _check_numbers(self) -> None:
        given = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}
        check_positive(**{name: given[name] for name in _COUNTS if name in given})
        for rule, (kind, holds, names) in _RULES.items():
            for name in names:
                if name in given and not (isinstance(given[name], kind) and holds(given[name])):
                    raise ValueError(f"`{name}` must be {rule}. Received: {name}={given[name]!r}")

    @property
    def folder(self) -> str:
        """The run's folder."""
        return self.run or str(Path("runs") / _plain_name(self.data))

    def listed(self, name: str) -> list[str] | None:
        """The words of an option that takes several, with commas or as a list; None where nothing was said."""
        value = getattr(self, name)
        words = value.split(",") if isinstance(value, str) else value
        return None if value is None else [str(word).strip() for word in words if str(word).strip()]

    def values(self) -> dict[str, Any]:
        """All keys with values that a text can hold: data given as arrays is named."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return values | {name: _named(values[name]) for name in ("data", "test_data")}

    def to_yaml(self) -> str:
        """All keys, as `--config` takes them."""
        return yaml.safe_dump(self.values(), sort_keys=False, allow_unicode=True)


def _named(data: Any) -> str | None:
    if data is None or isinstance(data, str):
        return data
    return data.name if isinstance(data, Source) else str(data) if isinstance(data, Path) else ARRAYS


def _plain_name(data: Any) -> str:
    name = "".join(c if c.isalnum() or c in "-_" else "-" for c in Path(_named(data) or "run").stem)
    return name.strip("-") or "run"
