"""The quickest judge, during training."""

import numpy as np

from ..arguments import check_positive
from ..evaluation.neighbours import knn_accuracy
from .labelled import LabelledMonitor

__all__ = ["KNNMonitor"]


class KNNMonitor(LabelledMonitor):
    """Logs `knn_accuracy`: how often the nearest neighbours in the bank guess a query's class.

    The labels serve this number only; training never sees them, and ends with the same weights as without the
    monitor. A bank of a few thousand examples costs about as much as one pass over them.

    List it before callbacks that read the number, such as `EarlyStopping` or `CSVLogger`. In epochs that are not
    judged the logs repeat the newest number; `latest` holds it together with the step at which it was measured.

    Args:
        bank: examples with known labels, what `model.predict` takes: an array or a structure of arrays.
        bank_labels: integer classes from 0 on, shape `(n,)`.
        queries: examples to judge by. Default None: a fifth of each class is held out of the bank.
        query_labels: their classes, shape `(m,)`. Default None.
        every_epochs: epochs from one judgement to the next; the first and the last of `epochs` are always judged.
            Default 1.
        k: number of neighbours, cut to the size of the bank. Default 200.
        temperature: the smaller, the more the nearest count. Default 0.1.
        batch_size: examples per forward pass. Default 256.

    Example:
    >>> import byol_keras as bk, keras, numpy as np
    >>> encoder = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8)])
    >>> model = bk.BYOL(encoder, views=lambda batch, seed: (batch, batch + 0.1))
    >>> model.compile("sgd")
    >>> vectors, labels = np.random.default_rng(0).normal(size=(64, 6)).astype("float32"), np.arange(64) % 2
    >>> monitor = KNNMonitor(vectors, labels, k=5)
    >>> history = model.fit(vectors, epochs=2, callbacks=[monitor], verbose=0)
    >>> len(history.history["knn_accuracy"]), sorted(monitor.latest)
    (2, ['knn_accuracy', 'step'])

    Reference: [Wu et al., 2018](https://arxiv.org/abs/1805.01978), section 3.4.
    """

    name = "knn_accuracy"

    def __init__(
        self,
        bank: object,
        bank_labels: np.ndarray,
        queries: object = None,
        query_labels: np.ndarray | None = None,
        every_epochs: int = 1,
        k: int = 200,
        temperature: float = 0.1,
        batch_size: int = 256,
    ) -> None:
        super().__init__(bank, bank_labels, queries, query_labels, every_epochs, batch_size)
        check_positive(k=k)
        if not temperature > 0.0:
            raise ValueError(f"`temperature` must be positive. Received: temperature={temperature}")
        self.k = k
        self.temperature = temperature

    def accuracy(self, bank: np.ndarray, queries: np.ndarray) -> float:
        return knn_accuracy(bank, self.bank_labels, queries, self.query_labels, self.k, self.temperature)
