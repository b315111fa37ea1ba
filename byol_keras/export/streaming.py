"""Recurrent encoders that are fed piece by piece, and remember what came before."""

import os
from collections.abc import Mapping

import keras
import tensorflow as tf

from ..arguments import check_positive
from ..layers import Steps
from ..writing import beside
from .card import check_details, write_card
from .portable import REPRESENTATION, Portable
from .serving import new_version
from .signatures import Signature
from .soundness import warned_of

__all__ = ["streaming"]

_CHUNK = "chunk"


def streaming(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    batch_size: int = 1,
    details: Mapping[str, object] | None = None,
) -> str:
    """Writes a recurrent encoder as a SavedModel that reads series piece by piece, and returns its folder.

    It keeps the recurrent state inside, from call to call: after any chunks the answer is the representation of the
    whole series so far, as the encoder gives it for all of them at once. Of a chunk all steps count, zeros too: there
    is nothing to pad, since chunks may have any length, each another.

    | signature | takes | gives |
    |---|---|---|
    | `serving_default` | `chunk`, shape `(batch_size, steps, channels)` | `representation`, of the series so far |
    | `reset` | nothing | `steps`, how many were forgotten |

    The state is one for all who ask: every stream of its own needs a copy of its own that is loaded. Beside the model
    lies `model_card.json`.

    Args:
        model: an encoder of `bk.encoders.recurrent` that reads in one direction, or a `BYOL` with such a one.
        path: `NAME/VERSION` to write that version, which must not exist; or `NAME`, to which the next version is added.
        batch_size: series that are read side by side. Default 1.
        details: further entries of the model card. Default None.

    Example:
    >>> import tempfile, tensorflow as tf, byol_keras as bk
    >>> folder = streaming(bk.encoders.recurrent((None, 3), units=(8,)), tempfile.mkdtemp() + "/stream")
    >>> loaded = tf.saved_model.load(folder)
    >>> for steps in (5, 1, 12):
    ...     vector = loaded.signatures["serving_default"](chunk=tf.ones((1, steps, 3)))["representation"]
    >>> vector.shape, int(loaded.signatures["reset"]()["steps"])
    (TensorShape([1, 8]), 18)
    """
    check_positive(batch_size=batch_size)
    check_details(details)
    portable = Portable(model)
    stream = _Stream(portable.encoder, batch_size)
    spec = tf.TensorSpec((batch_size, None, portable.encoder.input_shape[-1]), tf.float32, _CHUNK)
    signatures = {
        "serving_default": Signature(stream.read, {_CHUNK: spec}, "the next steps of each series, all of which count"),
        "reset": Signature(stream.reset, {}, "forgets all steps so far"),
    }
    facts = {"batch_size": batch_size, "warnings": warned_of(portable)}
    folder = new_version(os.fspath(path).rstrip("/"))
    tf.io.gfile.makedirs(os.path.dirname(folder) or ".")
    with beside(folder) as draft:
        functions = {
            name: tf.function(signature.function, input_signature=[*signature.inputs.values()])
            for name, signature in signatures.items()
        }
        tf.saved_model.save(stream, draft, signatures=functions)
        write_card(os.path.join(draft, "model_card.json"), portable, "streaming", draft, signatures, facts, details)
    return folder


class _Stream(tf.Module):
    """The layers of an encoder, each with a state that goes on from call to call.

    Args:
        encoder: of `bk.encoders.recurrent`.
        batch_size: series side by side.
    """

    def __init__(self, encoder: keras.Model, batch_size: int) -> None:
        super().__init__()
        self.scale, *layers = _chain(encoder)
        self.layers = [_with_state(layer) for layer in layers]
        self.states = [
            [tf.Variable(tf.zeros((batch_size, size)), trainable=False) for size in layer.state_size]
            for layer in self.layers
        ]
        # A stream has no end: in float32 the sum would cease to grow, and 31 bits are counted through within days.
        self.total = tf.Variable(tf.zeros((batch_size, self.layers[-1].units), tf.float64), trainable=False)
        self.steps = tf.Variable(0, dtype=tf.int64, trainable=False)

    def read(self, chunk: tf.Tensor) -> dict[str, tf.Tensor]:
        """The representation of all steps since the last reset."""
        values = self.scale.scaled(chunk)
        for layer, states in zip(self.layers, self.states, strict=True):
            values, *after = layer(values, initial_state=[state.read_value() for state in states])
            for state, value in zip(states, after, strict=True):
                state.assign(value)
        total = self.total.assign_add(tf.reduce_sum(tf.cast(values, tf.float64), axis=1))
        steps = self.steps.assign_add(tf.shape(chunk, tf.int64)[1])
        return {REPRESENTATION: tf.cast(total / tf.cast(tf.maximum(steps, 1), tf.float64), tf.float32)}

    def reset(self) -> dict[str, tf.Tensor]:
        """Forgets all steps, and says how many there were."""
        forgotten = tf.identity(self.steps.read_value())
        with tf.control_dependencies([forgotten]):
            for variable in (*tf.nest.flatten(self.states), self.total, self.steps):
                variable.assign(tf.zeros_like(variable))
        return {"steps": forgotten}


def _chain(encoder: keras.Model) -> list[keras.layers.Layer]:
    """Scaling and recurrent layers, from first to last."""
    kinds = (keras.layers.InputLayer, Steps, keras.layers.RNN, keras.layers.GlobalAveragePooling1D)
    layers = encoder.layers
    order = [next((place for place, kind in enumerate(kinds) if isinstance(layer, kind)), None) for layer in layers]
    if (
        None in order
        or order != sorted(order)
        or {0, 1, 2, 3} - set(order)
        or any(getattr(layer, "go_backwards", False) for layer in layers)
    ):
        raise ValueError(
            "`model` must be an encoder of `bk.encoders.recurrent` that reads in one direction: others need the whole "
            f"series. Received: model={encoder.name} with layers {', '.join(type(layer).__name__ for layer in layers)}"
        )
    return layers[1:-1]


def _with_state(layer: keras.layers.RNN) -> keras.layers.RNN:
    """The same layer, which tells its state too and loops over any number of steps."""
    config = layer.get_config() | {"return_sequences": True, "return_state": True, "unroll": False}
    # Kernels of GPUs would not run anywhere else.
    own = {} if isinstance(layer, keras.layers.SimpleRNN) else {"use_cudnn": False}
    copy = type(layer).from_config(config | own)
    copy.build((None, None, layer.cell.kernel.shape[0]))
    copy.set_weights(layer.get_weights())
    return copy
