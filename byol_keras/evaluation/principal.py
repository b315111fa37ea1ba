"""The directions along which features differ the most."""

import numpy as np

from ..arguments import check_positive
from .labelled import as_features

__all__ = ["PrincipalComponents"]

# Directions of less than this share of the largest deviation are numerical noise, which whitening would blow up.
_NOISE = 1e-5

# A randomised solver is exact enough, and worth it, for the first few of many components.
_MANY, _FEW = 512, 1 / 8


class PrincipalComponents:
    """A rotation of features that puts as much of their variance as possible into the first numbers.

    ```
    components = (features - mean) @ directions.T    (whitened: each divided by its standard deviation)
    ```

    The exact solver never squares the features, so that small components keep their digits: a QR decomposition that
    reads them in pieces, then the singular values of its triangle. Beside the features it holds a few matrices of
    `width` by `width`. For less than an eighth of more than 512 components a randomised solver takes its place, which
    holds a copy of the features.

    Attributes:
        mean: of the features, float64 of shape `(width,)`.
        directions: orthonormal rows, by falling variance, float64 of shape `(components, width)`. The largest number
            of each is positive.
        deviations: standard deviations along them, float64 of shape `(components,)`.
        kernel, bias: the same as a linear layer, float32: `components = features @ kernel + bias`.

    Args:
        features: what to fit them to, shape `(n, width)`.
        limit: how many components to find. Default None: all, the smaller of `n` and `width`.
        whiten: whether each component is scaled to unit variance. Default False.
        seed: int, what the randomised solver depends on. Default 0.

    Example:
    >>> found = PrincipalComponents(np.array([[3.0, 1.0, 0.0], [-3.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, -1.0]]))
    >>> found.kept().round(3).tolist(), found(np.array([[3.0, 1.0, 0.0]]), count=2).round(3).tolist()
    ([0.9, 1.0, 1.0], [[3.0, 0.0]])
    """

    def __init__(self, features: np.ndarray, limit: int | None = None, whiten: bool = False, seed: int = 0) -> None:
        features = as_features(features, "features")
        most = min(features.shape)
        limit = most if limit is None else limit
        check_positive(limit=limit)
        if limit > most:
            raise ValueError(
                "`limit` must not be larger than the number of features, nor than that of the examples. "
                f"Received: limit={limit} for features of shape {features.shape}"
            )
        self.mean = features.mean(axis=0, dtype="float64")
        singular, directions, total = self._solved(features, limit, seed)
        freedom = max(1, len(features) - 1)
        self.directions = directions * np.sign(_largest(directions))[:, None]
        self.deviations = singular / np.sqrt(freedom)
        self.total_variance = total / freedom
        self.scales = self._scales(features) if whiten else np.ones(limit)
        kernel = self.directions.T / self.scales
        self.kernel, self.bias = kernel.astype("float32"), (-self.mean @ kernel).astype("float32")

    def __call__(self, features: np.ndarray, count: int | None = None) -> np.ndarray:
        """The first `count` components of features (default all that were found), float32."""
        features = as_features(features, "features")
        if features.shape[1] != len(self.mean):
            raise ValueError(
                f"`features` must have as many numbers as those that the components were found in, {len(self.mean)}. "
                f"Received: features of shape {features.shape}"
            )
        # Centred first: a mean far from 0 would take the digits of what differs.
        return (features - self.mean.astype("float32")) @ self.kernel[:, :count]

    def kept(self) -> np.ndarray:
        """Share of the variance that the first component keeps, the first two, and so on; 1 where there is none."""
        if not self.total_variance:
            return np.ones(len(self.deviations))
        # What is rounded must not fall behind what came before, nor exceed the whole.
        return np.minimum(np.cumsum(self.deviations**2) / self.total_variance, 1.0)

    def _solved(self, features: np.ndarray, limit: int, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
        """Singular values and directions, and the sum of the squares of all values."""
        most = min(features.shape)
        if most > _MANY and limit < _FEW * most:
            from sklearn.utils.extmath import randomized_svd

            centred = features - self.mean.astype("float32")
            _, singular, directions = randomized_svd(centred, limit, random_state=seed)
            total = np.einsum("ij,ij->", centred, centred, dtype="float64")
        else:
            _, singular, directions = np.linalg.svd(_triangle(features, self.mean), full_matrices=False)
            total = np.sum(singular**2)
        return singular[:limit].astype("float64"), directions[:limit].astype("float64"), float(total)

    def _scales(self, features: np.ndarray) -> np.ndarray:
        """What components are divided by; features that are all the same to float32 have none."""
        rounding = np.finfo("float32").eps * np.abs(features).max()
        if self.deviations[0] * np.sqrt(max(1, len(features) - 1)) <= rounding * np.sqrt(len(features)):
            raise ValueError(
                "`features` must differ from each other to be whitened. "
                f"Received: {len(features)} vectors that are all the same"
            )
        return np.maximum(self.deviations, self.deviations[0] * _NOISE)


def _largest(directions: np.ndarray) -> np.ndarray:
    return directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)]


def _triangle(features: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """A matrix of at most `width` rows with the singular values and directions of the centred features."""
    width = len(mean)
    triangle = np.empty((0, width))
    for start in range(0, len(features), 4 * width):
        centred = features[start : start + 4 * width] - mean
        triangle = np.linalg.qr(np.concatenate([triangle, centred]), mode="r")
    return triangle
