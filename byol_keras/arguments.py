"""Refusals that many functions share."""

import numbers

__all__ = ["check_positive"]


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
            raise ValueError(f"`{name}` must be a positive integer. Received: {name}={size}")
