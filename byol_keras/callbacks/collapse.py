"""The alarm for a representation that collapses."""

import functools
import math
import operator
import warnings
from collections.abc import Iterable

import keras
import tensorflow as tf

from ..arguments import check_positive
from ..evaluation.diagnosis import Verdict, verdict
from ..evaluation.health import alignment, effective_rank, uniformity
from ..intake import check_arrays
from .window import Window

__all__ = ["CollapseMonitor"]

_UNJUDGED = Verdict("unknown", "Too early to tell: nothing has been measured yet.")
# Beyond so many measurements every second one of the older half is forgotten.
_MEMORY = 512
# A collapse comes early, mostly within 200 steps: so many looks measure the examples, whatever it takes.
_EARLY = 10


class CollapseMonitor(keras.callbacks.Callback):
    """Watches whether the representation collapses, and says so in words.

    It follows `target_std`, which a model such as `BYOL` logs, over windows of `every` batches, and judges the run by
    `bk.evaluation.verdict`: by the share of its highest spread that it kept, and by the trend. When the verdict turns
    to `"collapsing"` or `"collapsed"` it warns once, with the numbers, likely causes and a remedy.

    With `examples` it also measures, in inference mode:

    - `effective_rank`: of the encoder's outputs, how many directions they use;
    - `alignment` and `uniformity`: of the projections of two views, where a collapse shows (both go to 0).

    These go into the logs at the end of each epoch (list the monitor before callbacks that read them there) and into
    `latest`. They cost three forward passes over `examples`: 256 pictures took half of a training step of 128
    (`small_resnet`, CPU). So the first ten looks measure them, and then one in every `examine_every` batches, which
    takes 0.4% of the time here, and more where batches are smaller. Training ends with the same weights as without.

    Attributes:
        verdict: the newest `bk.evaluation.Verdict`, with `state` and `sentence`.
        latest: the newest of each measurement, and the `step` of the last look, the optimizer's; empty before it.

    Args:
        action: `"warn"`, or `"stop"` to end training as well. Default `"warn"`.
        examples: some 256 to 512 examples as the model takes them, of any kind, not only pictures: an array or a
            structure of arrays; where the data brings its own pairs, a dict of `view_1` and `view_2`. Default None:
            `target_std` alone.
        every: batches from one look to the next. Default 20.
        examine_every: after how many batches a look measures the examples again, once ten have. Default None: half as
            many as there are examples.

    Example:
    >>> import byol_keras as bk, numpy as np
    >>> encoder = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8)])
    >>> model = bk.BYOL(encoder, views=lambda batch, seed: (batch, batch + 0.1))
    >>> model.compile("sgd")
    >>> vectors = np.random.default_rng(0).normal(size=(512, 6)).astype("float32")
    >>> monitor = CollapseMonitor(action="stop", examples=vectors[:64], every=2)
    >>> history = model.fit(vectors, epochs=1, callbacks=[monitor], verbose=0)
    >>> monitor.verdict.state, sorted(monitor.latest)
    ('healthy', ['alignment', 'effective_rank', 'step', 'target_std', 'uniformity'])
    """

    def __init__(
        self, action: str = "warn", examples: object = None, every: int = 20, examine_every: int | None = None
    ) -> None:
        super().__init__()
        if action not in ("warn", "stop"):
            raise ValueError(f"`action` must be 'warn' or 'stop'. Received: action={action!r}")
        check_positive(every=every, examine_every=1 if examine_every is None else examine_every)
        count = _count(examples)
        self.action = action
        self.examples = examples
        self.every = every
        self.examine_every = math.ceil(count / 2) if examine_every is None else examine_every
        self._forget()

    def _forget(self) -> None:
        self.verdict = _UNJUDGED
        self.latest: dict[str, float] = {}
        self.history: list[dict[str, float]] = []
        self._window = Window()
        self._examined, self._since_examined = 0, 0
        self._pair: tuple | None = None
        self._measure = tf.function(self._measure_all)

    def set_model(self, model: keras.Model) -> None:
        if self.model not in (None, model):
            self._forget()
        super().set_model(model)

    def on_train_begin(self, logs: dict | None = None) -> None:
        if not hasattr(self.model, "std_tracker"):
            raise TypeError(
                f"`CollapseMonitor` needs a model that logs `target_std`, such as `BYOL`. Received: model={self.model}"
            )

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._window.begin_epoch()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        # Where Keras runs several batches at once it numbers them beyond the epoch's end.
        seen = min(batch + 1, self.params.get("steps") or batch + 1)
        self._window.add(seen, logs["target_std"])
        if self._window.count >= self.every or not self.history:
            self._look()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if logs is not None:
            logs.update({name: value for name, value in self.latest.items() if name not in ("step", "target_std")})

    def _look(self) -> None:
        step = int(self.model.optimizer.iterations.numpy())
        self._since_examined += self._window.count
        point = {"step": step, "target_std": self._window.take()} | self._examine()
        self.latest = self.latest | point
        # A run that was set back to a checkpoint measures some steps again.
        self.history = _thinned([*(earlier for earlier in self.history if earlier["step"] < step), point])
        before, self.verdict = self.verdict, verdict(self.history)
        if self.verdict.state in ("collapsing", "collapsed"):
            self.model.stop_training |= self.action == "stop"
            if self.verdict.state != before.state:
                warnings.warn(self.verdict.sentence, stacklevel=2)

    def _examine(self) -> dict[str, float]:
        due = self._examined < _EARLY or self._since_examined >= self.examine_every
        if self.examples is None or not due:
            return {}
        self._examined, self._since_examined = self._examined + 1, 0
        if self._pair is None:
            self._pair = _draw_pair(self.model, self.examples)
        examples = keras.tree.map_structure(tf.convert_to_tensor, self.examples)
        return {name: float(value) for name, value in self._measure(examples, self._pair).items()}

    def _measure_all(self, examples: object, pair: tuple) -> dict[str, tf.Tensor]:
        model = self.model
        encoded = [model.encoder(view, training=False) for view in pair]
        first, second = (model.projector(features, training=False) for features in encoded)
        return {
            "effective_rank": effective_rank(encoded[0] if model.views is None else model(examples, training=False)),
            "alignment": alignment(first, second),
            "uniformity": (uniformity(first) + uniformity(second)) / 2.0,
        }

    def since(self, step: int) -> dict[str, float]:
        """The newest of each measurement after `step`, and the step of the last; empty where there was none."""
        return _newest(point for point in self.history if point["step"] > step)

    def get_state(self) -> dict:
        """What a checkpoint keeps: JSON can hold it."""
        return {
            "history": [dict(point) for point in self.history],
            "window": self._window.pending(),
            "examined": [self._examined, self._since_examined],
            "verdict": {"state": self.verdict.state, "sentence": self.verdict.sentence},
        }

    def set_state(self, state: dict) -> None:
        """Puts back what `get_state` returned; call it before `fit`."""
        self.history = [dict(point) for point in state["history"]]
        self.latest = _newest(self.history)
        self._examined, self._since_examined = state.get("examined", [0, 0])
        self.verdict = Verdict(**state["verdict"])
        self._window = Window(*state["window"])


