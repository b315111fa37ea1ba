"""Copies of variables in half precision, each made once and shared by all passes of a step."""

from collections.abc import Callable, Iterable

import keras
import tensorflow as tf

from .stepping import replicas, summed

__all__ = ["HalfCopies", "plain_variables"]


class HalfCopies:
    """Inside of its `with`, passes in half precision share a copy of each variable; Keras makes one for every pass.

    Gradients of several passes then add up in half precision before they become float32, as they do under PyTorch's
    autocast. Both spare memory: a step of ResNet-18 took an eighth less. Replicas, whose threads take turns with the
    same variables, go on without.

    A copy is no part of what a tape records, so that passes on different tapes can share it: gradients are taken by the
    copies as well as by the variables (`differentiate`), and put together at the end (`joined`).

    Args:
        variables: what gradients are wanted of. Nothing may be assigned to them meanwhile.
        shared: those of them that are copied once. Of what a layer reads inside of a gradient of its own (as
            `tf.recompute_grad` is) a copy from outside would get no gradient: see `plain_variables`. Default: all.

    Example:
    >>> dense = keras.layers.Dense(3, dtype="mixed_bfloat16")
    >>> dense.build((None, 4))
    >>> with HalfCopies([dense.kernel]) as copies:
    ...     with tf.GradientTape() as tape:
    ...         copies.watch(tape)
    ...         loss = tf.reduce_sum(dense(tf.ones((2, 4))))
    ...     gradients = copies.differentiate(tape, loss)
    >>> [gradient.dtype.name for gradient in copies.joined(gradients)]
    ['float32']
    """

    def __init__(self, variables: Iterable[keras.Variable], shared: Iterable[keras.Variable] | None = None) -> None:
        self.variables = list(variables)
        wanted = {id(variable) for variable in (self.variables if shared is None else shared)}
        sharing = [variable for variable in self.variables if id(variable) in wanted and replicas() == 1]
        self._sharing = {id(variable): variable for variable in sharing}
        self._copies: list[tuple[int, tf.Tensor]] = []
        self._graph = tf.compat.v1.get_default_graph()
        self._tape = None

    def __enter__(self) -> "HalfCopies":
        for variable in self._sharing.values():
            # The copy is Keras' own: this stands in front of its method, and is never asked where that is named else.
            variable._maybe_autocast = self._shared(variable._maybe_autocast, id(variable))
        return self

    def __exit__(self, *_: object) -> None:
        for variable in self._sharing.values():
            del variable._maybe_autocast

    def _shared(self, cast: Callable, owner: int) -> Callable:
        made = {}

        def copied(value: tf.Variable) -> tf.Tensor:
            # Which precision a layer wants only its cast knows. The graph of a loop has copies of its own.
            graph, dtype = tf.compat.v1.get_default_graph(), cast(tf.zeros([], value.dtype)).dtype
            if (graph, dtype) not in made:
                copy = cast(value)
                made[graph, dtype] = copy if copy is value or graph is not self._graph else self._kept(owner, copy)
            return made[graph, dtype]

        return copied

    def _kept(self, owner: int, copy: tf.Tensor) -> tf.Tensor:
        copy = tf.stop_gradient(copy)
        self._copies.append((owner, copy))
        if self._tape is not None:
            self._tape.watch(copy)
        return copy

    def watch(self, tape: tf.GradientTape) -> None:
        """Has a tape record what is done with the copies: those that there are, and those that it will see made."""
        self._tape = tape
        for _, copy in self._copies:
            tape.watch(copy)

    def differentiate(self, tape: tf.GradientTape, loss: tf.Tensor, seed: tf.Tensor | None = None) -> list:
        """Gradients by the variables, where they are not copied, and then by the copies that there are so far."""
        sources = [*(variable.value for variable in self.variables), *(copy for _, copy in self._copies)]
        return tape.gradient(loss, sources, output_gradients=seed)

    def joined(self, gradients: list) -> list:
        """A gradient for each variable, in its own precision."""
        own, copied = gradients[: len(self.variables)], gradients[len(self.variables) :]
        found = {id(variable): [gradient] for variable, gradient in zip(self.variables, own, strict=True)}
        for (owner, _), gradient in zip(self._copies, copied, strict=True):
            found[owner].append(gradient)
        return [_joined(variable, found[id(variable)]) for variable in self.variables]


def plain_variables(layers: Iterable[keras.Layer]) -> list[keras.Variable]:
    """The variables of layers of which it is known that gradients reach a copy of them, too.

    These are the layers that compute as Keras' or ours do, and are not part of others that may do more.
    """
    variables, others = {}, set()
    for layer in layers:
        _sort(layer, variables, others)
    return [variable for variable in variables.values() if id(variable) not in others]


def _sort(layer: keras.Layer, variables: dict, others: set) -> None:
    package = type(layer).call.__module__.partition(".")[0]
    replaced = "call" in vars(layer) or layer._remat_mode is not None
    if replaced or package not in {"keras", __package__}:
        others.update(id(variable) for variable in layer.variables)
        return
    variables.update((id(variable), variable) for variable in layer._trainable_variables)
    for part in layer._flatten_layers(include_self=False, recursive=False):
        _sort(part, variables, others)


def _joined(variable: keras.Variable, gradients: list) -> tf.Tensor | tf.IndexedSlices | None:
    dtype = tf.as_dtype(variable.dtype)
    return summed(*(gradient if gradient is None else tf.cast(gradient, dtype) for gradient in gradients))
