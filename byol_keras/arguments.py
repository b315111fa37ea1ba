"""Refusals that many functions share."""

import difflib
import math
import numbers
from collections.abc import Collection, Iterable

__all__ = [
    "check_all_positive",
    "check_positive",
    "check_shares",
    "check_spreads",
    "check_word",
    "checked_size",
    "did_you_mean",
]


def check_positive(**sizes: int) -> None:
    """Refuses a size that is not a positive integer.

    Args:
        **sizes: values by the name that the user knows them by.

    Example:
    >>> check_positive(hidden=0)
    Traceback (most recent call last):
    ValueError: `hidden` must be a positive integer. Received: hidden=0
    """
    for name, size in sizes.items():
        if not isinstance(size, numbers.Integral) or size < 1:
            raise ValueError(f"`{name}` must be a positive integer. Received: {name}={size!r}")


def check_all_positive(**sizes: Collection[int]) -> None:
    """Refuses what is not one or more positive integers.

    Args:
        **sizes: lists or tuples by the name that the user knows them by.

    Example:
    >>> check_all_positive(widths=64)
    Traceback (most recent call last):
    ValueError: `widths` must be one or more positive integers, such as (64,). Received: widths=64
    """
    for name, several in sizes.items():
        listed = list(several) if isinstance(several, Collection) else []
        if not listed or not all(isinstance(size, numbers.Integral) and size > 0 for size in listed):
            raise ValueError(
                f"`{name}` must be one or more positive integers, such as (64,). Received: {name}={several!r}"
            )


def check_shares(**shares: float) -> None:
    """Refuses what is no share of a whole.

    Args:
        **shares: values by the name that the user knows them by.

    Example:
    >>> check_shares(masking=1.5)
    Traceback (most recent call last):
    ValueError: `masking` must be in [0, 1]. Received: masking=1.5
    """
    for name, share in shares.items():
        if not isinstance(share, numbers.Real) or not 0.0 <= share <= 1.0:
            raise ValueError(f"`{name}` must be in [0, 1]. Received: {name}={share!r}")


def check_spreads(**spreads: float) -> None:
    """Refuses what is no size of a change: a negative number, infinity or NaN.

    Args:
        **spreads: values by the name that the user knows them by.

    Example:
    >>> check_spreads(noise=-0.1)
    Traceback (most recent call last):
    ValueError: `noise` must be 0 or more, and finite. Received: noise=-0.1
    """
    for name, spread in spreads.items():
        if not isinstance(spread, numbers.Real) or not 0.0 <= spread < math.inf:
            raise ValueError(f"`{name}` must be 0 or more, and finite. Received: {name}={spread!r}")


def check_word(words: Collection[str], **given: str) -> None:
    """Refuses what is none of the words that are known.

    Args:
        words: that are known, in the order in which they are said.
        **given: words by the name that the user knows them by.

    Example:
    >>> check_word(("cosine", "constant"), schedule="linear")
    Traceback (most recent call last):
    ValueError: `schedule` must be one of cosine, constant. Received: schedule='linear'
    """
    for name, word in given.items():
        if word not in words:
            raise ValueError(f"`{name}` must be one of {', '.join(words)}. Received: {name}={word!r}")


def checked_size(size: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width of pictures, from both or from the side of a square; anything else is refused.

    Example:
    >>> checked_size(32), checked_size((24, 32))
    ((32, 32), (24, 32))
    """
    pair = tuple(size) if isinstance(size, list | tuple) else (size, size)
    if len(pair) != 2 or not all(isinstance(side, numbers.Integral) and side > 0 for side in pair):
        raise ValueError(f"`size` must be a positive integer, or two of them (height, width). Received: size={size}")
    return int(pair[0]), int(pair[1])


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """A question that helps with a typing error, or a list of what there is.

    Args:
        word: what was typed.
        words: what would have been understood.

    Example:
    >>> did_you_mean("epoch", ["epochs", "minutes"]), did_you_mean("x", ["epochs", "minutes"])
    (' Did you mean `epochs`?', ' Known are epochs, minutes.')
    """
    words = list(words)
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f" Did you mean `{near[0]}`?" if near else f" Known are {', '.join(words)}."
