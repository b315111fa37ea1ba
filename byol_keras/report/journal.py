"""A run's measurements, read from `metrics.jsonl` whatever state it is in."""

import json
import math
from collections.abc import Sequence

import numpy as np

__all__ = ["History", "ended_badly", "read_metrics", "series"]

# Whole numbers up to here are exact as floats.
LARGEST_STEP = 2**53

History = list[dict[str, float]]


def read_metrics(text: str) -> History:
    r"""The numbers of a run by step, in order; lines that cannot be read, such as a last one cut short, are left out.

    Lines of one step are merged; null stands for a number that was not finite. Where a resumed run measured a step
    again, its newer number counts.

    Args:
        text: the content of `metrics.jsonl`, one JSON object per line.

    Example:
    >>> read_metrics('{"step": 5, "loss": 1.5}\n{"step": 5, "tau": 0.99}\n{"step": 10, "lo')
    [{'step': 5, 'loss': 1.5, 'tau': 0.99}]
    """
    rows: dict[int, dict[str, float]] = {}
    for line in text.splitlines():
        row = _numbers(line)
        if 0 <= row.get("step", math.nan) < LARGEST_STEP:
            step = int(row["step"])
            rows.setdefault(step, {}).update(row, step=step)
    return [rows[step] for step in sorted(rows)]


def _numbers(line: str) -> dict[str, float]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(row, dict):
        return {}
    row = {key: math.nan if value is None else value for key, value in row.items()}
    return {key: float(value) for key, value in row.items() if isinstance(value, float) or _is_count(value)}


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST_STEP


def series(history: Sequence[dict[str, float]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of one measurement, where it is a finite number.

    Example:
    >>> steps, values = series([{"step": 1, "loss": 2.0}, {"step": 2}, {"step": 3, "loss": float("nan")}], "loss")
    >>> steps.tolist(), values.tolist()
    ([1], [2.0])
    """
    measured = [(row["step"], row[name]) for row in history if math.isfinite(row.get(name, math.nan))]
    steps, values = zip(*measured, strict=True) if measured else ((), ())
    return np.asarray(steps, dtype=int), np.asarray(values, dtype=float)


def ended_badly(history: Sequence[dict[str, float]]) -> bool:
    """Whether the last loss that was written is not a finite number."""
    losses = [row["loss"] for row in history if "loss" in row]
    return bool(losses) and not math.isfinite(losses[-1])
