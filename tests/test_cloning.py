"""The target network: the same architecture and weights, and variables of its own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, mlp_encoder, vectors, weights_of

from byol_keras.cloning import copied, copy_weights, in_float32, inputs_of, twin
from byol_keras.encoders import resized
from byol_keras.evaluation import untrained
from byol_keras.layers import convert_batch_norm


def test_twin__has_equal_weights_a_name_of_its_own_and_shares_nothing():
    model = mlp_encoder()
    for weight in model.weights:
        weight.assign_add(tf.ones_like(weight))
    copy = twin(model, "encoder")
    assert_same(weights_of(model), weights_of(copy))
    assert copy.name == "target_mlp"
    assert not {id(weight) for weight in model.weights} & {id(weight) for weight in copy.weights}
    np.testing.assert_array_equal(model(vectors(4)), copy(vectors(4)))


def test_twin__of_a_lambda_is_no_matter_of_trust():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Lambda(lambda x: 2.0 * x), keras.layers.Dense(5)])
    np.testing.assert_array_equal(model(vectors(4)), twin(model, "encoder")(vectors(4)))


def test_twin__names_the_argument_that_can_not_be_copied():
    class Forgetful(keras.Model):
        def __init__(self, units):
            super().__init__()
            self.dense = keras.layers.Dense(units)

        def call(self, inputs):
            return self.dense(inputs)

        def get_config(self):
            return {"units": 3}  # not what it was built with

    model = Forgetful(5)
    model(vectors(2))
    with pytest.raises(TypeError, match="`projector` can't be copied for the target network: it must be rebuilt"):
        twin(model, "projector")
    with pytest.raises(TypeError, match="`projector` can't be copied: it must be rebuilt"):
        copied(model, "projector")


def test_copied__keeps_its_name():
    model = mlp_encoder()
    copy = copied(model, "encoder")
    assert copy.name == "mlp"
    assert_same(weights_of(model), weights_of(copy))
    assert not {id(weight) for weight in model.weights} & {id(weight) for weight in copy.weights}


def test_inputs__have_the_structure_that_a_model_is_called_with():
    named = {name: keras.Input((3,), name=name) for name in ("left", "right")}
    model = keras.Model(named, keras.layers.Concatenate()(list(named.values())))
    assert set(inputs_of(model)) == set(named)
    assert inputs_of(mlp_encoder()).shape == (None, 6)


def test_copy_weights__refuses_networks_of_different_length():
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        copy_weights(mlp_encoder(), keras.Sequential([keras.Input((6,)), keras.layers.Dense(16)]))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16", "float16"])
def test_in_float32__leaves_no_half_precision(policy):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, dtype=policy, name="bfloat16")])
    copy = in_float32(model)
    assert (copy.compute_dtype, copy.variable_dtype, copy.layers[0].name) == ("float32", "float32", "bfloat16")
    assert_same([np.float32(weight) for weight in weights_of(model)], weights_of(copy))


COPIES = {
    "twin": lambda model: twin(model, "encoder"),
    "in_float32": in_float32,
    "resized": lambda model: resized(model, (4, 4, 3)),
    "convert_batch_norm": convert_batch_norm,
    "untrained": untrained,
}


@pytest.mark.parametrize("name", COPIES)
def test_copy__normalises_by_the_statistics_that_were_adapted(name):
    pixels = 50.0 + 10.0 * vectors(16, 48).reshape(16, 4, 4, 3)
    adapted = keras.layers.Normalization(dtype="float32")
    adapted.adapt(pixels)
    inner = keras.Sequential([keras.Input((None, None, 3)), adapted], name="inner")
    model = keras.Sequential([keras.Input((None, None, 3)), inner, keras.layers.Conv2D(2, 1, dtype="mixed_bfloat16")])
    copy = COPIES[name](model)
    assert copy is not model
    np.testing.assert_array_equal(copy.get_layer("inner")(pixels), adapted(pixels))
