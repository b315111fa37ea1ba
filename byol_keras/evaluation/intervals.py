"""How far an accuracy measured on some examples may lie from the true one."""

import numpy as np

__all__ = ["interval"]

_Z = 1.959963984540054  # of the normal distribution's mass, 95% lies within


def interval(correct: np.ndarray) -> tuple[float, float]:
    """The 95% interval (Wilson's) of an accuracy, from which answers were right.

    ```
    (p + z^2 / 2n  -+  z * sqrt(p * (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)
    ```

    Unlike `p -+ z * sqrt(p * (1 - p) / n)` it stays within [0, 1], and has a width where all or none are right.

    Args:
        correct: booleans (or zeros and ones), one per example.

    Example:
    >>> tuple(round(end, 3) for end in interval(np.array([True] * 8 + [False] * 2)))
    (0.49, 0.943)

    Reference: Wilson, 1927, Probable inference, the law of succession, and statistical inference.
    """
    correct = np.asarray(correct)
    if correct.ndim != 1 or not len(correct) or not np.isin(correct, (0, 1)).all():
        raise ValueError(
            "`correct` must be booleans, one for each of at least one example. "
            f"Received: an array of shape {correct.shape} and dtype {correct.dtype}"
        )
    n, p = len(correct), float(np.mean(correct))
    middle = p + _Z**2 / (2 * n)
    reach = _Z * np.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
    low, high = ((middle + sign * reach) / (1 + _Z**2 / n) for sign in (-1, 1))
    return max(0.0, float(low)), min(1.0, float(high))
