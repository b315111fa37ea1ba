"""What the monitors that judge with labels have in common."""

import keras
import numpy as np

from ..arguments import check_positive
from ..evaluation.features import extract_features
from ..evaluation.labelled import as_labels, check_same_length
from ..evaluation.subsets import split_labelled
from ..intake import check_arrays

__all__ = ["LabelledMonitor"]


class LabelledMonitor(keras.callbacks.Callback):
    """Judges the encoder on labelled examples at the end of an epoch. Subclasses say how, in `accuracy`.

    The labelled set has nothing to do with the training set, and training does not notice that it is looked at. The
    number goes into the epoch's logs; list the monitor before callbacks that read it there, such as
    `EarlyStopping`, `ModelCheckpoint`, `CSVLogger` and `TensorBoard`. The progress bar and the history come last of
    themselves. In epochs that are not judged the logs repeat the newest number, so that columns stay in line.

    Attributes:
        latest: `{"step": ..., name: accuracy}`, with the optimizer's step at which it was measured; empty before.

    Args:
        bank: examples with known labels, what `model.predict` takes: an array or a structure of arrays.
        bank_labels: integer classes from 0 on, shape `(n,)`.
        queries: examples to judge by. Default None: a fifth of each class is held out of the bank.
        query_labels: their classes, shape `(m,)`. Default None.
        every_epochs: epochs from one judgement to the next; the first and the last of `epochs` are always judged.
            Default 1.
        batch_size: examples per forward pass. Default 256.
    """

    name: str

    def __init__(
        self,
        bank: object,
        bank_labels: np.ndarray,
        queries: object = None,
        query_labels: np.ndarray | None = None,
        every_epochs: int = 1,
        batch_size: int = 256,
    ) -> None:
        super().__init__()
        check_positive(every_epochs=every_epochs, batch_size=batch_size)
        if (queries is None) != (query_labels is None):
            raise ValueError("`queries` and `query_labels` must be given together. Received: one of them alone")
        bank_labels = _checked(bank, bank_labels, "bank_labels")
        if queries is None:
            kept, held_out = split_labelled(bank_labels)
            queries, query_labels = _take(bank, held_out), bank_labels[held_out]
            bank, bank_labels = _take(bank, kept), bank_labels[kept]
        self.bank, self.bank_labels = bank, bank_labels
        self.queries, self.query_labels = queries, _checked(queries, query_labels, "query_labels")
        self.every_epochs = every_epochs
        self.batch_size = batch_size
        self.latest: dict[str, float] = {}

    def accuracy(self, bank: np.ndarray, queries: np.ndarray) -> float:
        """The judgement on the features of both sets, in [0, 1]."""
        raise NotImplementedError(f"`{type(self).__name__}` must override `accuracy`.")

    def set_model(self, model: keras.Model) -> None:
        if self._model not in (None, model):
            self.latest = {}
        super().set_model(model)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        due = (epoch + 1) % self.every_epochs == 0 or epoch + 1 == self.params.get("epochs")
        if due or not self.latest:
            self.latest = self._judge()
        if logs is not None:
            logs[self.name] = self.latest[self.name]

    def _judge(self) -> dict[str, float]:
        bank, queries = (extract_features(self.model, data, self.batch_size) for data in (self.bank, self.queries))
        return {"step": int(self.model.optimizer.iterations.numpy()), self.name: float(self.accuracy(bank, queries))}

    def since(self, step: int) -> dict[str, float]:
        """What was measured after `step`; empty where nothing was."""
        return dict(self.latest) if self.latest.get("step", 0) > step else {}

    def get_state(self) -> dict:
        """What a checkpoint keeps: JSON can hold it."""
        return {"latest": dict(self.latest)}

    def set_state(self, state: dict) -> None:
        """Puts back what `get_state` returned; call it before `fit`."""
        self.latest = dict(state["latest"])


def _checked(examples: object, labels: np.ndarray, argument: str) -> np.ndarray:
    labels = as_labels(labels, argument)
    check_arrays(examples, argument.removesuffix("_labels"))
    for leaf in keras.tree.flatten(examples):
        check_same_length(labels, leaf, argument)
    return labels


def _take(examples: object, indices: np.ndarray) -> object:
    return keras.tree.map_structure(lambda leaf: np.asarray(leaf)[indices], examples)
