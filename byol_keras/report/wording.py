"""Numbers in the words of the page."""

import math
from typing import NamedTuple

from ..evaluation import Row

__all__ = [
    "KINDS",
    "Words",
    "between",
    "capital",
    "count",
    "duration",
    "judge_name",
    "percent",
    "points",
    "representation_name",
    "short",
]


class Words(NamedTuple):
    """What one kind of data is called.

    Args:
        one: an example.
        many: several of them.
        raw: the examples themselves, as they stand in a table of accuracies.
    """

    one: str
    many: str
    raw: str


KINDS = {
    "pictures": Words("picture", "pictures", "raw pixels"),
    "vectors": Words("row", "rows", "raw values"),
    "sequences": Words("series", "series", "raw values"),
    "text": Words("text", "texts", "bag of words"),
    "audio": Words("clip", "clips", "raw spectrum"),
}
"""By the word for a kind in a plan."""

JUDGES = {"knn": "nearest neighbours", "linear": "linear classifier", "finetune": "fine-tuned classifier"}
REPRESENTATIONS = {"online": "trained", "target": "trained (target)"}


def capital(words: str) -> str:
    """Words as they begin a sentence.

    Example:
    >>> capital("raw MRI scans")
    'Raw MRI scans'
    """
    return words[:1].upper() + words[1:]


def count(number: float) -> str:
    """A whole number with its thousands set apart.

    Example:
    >>> count(1234567.0)
    '1,234,567'
    """
    return f"{round(number):,}"


def short(number: float) -> str:
    """A measurement to three significant digits; to more where it is large, or close below 1 as `tau` is.

    Example:
    >>> short(0.12345), short(0.99962), short(1234.5), short(0.0)
    ('0.123', '0.9996', '1,234', '0')
    """
    if abs(number) >= 100:
        digits = ",.0f"
    else:
        digits = ".4g" if 0.99 <= abs(number) < 1.0 else ".3g"
    return ("\N{MINUS SIGN}" if number < 0 else "") + format(abs(number), digits)


def percent(share: float) -> str:
    """A share as a percentage with one digit.

    Example:
    >>> percent(0.4771)
    '47.7%'
    """
    return f"{100 * share:.1f}%"


def points(difference: float) -> str:
    """A difference of two shares.

    Example:
    >>> points(-0.261), points(0.01)
    ('26.1 points', '1.0 point')
    """
    number = f"{100 * abs(difference):.1f}"
    return f"{number} point{'s' * (number != '1.0')}"


def between(row: Row) -> str:
    """The interval of an accuracy, in percent."""
    return f"{100 * row.low:.1f}\N{EN DASH}{100 * row.high:.1f}"


def duration(seconds: float) -> str:
    """A time in its two largest units.

    Example:
    >>> duration(3725), duration(75), duration(0.4)
    ('1 h 2 min', '1 min 15 s', '0 s')
    """
    minutes, rest = divmod(math.floor(seconds), 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {left} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def judge_name(judge: str) -> str:
    """A judge in words; `"linear 10%"` keeps its share.

    Example:
    >>> judge_name("knn"), judge_name("linear 10%")
    ('nearest neighbours', 'linear classifier, 10% of labels')
    """
    name, _, share = judge.partition(" ")
    return JUDGES.get(name, name) + (f", {share} of labels" if share.endswith("%") else f" {share}" if share else "")


def representation_name(representation: str) -> str:
    """A representation in words.

    Example:
    >>> representation_name("online")
    'trained'
    """
    return REPRESENTATIONS.get(representation, representation)
