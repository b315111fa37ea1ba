"""The paper's judge, during training."""

import numpy as np

from ..evaluation.linear import linear_probe
from .labelled import LabelledMonitor

__all__ = ["LinearProbeMonitor"]


class LinearProbeMonitor(LabelledMonitor):
    """Logs `linear_accuracy`: how often a linear classifier on the frozen features is right.

    The classifier is fitted anew each time (`bk.evaluation.linear_probe`, which needs scikit-learn), from features
    alone: training never sees the labels, and ends with the same weights as without the monitor. It takes longer
    than `KNNMonitor`: judge every few epochs.

    List it before callbacks that read the number, such as `EarlyStopping` or `CSVLogger`. In epochs that are not
    judged the logs repeat the newest number; `latest` holds it together with the step at which it was measured.

    Args:
        bank: examples with known labels, what `model.predict` takes; the classifier learns from them.
        bank_labels: integer classes from 0 on, shape `(n,)`.
        queries: examples to judge by. Default None: a fifth of each class is held out of the bank.
        query_labels: their classes, shape `(m,)`. Default None.
        every_epochs: epochs from one judgement to the next; the first and the last of `epochs` are always judged.
            Default 1.
        batch_size: examples per forward pass. Default 256.

    Example:
    ```python
    judge = bk.callbacks.LinearProbeMonitor(images, labels, test_images, test_labels, every_epochs=10)
    model.fit(unlabelled, epochs=100, callbacks=[judge, keras.callbacks.CSVLogger("log.csv")])
    ```

    Reference: [Grill et al., 2020](https://arxiv.org/abs/2006.07733), appendix C.1.
    """

    name = "linear_accuracy"

    def accuracy(self, bank: np.ndarray, queries: np.ndarray) -> float:
        return linear_probe(bank, self.bank_labels, queries, self.query_labels)