def _count(examples: object) -> int:
    """How many examples there are to look at."""
    if examples is None:
        return 0
    check_arrays(examples, "examples")
    lengths = {len(leaf) for leaf in keras.tree.flatten(examples)}
    if len(lengths) != 1 or min(lengths) < 2:
        raise ValueError(
            "`examples` must be arrays of one length, two examples or more. "
            f"Received: arrays of the lengths {sorted(lengths)}"
        )
    return lengths.pop()


def _draw_pair(model: keras.Model, examples: object) -> tuple:
    """Two views of every example, always the same two; random states that the views keep are put back."""
    draw = tf.function(lambda batch: model.views_of(batch, tf.constant([0, 0])))
    examples = keras.tree.map_structure(tf.convert_to_tensor, examples)
    drawn_from = draw.get_concrete_function(examples).graph.variables
    states = [variable.read_value() for variable in drawn_from]
    pair = draw(examples)
    for variable, state in zip(drawn_from, states, strict=True):
        variable.assign(state)
    return pair


def _newest(history: Iterable[dict[str, float]]) -> dict[str, float]:
    return functools.reduce(operator.or_, history, {})


def _thinned(history: list[dict[str, float]]) -> list[dict[str, float]]:
    history = [point for point in history if math.isfinite(point["target_std"])]
    if len(history) <= _MEMORY:
        return history
    half = _MEMORY // 2
    # What is forgotten leaves what its neighbour has not measured.
    return [*map(operator.or_, history[1:half:2], history[:half:2]), *history[half:]]
