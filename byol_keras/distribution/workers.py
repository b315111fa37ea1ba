"""What the processes of one run say to each other."""

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .cluster import Cluster

__all__ = ["WorkerLost", "Workers"]


class WorkerLost(RuntimeError):  # noqa: N818 - a state of things
    """Another process of the run has ended, or has refused to begin."""

    exit_code = 1


class Workers:
    """The processes that a strategy spans; in most runs there is one, and nothing is exchanged.

    Every process calls the same methods in the same order, and waits in them for the others.

    Args:
        strategy: the run's.

    Example:
    >>> workers = Workers(tf.distribute.get_strategy())
    >>> workers.count, workers.index, workers.gathered("alone")
    (1, 0, ['alone'])
    """

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self.strategy = strategy
        self.count, self.index = _place(strategy)
        self._sum = tf.function(self._summed, reduce_retracing=True)

    @property
    def is_chief(self) -> bool:
        """Whether this is the one that writes files."""
        return self.index == 0

    def exchanged(self, numbers: Sequence[int]) -> np.ndarray:
        """Everybody's numbers, equally many of each: an array of shape `(workers, numbers)`."""
        if self.count == 1:
            return np.array([numbers])
        rows = np.zeros((self.count, len(numbers)), "int32")
        rows[self.index] = numbers
        return self._added(rows.ravel()).reshape(rows.shape)

    def gathered(self, text: str) -> list[str]:
        """Everybody's text."""
        if self.count == 1:
            return [text]
        data = text.encode(errors="backslashreplace")
        lengths = self.exchanged([len(data)])[:, 0]
        # TensorFlow crashes where it is to add up vectors of no length.
        padded = data.ljust(max(1, int(lengths.max())), b"\0")
        rows = self.exchanged(list(padded)).astype("uint8")
        return [bytes(row[:length]).decode() for row, length in zip(rows, lengths, strict=True)]

    def of_chief(self, value: Any) -> Any:
        """What the chief passes here, of the kind that JSON can hold; others may pass anything of that kind."""
        return json.loads(self.gathered(json.dumps(value))[0])

    def check_same(self, settings: Mapping[str, object]) -> None:
        """Refuses to begin where another process was told something else."""
        lines = [f"{name}={value!r}" for name, value in settings.items()]
        for theirs in zip(*(text.split("\n") for text in self.gathered("\n".join(lines))), strict=False):
            for index, line in enumerate(theirs):
                if line != theirs[0]:
                    name = theirs[0].partition("=")[0]
                    self.part()
                    raise ValueError(
                        f"`{name}` must be the same for all workers. Received: {theirs[0]} for worker 0, "
                        f"{line} for worker {index}"
                    )

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What happens inside ends for all workers together: where it fails on one, it fails on all.

        Inside, nothing else may be exchanged.
        """
        failure = None
        try:
            yield
        except Exception as error:
            failure = error
        texts = self.gathered("" if failure is None else str(failure) or type(failure).__name__)
        if any(texts):
            self.part()
        if failure is not None:
            raise failure
        for index, text in enumerate(texts):
            if text:
                raise WorkerLost(f"worker {index} has stopped: {text}")

    def part(self) -> None:
        """Waits until everybody has what was exchanged last; for the moment before a process may end.

        Who leaves with the answer of an exchange may leave others, who still wait for theirs, without one.
        """
        # Who finds the others gone here had all that was to be had.
        with contextlib.suppress(tf.errors.OpError):
            self.exchanged([0])

    def share(self, variables: Iterable[keras.Variable]) -> None:
        """Gives every process the values that the chief's variables have."""
        if self.count == 1:
            return
        by_dtype: dict[str, list[keras.Variable]] = {}
        for variable in variables:
            by_dtype.setdefault(variable.dtype, []).append(variable)
        for alike in by_dtype.values():
            values = np.concatenate([variable.numpy().ravel() for variable in alike])
            sizes = np.cumsum([variable.value.shape.num_elements() for variable in alike])[:-1]
            values = self._added(values if self.is_chief else np.zeros_like(values))
            for variable, part in zip(alike, np.split(values, sizes), strict=True):
                variable.assign(part.reshape(variable.shape))

    def _added(self, values: np.ndarray) -> np.ndarray:
        """The sum of everybody's vector."""
        first = self.index * (self.strategy.num_replicas_in_sync // self.count)
        mine, nothing = tf.constant(values), tf.zeros(len(values), values.dtype)

        def of_replica(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
            return mine if context.replica_id_in_sync_group == first else nothing

        return self._sum(self.strategy.experimental_distribute_values_from_function(of_replica)).numpy()

    def _summed(self, values: tf.distribute.DistributedValues) -> tf.Tensor:
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)

    @contextlib.contextmanager
    def watched(self, remedy: str) -> Iterator[None]:
        """Inside, the end of another process is a sentence, with what to do about it."""
        try:
            yield
        except tf.errors.OpError as error:
            if self.count > 1 and "ollective" in error.message:
                raise WorkerLost(f"another worker has ended, so that training can't go on. {remedy}") from error
            raise


def _place(strategy: tf.distribute.Strategy) -> tuple[int, int]:
    """How many processes there are, and which of them this is."""
    resolver = strategy.cluster_resolver
    if resolver is None or isinstance(strategy, tf.distribute.TPUStrategy):
        return 1, 0
    cluster = Cluster(resolver.cluster_spec().as_dict(), resolver.task_type, resolver.task_id)
    return (cluster.count, cluster.position) if cluster.count > 1 else (1, 0)
