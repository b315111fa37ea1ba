"""A run's folder: what lies where, and who may write to it."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any

import tensorflow as tf
import yaml

from .. import checkpoints
from ..config import PretrainConfig
from ..writing import beside, is_remote, write_text
from .plan import Plan

try:
    import fcntl
except ImportError:  # Windows has no such locks.
    fcntl = None

__all__ = ["RunFolder"]

# What may be different when a run goes on: nothing that its weights depend on.
_FREE = {
    *("run", "data_dir", "labels", "test_data", "cache", "strategy", "max_bad_fraction"),
    *("checkpoint_minutes", "keep", "log_every", "knn_every", "on_collapse"),
}
_LISTS = ("columns", "categorical")


class RunFolder:
    """The folder of one run. Its files have fixed names; this class knows them.

    Args:
        path: local, or of any store that `tf.io.gfile` knows.

    Example:
    >>> RunFolder("runs/first").report
    'runs/first/report.html'
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = os.fspath(path).rstrip("/") or "."
        self.config = self.file("config.yaml")
        self.plan = self.file("plan.json")
        self.checkpoints = self.file("checkpoints")
        self.metrics = self.file("metrics.jsonl")
        self.logs = self.file("logs")
        self.encoder = self.file("encoder.keras")
        self._initial = self.file("initial.keras")
        self.skipped = self.file("skipped.txt")
        self.evaluation = self.file("evaluation.json")
        self.compression = self.file("compression.json")
        self.report = self.file("report.html")
        self.export = self.file("export")

    def file(self, name: str) -> str:
        """The path of something in the folder."""
        return os.path.join(self.path, name)

    def check_free(self) -> None:
        """Refuses a folder that holds another run."""
        # What fails before its first line has begun nothing; where nothing can be locked it may be at work.
        trace = self.metrics if self._has_lock else self.config
        if tf.io.gfile.exists(trace) or checkpoints.saved_steps(self.checkpoints):
            raise ValueError(
                f"`run` must be a new folder: {self.path} already holds a run. Continue that one with `--resume`, "
                f"or choose another folder. Received: run={self.path}"
            )
        if tf.io.gfile.exists(self.path) and not tf.io.gfile.isdir(self.path):
            raise ValueError(f"`run` must be a folder, and {self.path} is a file. Received: run={self.path}")

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Makes the folder, and keeps other processes from working in it; they are told so by a ValueError.

        The system lets go of it when this process ends, however it ends. Stores without locks are not guarded.
        """
        tf.io.gfile.makedirs(self.path)
        if not self._has_lock:
            yield
            return
        place = os.open(self.path, os.O_RDONLY)
        try:
            self._lock(place)
            yield
        finally:
            os.close(place)

    @property
    def _has_lock(self) -> bool:
        return fcntl is not None and not is_remote(self.path)

    def _lock(self, place: int) -> None:
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"`run` must not be in use: another process is training in {self.path}. Received: run={self.path}"
            ) from None
        except OSError:
            pass  # Some network file systems have no locks.

    def start(self, config: PretrainConfig, plan: Plan) -> None:
        """Writes down what will happen in the folder."""
        self.check_free()
        if config.init_from is not None:
            with beside(self._initial, suffix=".keras") as draft:
                tf.io.gfile.copy(config.init_from, draft, overwrite=True)
        write_text(self.plan, plan.to_json())
        write_text(self.config, config.to_yaml())

    def initial(self, config: PretrainConfig) -> str | None:
        """The file of the encoder that a run starts from, if any: the folder's own copy once there is one."""
        if config.init_from is None:
            return None
        return self._initial if tf.io.gfile.exists(self._initial) else config.init_from

    def stored_config(self) -> dict[str, Any]:
        """The configuration that the run was started with."""
        return self._parsed(self.config, yaml.safe_load)

    def stored_plan(self) -> Plan:
        """The plan that the run goes by."""
        return self._parsed(self.plan, Plan.from_json)

    def config_to_resume(self, stored: Mapping[str, Any], given: Mapping[str, Any]) -> PretrainConfig:
        """A stored configuration, what may be changed put in; a ValueError names what may not.

        Args:
            stored: from `stored_config`.
            given: what was said explicitly when the run was continued.
        """
        asked, was = PretrainConfig.of(given), PretrainConfig.of(stored)
        for name in (field.name for field in fields(PretrainConfig) if field.name in given):
            want, have = _said(asked, name), _said(was, name)
            if name not in _FREE and isinstance(want, str | int | float | None) and want != have:
                raise ValueError(
                    f"`{name}` can't change while a run goes on. Received: {name}={want!r}, the run in {self.path} was "
                    f"started with {name}={have!r}"
                )
        return PretrainConfig.of({**stored, **given, "run": self.path})

    def _parsed(self, path: str, parse: Callable[[str], Any]) -> Any:
        text = self._read(path)
        try:
            return parse(text)
        except (ValueError, TypeError, KeyError, yaml.YAMLError) as error:
            raise ValueError(
                f"`run` must hold files as they were written. Received: {path}, which is damaged: "
                f"{' '.join(str(error).split())}"
            ) from None

    def _read(self, path: str) -> str:
        try:
            with tf.io.gfile.GFile(path) as file:
                return file.read()
        except tf.errors.NotFoundError:
            raise ValueError(
                f"`run` must be the folder of a run: there is no {os.path.basename(path)} in {self.path}. "
                f"Received: run={self.path}"
            ) from None


def _said(config: PretrainConfig, name: str) -> Any:
    """A value as it can be compared: what is a list, in words with commas."""
    value = getattr(config, name)
    return ",".join(config.listed(name)) if name in _LISTS and value is not None else value
