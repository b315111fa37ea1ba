"""Contestants measured in turns, so that a noisy machine is noisy to all of them.

Each repeat lets every contestant run once, for about the same time, in an order that changes; ratios are taken within
a repeat. What is shown is the median over the repeats with the least and the most.
"""

import argparse
import importlib
import importlib.metadata
import json
import os
import platform
import re
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import rich
import rich.table

__all__ = ["Measured", "in_turns", "measure", "options_of", "peer", "report", "resident", "save", "spread"]

# Seconds; what takes longer is not called more often than it must be.
_SLOW = 1.0


class Measured(NamedTuple):
    """What one contestant did: things per second in each repeat, and how many times as many the first did."""

    name: str
    rates: list[float]
    ratios: list[float]

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)


def measure(
    contestants: dict[str, Callable[[], object]],
    things: int | dict[str, int] = 1,
    repeats: int = 7,
    seconds: float = 1.0,
) -> list[Measured]:
    """Runs every contestant for about `seconds` in each of the repeats; the first is what others are compared with.

    Args:
        contestants: by name, what is done once: it returns when the work is done, not when it is begun.
        things: how many examples (or whatever is counted) a call does, by name where they differ.
        repeats: how often each has its turn.
        seconds: how long a turn is.
    """
    calls = {name: max(1, round(seconds / _settled(call))) for name, call in contestants.items()}
    counts = things if isinstance(things, dict) else dict.fromkeys(contestants, things)

    def rate(name: str) -> float:
        return counts[name] * calls[name] / _taken(contestants[name], calls[name])

    return _turns(list(contestants), rate, repeats)


def in_turns(contestants: dict[str, Callable[[], float]], things: int, repeats: int) -> list[Measured]:
    """As `measure`, of contestants that return how many seconds they took: not everything they do is counted.

    Args:
        contestants: by name; the first is what others are compared with.
        things: how many examples a call does.
        repeats: how often each has its turn.
    """
    for run in contestants.values():
        run()
    return _turns(list(contestants), lambda name: things / contestants[name](), repeats)


def _turns(names: list[str], rate: Callable[[str], float], repeats: int) -> list[Measured]:
    rates: dict[str, list[float]] = {name: [] for name in names}
    for repeat in range(repeats):
        first = repeat % len(names)
        for name in names[first:] + names[:first]:
            rates[name].append(rate(name))
    return [
        Measured(name, rates[name], [ours / theirs for ours, theirs in zip(rates[names[0]], rates[name], strict=True)])
        for name in names
    ]


def report(
    title: str, results: dict[str, Sequence[Measured]], things: str, path: str | Path | None = None, **more: object
) -> None:
    """Prints a table with a section for each entry of `results`, and writes the numbers, and what else, as JSON."""
    table = rich.table.Table("", f"{things} per second", "ours / theirs", title=title, title_justify="left")
    for section, measured in results.items():
        table.add_row(f"[bold]{section}", "", "")
        for one in measured:
            table.add_row(
                f"  {one.name}", spread(one.rates, ".4g"), "" if one is measured[0] else spread(one.ratios, ".2f")
            )
        table.add_section()
    rich.print(table)
    sections = {section: [one._asdict() for one in measured] for section, measured in results.items()}
    save(path, title=title, things=things, results=sections, **more)


def save(path: str | Path | None, **content: object) -> None:
    """Writes numbers, and the machine that they belong to, as JSON; nothing where there is no path."""
    if path is not None:
        Path(path).write_text(json.dumps({"machine": machine()} | content, indent=2) + "\n")


def options_of(description: str, repeats: int, seconds: float | None = None) -> argparse.ArgumentParser:
    """A parser with the options that scripts share.

    Args:
        description: the script's docstring, of which the first line is shown.
        repeats: how often each has its turn, by default.
        seconds: how long a turn is by default. Default None: it is as long as its steps take.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=repeats, help="turns of each")
    if seconds is not None:
        parser.add_argument("--seconds", type=float, default=seconds, help="length of a turn")
    parser.add_argument("--output", help="JSON file for the numbers")
    return parser


def resident() -> float:
    """The highest that this process has been, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # `getrusage` would also count what the process that started this one held at that moment.
        (highest,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
        return int(highest) / 1024
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / 2**20 if sys.platform == "darwin" else highest / 1024


def peer(name: str) -> ModuleType | None:
    """A module to compare with, or None and a word where it does not load."""
    try:
        return importlib.import_module(name)
    except (ImportError, RuntimeError, OSError) as error:
        print(f"without {name}: {error} (`pip install 'byol-keras[bench]'` brings what can be compared)")
        return None


def machine() -> dict[str, object]:
    """What the numbers belong to."""
    versions = {}
    for name in ("tensorflow", "keras", "torch", "torchvision", "kornia", "albumentations", "keras_cv"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"processor": _processor(), "cores": cores, "python": platform.python_version(), **versions}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _settled(call: Callable[[], object]) -> float:
    """Seconds of a call, after the one that traces and compiles."""
    call()
    once = _taken(call, 1)
    return once if once > _SLOW else min(once, _taken(call, 1))


def _taken(call: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        call()
    return time.perf_counter() - began


def spread(values: Sequence[float], form: str) -> str:
    """The median, the least and the most."""
    return f"{statistics.median(values):{form}} ({min(values):{form}} - {max(values):{form}})"
