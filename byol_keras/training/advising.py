"""From the facts about data to what `pretrain` would do with it, and what its user could do better."""

import math
import os
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import tensorflow as tf

from ..config import PretrainConfig
from ..data import Broken, Examples, Pictures, Source
from ..data.probing import probe
from ..data.scan import Scan
from .plan import Plan, choose_recipe
from .planning import make_plan
from .rundata import RunData

__all__ = ["advice", "cache_bytes", "is_in_memory", "obstacles", "planned_size", "readable_bytes"]

_FEW_PICTURES = 1000
_FEW_OF_A_CLASS = 5
# How many times larger the largest class may be than the smallest before it is worth a word.
_UNBALANCED = 10
# Enlarged by more than this, pictures are mostly invented pixels.
_ENLARGED = 4 / 3
_SIDES_STEP = 16
# The rest is for TensorFlow, batches on their way, and the user's other programs.
_CACHED_SHARE = 0.5
_CGROUP = Path("/sys/fs/cgroup/memory.max")


def obstacles(scan: Scan, data: RunData, config: PretrainConfig) -> list[str]:
    """Why `pretrain` would refuse this data or stop: one sentence each, none where it would train.

    Args:
        scan: of `data.source`.
        data: opened by `config`.
        config: what `pretrain` would be told.
    """
    found = scan.problems(config.max_bad_fraction, config.channels)
    if found:
        return found
    try:
        plan = make_plan(config, data)
        data.training(plan)
        if config.encoder is not None:
            data.kind.encoder(plan)
    except ValueError as error:
        return [f"{error}."]
    return []


def advice(scan: Scan, data: RunData, config: PretrainConfig) -> list[str]:
    """What `pretrain` would do by itself, and what would make it better, in sentences; the last one is a command.

    Args:
        scan: of `data.source`, without `obstacles`.
        data: opened by `config`.
        config: what `pretrain` would be told.
    """
    plan = make_plan(config, data)
    room = cache_bytes(data.training(plan))
    cached = room > 0
    sentences = [_what_would_be_done(plan), *_about_pictures(scan, plan), *_about_labels(scan)]
    if cached:
        sentences.append(
            f"--cache pays: decoded, all pictures take {readable_bytes(room)} of memory, and each is decoded once "
            "instead of once in each epoch."
        )
    if isinstance(config.data, str):
        sentences.append(f"How fast this machine is with it: {_command('bench', config, cached)}")
        sentences.append(f"To train: {_command('pretrain', config, cached)}")
    return sentences


def planned_size(data: RunData, config: PretrainConfig) -> int:
    """The side in pixels that `pretrain` would train at, also where it would refuse the data."""
    recipe = choose_recipe(config, len(data.source))
    try:
        return max(make_plan(config, data, began=0.0).shape[:2])
    except ValueError:
        return recipe.size


def cache_bytes(pictures: Examples) -> int:
    """The memory that caching the pictures takes; 0 where it does not pay, or would take more than half of all."""
    source = pictures.source
    if not isinstance(pictures, Pictures) or pictures.host_crops or is_in_memory(source):
        return 0
    sides = probe(source, pictures.shape[-1] if pictures.shape[-1] in (1, 3) else None).sides or pictures.size
    trained_at = pictures.size if pictures.crop is None else sides
    room = len(source) * math.prod(trained_at) * pictures.shape[-1] * np.dtype(pictures.dtype).itemsize
    return room if room <= _CACHED_SHARE * _memory() else 0


def is_in_memory(source: Source) -> bool:
    """Whether examples lie decoded in memory."""
    try:
        return source.gather(np.zeros(1, "int64")) is not None
    except Broken:  # which only what lies in memory is known to be at once
        return True


def readable_bytes(count: float) -> str:
    """Bytes as people say them.

    Example:
    >>> readable_bytes(3_072_000), readable_bytes(2.5e9)
    ('3.1 MB', '2.5 GB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _what_would_be_done(plan: Plan) -> str:
    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    machine = "on this machine's GPU" if has_gpu else "on a machine without a GPU"
    return (
        f"{machine[0].upper()}{machine[1:]} pretrain takes {plan.encoder} at {plan.shape[0]} px, recipe "
        f"{plan.recipe.name}, {plan.precision}, and for {plan.examples:,} pictures batches of {plan.batch_size}: "
        f"{plan.epochs:,} epochs of {plan.steps_per_epoch:,} steps."
    )


def _about_pictures(scan: Scan, plan: Plan) -> Iterator[str]:
    size, tiny = max(plan.shape[:2]), scan.tiny(max(plan.shape[:2]))
    if scan.broken:
        yield f"Broken pictures: {scan.broken:,}; a run skips them, and lists them in its skipped.txt."
    if scan.readable < _FEW_PICTURES:
        yield f"Only {scan.readable:,} pictures: start from an encoder that has seen others, with --init-from FILE."
    if size > _ENLARGED * min(scan.median):
        fitting = max(_SIDES_STEP, min(scan.median) // _SIDES_STEP * _SIDES_STEP)
        yield f"Most pictures would be enlarged to {size} px: --size {fitting} is faster, and they hold no more detail."
    elif tiny:
        yield f"Pictures that are tiny beside {size} px: {tiny:,}; they show little, consider leaving them out."
    if scan.duplicates.copies:
        yield (
            f"Copies of other pictures: {scan.duplicates.copies:,}; in training they count more than once, and they "
            "flatter an evaluation that has equal pictures on both sides."
        )
    if 0 < scan.deep < scan.readable:
        yield "Pictures of 8 bits and deeper ones are mixed: where the first ones looked at are of 8, all become so."


def _about_labels(scan: Scan) -> Iterator[str]:
    if scan.classes is None:
        yield "There are no labels: training needs none, but only labels tell how good an encoder is (--labels FILE)."
        return
    counts = scan.classes.values()
    few = sum(count < _FEW_OF_A_CLASS for count in counts)
    if scan.duplicates.conflicts:
        yield f"Equal pictures in different classes: {scan.duplicates.conflicts:,} times; there some label is wrong."
    if few:
        yield f"Classes with fewer than {_FEW_OF_A_CLASS} pictures: {few:,} of {len(counts):,} - too few to judge by."
    if max(counts, default=0) > _UNBALANCED * min(counts, default=0):
        yield (
            f"The classes are very unbalanced, from {min(counts):,} to {max(counts):,} pictures: accuracy will mostly "
            "be that of the large ones."
        )


def _command(name: str, config: PretrainConfig, cached: bool) -> str:
    words = ["byol-keras", name, "--data", shlex.quote(config.data)]
    for field in fields(config):
        value = getattr(config, field.name)
        if field.name not in ("data", "cache", "labels") and value != field.default:
            words += [f"--{field.name.replace('_', '-')}", shlex.quote(str(value))]
    if name == "pretrain" and config.labels is not None:
        words += ["--labels", shlex.quote(config.labels)]
    return " ".join([*words, *(["--cache"] if cached else [])])


def _memory() -> int:
    """Bytes that this process may have: those of the machine, or of the container around it; 0 if nobody says."""
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
    limit = _CGROUP.read_text().strip() if _CGROUP.is_file() else ""
    return min(machine, int(limit)) if limit.isdecimal() else machine
