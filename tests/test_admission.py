"""Each check on its own, from both sides: what it refuses, and the nearest thing that it lets in."""

import keras
import pytest
import tensorflow as tf
from builders import mlp_encoder

import byol_keras as bk
from byol_keras import admission
from byol_keras.assembly import assemble


def several_inputs():
    left, right = keras.Input((6,)), keras.Input((3,))
    return keras.Model([left, right], keras.layers.Dense(5)(keras.layers.Concatenate()([left, right])))


def test_check_encoder__refuses_features_of_unknown_length():
    ids = keras.Input((None,))
    embedded = keras.layers.Embedding(9, 1)(ids)
    with pytest.raises(ValueError, match=r"`encoder` must return a vector.*output shape \(None, None\)"):
        admission.check_encoder(keras.Model(ids, keras.layers.Reshape((-1,))(embedded)))
    for outputs in (embedded, keras.layers.GlobalAveragePooling1D()(embedded)):
        admission.check_encoder(keras.Model(ids, outputs))


def test_check_encoder__tells_one_without_weights_from_one_that_is_not_built():
    flat = keras.Sequential([keras.Input((6,)), keras.layers.Flatten()])
    with pytest.raises(ValueError, match=r"`encoder` must have weights to train. Received: .*, which has none"):
        admission.check_encoder(flat)
    with pytest.raises(ValueError, match="`encoder` must be built"):
        admission.check_encoder(keras.Sequential([keras.layers.Dense(3)]))


@pytest.mark.parametrize("head", [keras.layers.Dense(3), keras.Sequential([keras.layers.Dense(3)]), "dense"])
@pytest.mark.parametrize("argument", ["projector", "predictor"])
def test_assemble__refuses_heads_that_are_no_built_models(argument, head):
    heads = {"projector": None, "predictor": None, argument: head}
    with pytest.raises(ValueError, match=rf"`{argument}` must be a built Keras model. Received: {argument}="):
        assemble(mlp_encoder(), **heads)


def test_assemble__makes_a_predictor_that_fits_a_projector_of_any_length():
    _, projector, predictor = assemble(mlp_encoder(), bk.heads.projector(5, hidden=8, output=3), None)
    assert projector.output_shape == predictor.input_shape == predictor.output_shape == (None, 3)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("shape", [(4, 7), (4, 6, 1), (4,)])
def test_check_views__refuses_another_shape_in_either_view(place, shape):
    views = [tf.zeros((4, 6)), tf.zeros((4, 6))]
    admission.check_views(views, mlp_encoder())
    views[place] = tf.zeros(shape)
    name = ("view one", "view two")[place]
    with pytest.raises(ValueError, match=rf"`views` and `encoder` must agree on shape. Received: {name} of shape"):
        admission.check_views(views, mlp_encoder())


def test_check_views__refuses_another_number_of_inputs():
    both = [tf.zeros((4, 6)), tf.zeros((4, 3))]
    admission.check_views([both, both], several_inputs())
    with pytest.raises(ValueError, match=r"Received: view one of shape \(6,\), an encoder for \(6,\) and \(3,\)"):
        admission.check_views([both[:1], both[:1]], several_inputs())


@pytest.mark.parametrize(("size", "replicas", "refused"), [(1, 1, True), (2, 1, False), (2, 2, True), (4, 2, False)])
def test_check_batch_size__wants_two_examples_on_every_replica(size, replicas, refused):
    layers = [keras.layers.Dense(3), keras.layers.BatchNormalization()]
    admission.check_batch_size(size, replicas, layers[:1])
    if refused:
        with pytest.raises(ValueError, match="`batch_size` must be at least 2"):
            admission.check_batch_size(size, replicas, layers)
    else:
        admission.check_batch_size(size, replicas, layers)
