"""Which layers are frozen and how fast each learns, in encoders made of parts."""

import keras
import numpy as np
import pytest
from builders import vectors

from byol_keras.finetuning import finetune
from byol_keras.finetuning.layerwise import factors_of


class Block(keras.layers.Layer):
    """A token of its own, and two layers inside."""

    def build(self, shape):
        self.token = self.add_weight(shape=shape[1:], name="token")
        self.inner = [dense("a"), dense("b")]
        for layer in self.inner:
            layer.build(shape)

    def call(self, inputs):
        return self.inner[1](self.inner[0](inputs + self.token))


def dense(name):
    return keras.layers.Dense(4, name=name, use_bias=False)


def nested(kind):
    """`first`, then `a` and `b` inside of something called `block`, then `last`."""
    inputs, shared = keras.Input((4,)), dense("a")
    if kind == "layer":
        block = Block(name="block")
    elif kind == "sequential":
        block = keras.Sequential([keras.Input((4,)), dense("a"), dense("b")], name="block")
    else:
        block = keras.Model(inputs, dense("b")(shared(inputs)), name="block")
    before, outside = keras.Input((4,)), shared if kind == "shared" else keras.layers.ReLU()
    return keras.Model(before, outside(dense("last")(block(dense("first")(before)))))


def owners(variables):
    return [variable.path.split("/")[-2] for variable in variables]


@pytest.mark.parametrize("kind", ["functional", "sequential", "layer"])
def test_layers__inside_of_others_are_counted_from_the_input(kind):
    own = ["block"] if kind == "layer" else []
    order = ["first", *own, "a", "b", "last"]
    encoder = nested(kind)
    factors = factors_of(encoder, encoder.weights, 2.0 ** -len(order))
    found = dict(zip(owners(encoder.weights), factors, strict=True))
    assert sorted(found, key=found.get) == order
    assert sorted(found.values()) == pytest.approx([2.0 ** (place - len(order)) for place in range(len(order))])
    for frozen, learning in (("a", ["b", "last"]), ("block", ["last"]), ((len(order) - 1) / len(order), ["last"])):
        tuned = finetune(encoder, 2, frozen=frozen).encoder
        # A token is frozen with the last layer that is in the same block.
        left = own if frozen == "a" else []
        assert sorted(owners(tuned.trainable_variables)) == sorted(left + learning)
    assert not finetune(encoder, 2, frozen=1.0).encoder.trainable_variables


def test_layers__that_are_used_twice_count_where_they_come_first():
    encoder = nested("shared")
    assert len(encoder.weights) == 4
    assert factors_of(encoder, encoder.weights, 1 / 16) == [1 / 16, 1 / 8, 1 / 4, 1 / 2]


def test_frozen__takes_the_name_of_a_recurrent_layer():
    encoder = keras.Sequential([keras.Input((5, 4)), keras.layers.LSTM(3, name="memory"), dense("last")])
    assert owners(finetune(encoder, 2, frozen="memory").encoder.trainable_variables) == ["last"]


def test_encoder__without_weights_has_a_head_that_learns():
    encoder, data, labels = keras.Sequential([keras.Input((6,)), keras.layers.ReLU()]), vectors(32), np.arange(32) % 2
    classifier = finetune(encoder, 2, first_layer_rate=0.1)
    classifier.fit(data, labels, verbose=0)
    assert classifier.optimizer.factors == [1.0, 1.0]
    assert np.any(classifier.head.kernel)
