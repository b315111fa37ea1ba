"""The data of a run, opened: what it learns from, and what it is judged by."""

import contextlib
import zlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from ..config import ARRAYS, PretrainConfig
from ..data import Examples, Source
from ..data.opening import may_have_test_part
from .judging import JudgeSet, Raw, judge_set
from .kinds import kind_of
from .kinds.kind import Wanted, sampled
from .plan import Plan

__all__ = ["RunData"]

_NAMED = 1000


@contextlib.contextmanager
def _named(option: str) -> Iterator[None]:
    """Lets a refusal of a source name the option that the user knows it by."""
    try:
        yield
    except ValueError as error:
        if "`source`" in str(error):
            error.args = (str(error).replace("`source`", f"`{option}`"),)
        raise


def _check_is_there(option: str, data: Any) -> None:
    """Refuses what a stored configuration calls data that a program had in memory."""
    if isinstance(data, str) and data == ARRAYS and not tf.io.gfile.exists(data):
        raise ValueError(
            f"`{option}` must be named: the run was made from arrays in memory, which no file holds. "
            f"Received: {option}={data!r}"
        )


class RunData:
    """What a configuration names, opened but not decoded.

    Args:
        config: `kind`, `data`, `labels`, `test_data` and whatever says how to read them count.
        skipped: path of the list of broken examples.
        known: what a plan has remembered of the data that its run learned from. Default None: this is it.
    """

    def __init__(
        self, config: PretrainConfig, skipped: str | None = None, known: Mapping[str, Any] | None = None
    ) -> None:
        config.check_kind()
        self.kind = kind_of(config.kind)
        self._config = config
        self._skipped = skipped
        for option in ("data", "test_data"):
            _check_is_there(option, getattr(config, option))
        with _named("data"):
            self.source = self.kind.open(config, Wanted(config.data, known, labels=config.labels))
            self.known = self.kind.known(config, self.source) if known is None else dict(known)

    @cached_property
    def judged(self) -> JudgeSet | None:
        """What there is to judge by; None without labels, or with fewer classes and examples than that takes."""
        config = self._config
        if config.test_data is not None:
            with _named("test_data"):
                return self._judged_by(self._open(config.test_data))
        test = None
        if may_have_test_part(config.data):
            # Without a part of its own to judge by, some of the labelled examples will be held out.
            with contextlib.suppress(ValueError):
                test = self._open(config.data, split="test", labels=config.labels)
        return judge_set(self.source, test)

    def _open(self, data: Any, **options: Any) -> Source:
        return self.kind.open(self._config, Wanted(data, self.known, **options))

    def _judged_by(self, test: Source) -> JudgeSet:
        found = judge_set(self.source, test)
        if found is None:
            raise ValueError(
                "`source` must have labels to judge by, of two classes or more: sub-folders, or what the dataset "
                f"brings. Received: {test.name}"
            )
        return found

    def training(self, plan: Plan, listed: bool = True) -> Examples:
        """The examples to learn from; those that are broken are listed in a file, if there is to be one."""
        return self.kind.training(self.source, plan, self._config, self._skipped if listed else None)

    def whole(self, source: Source, plan: Plan) -> Examples:
        """Examples of a source as the run's encoder takes them, to be looked at as they are."""
        return self.kind.whole(source, plan, self._config)

    def raw(self, plan: Plan) -> Raw:
        """The examples themselves as features."""
        return Raw(self.kind.words.raw, self.kind.features(plan))

    def arrays(self, source: Source, plan: Plan) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        """What `whole` has, as arrays: examples, labels (or None), and which of the source they are."""
        return self.whole(source, plan).arrays()

    def sample(self, count: int, seed: int = 0) -> Source:
        """Some of the examples to learn from, always the same ones."""
        return sampled(self.source, count, seed)

    def fingerprint(self) -> str:
        """What tells one set of examples from another: how many, and a checksum over some of their names."""
        names = [self.source.path(index) for index in range(0, len(self.source), len(self.source) // _NAMED + 1)]
        # Names of files need not be UTF-8.
        checksum = zlib.crc32("\n".join(names).encode(errors="backslashreplace"))
        return f"{len(self.source)} {self.source.many}, checksum {checksum:08x}"

    def check(self, plan: Plan) -> None:
        """Refuses other data than the run was started with, and data to judge by that its encoder can't take."""
        found = self.fingerprint()
        if len(self.source) != plan.examples or plan.data not in ("", found):
            raise ValueError(
                f"`data` must not change while a run goes on. Received: {self.source.name} with {found}, the run was "
                f"started with {plan.data or plan.examples}"
            )
        if self._config.test_data is not None:
            with _named("test_data"):
                self.whole(self.judged.queries, plan)
