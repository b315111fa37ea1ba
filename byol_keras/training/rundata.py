"""The data of a run, opened: what it learns from, and what it is judged by."""

import contextlib
import zlib
from collections.abc import Iterator
from functools import cached_property, partial

import numpy as np

from ..config import PretrainConfig
from ..data import Pictures, Source, open_source
from .judging import JudgeSet, judge_set
from .plan import Plan

__all__ = ["RunData"]

_NAMED = 1000


@contextlib.contextmanager
def _named(option: str) -> Iterator[None]:
    """Lets a refusal of a source name the option that the user knows it by."""
    try:
        yield
    except ValueError as error:
        raise type(error)(str(error).replace("`source`", f"`{option}`")) from None


class RunData:
    """What a configuration names, opened but not decoded.

    Args:
        config: `data`, `labels`, `test_data`, `data_dir`, the keys of records, `channels`, `cache` and
            `max_bad_fraction` count.
        skipped: path of the list of broken pictures.
    """

    def __init__(self, config: PretrainConfig, skipped: str | None = None) -> None:
        self._config = config
        self._skipped = skipped
        keys = {"image_key": config.image_key, "label_key": config.label_key}
        self._open = partial(open_source, data_dir=config.data_dir, **keys)
        with _named("data"):
            self.source = self._open(config.data, labels=config.labels)

    @cached_property
    def judged(self) -> JudgeSet | None:
        """What there is to judge by; None without labels, or with fewer classes and examples than that takes."""
        config = self._config
        if config.test_data is not None:
            with _named("test_data"):
                return self._judged_by(self._open(config.test_data))
        test = None
        if not isinstance(config.data, Source):
            # Without a part of its own to judge by, some of the labelled examples will be held out.
            with contextlib.suppress(ValueError):
                test = self._open(config.data, split="test", labels=config.labels)
        return judge_set(self.source, test)

    def _judged_by(self, test: Source) -> JudgeSet:
        found = judge_set(self.source, test)
        if found is None:
            raise ValueError(
                "`source` must have labels to judge by, of two classes or more: sub-folders, or what the dataset "
                f"brings. Received: {test.name}"
            )
        return found

    def training(self, plan: Plan, listed: bool = True) -> Pictures:
        """The pictures to learn from; those that are broken are listed in a file, if there is to be one."""
        settings = plan.recipe.views(plan.view_size).settings
        return Pictures(
            self.source,
            plan.view_size,
            channels=self._config.channels,
            crop=(settings.area, settings.ratio),
            seed=plan.seed,
            cache=self._config.cache,
            max_bad_fraction=self._config.max_bad_fraction,
            skipped=self._skipped if listed else None,
        )

    def whole(self, source: Source, plan: Plan) -> Pictures:
        """Pictures of a source at the run's size, to be looked at as they are."""
        return Pictures(source, plan.shape[:2], channels=self._config.channels, max_bad_fraction=1.0)

    def arrays(self, source: Source, plan: Plan) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        """The same as arrays: pictures, labels (or None), and which of the source they are."""
        return self.whole(source, plan).arrays()

    def sample(self, count: int, seed: int = 0) -> Source:
        """Some of the pictures to learn from, always the same ones."""
        order = np.random.default_rng(seed).permutation(len(self.source))
        return self.source.subset(np.sort(order[:count]))

    def fingerprint(self) -> str:
        """What tells one set of pictures from another: how many, and a checksum over some of their names."""
        names = [self.source.path(index) for index in range(0, len(self.source), len(self.source) // _NAMED + 1)]
        return f"{len(self.source)} pictures, checksum {zlib.crc32(chr(10).join(names).encode()):08x}"

    def check(self, plan: Plan) -> None:
        """Refuses to go on with other data than the run was started with."""
        if len(self.source) != plan.examples:
            raise ValueError(
                f"`data` must not change while a run goes on. Received: {self.source.name} with {len(self.source)} "
                f"pictures, the run was started with {plan.examples}"
            )
