"""Every mistake that can be seen before training is one sentence, and nothing was trained."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, mlp_encoder, noisy_vectors, pictures, vector_byol, vectors, weights_of

import byol_keras as bk
from byol_keras.callbacks import TargetEMA


def expect_refusal(message, call, *arguments, error=ValueError, **options):
    with pytest.raises(error, match=message) as caught:
        call(*arguments, **options)
    text = str(caught.value)
    assert "`" in text
    assert "Received" in text
    assert "\n" not in text


def picture_byol():
    model = bk.BYOL(bk.encoders.small_resnet((16, 16, 3), widths=(4,)), views=bk.views.ImageViews(16))
    model.compile(bk.LARS(0.1))
    return model


def test_encoder__that_is_not_built_is_refused():
    expect_refusal("`encoder` must be built", bk.BYOL, keras.Sequential([keras.layers.Dense(3)]))


@pytest.mark.parametrize("encoder", ["resnet", keras.layers.Dense(3), None])
def test_encoder__that_is_not_a_model_is_refused(encoder):
    expect_refusal("`encoder` must be a Keras model", bk.BYOL, encoder, error=TypeError)


def test_encoder__whose_output_is_no_vector_is_refused():
    inputs = keras.Input((6,))
    dense = keras.layers.Dense(3)(inputs)
    scalar = keras.layers.Reshape(())(keras.layers.Dense(1)(inputs))
    for outputs in ([dense, dense], {"a": dense}, scalar):
        expect_refusal("`encoder` must return a vector", bk.BYOL, keras.Model(inputs, outputs))


def test_encoder__that_can_not_be_copied_is_refused():
    class Closed(keras.Model):
        def __init__(self, table):
            super().__init__()
            self.table = table
            self.dense = keras.layers.Dense(3)

        def call(self, inputs):
            return self.dense(inputs)

    encoder = Closed(object())
    encoder(vectors(2))
    with pytest.raises(TypeError, match="`encoder` can't be copied for the target network"):
        bk.BYOL(encoder)


def test_heads__that_do_not_fit_are_refused():
    expect_refusal(
        "`projector` must take what `encoder` returns",
        bk.BYOL,
        mlp_encoder(),
        projector=bk.heads.projector(7),
    )
    projector = bk.heads.projector(5, hidden=8, output=4)
    expect_refusal(
        "`predictor` must take what `projector` returns",
        bk.BYOL,
        mlp_encoder(),
        projector=projector,
        predictor=bk.heads.predictor(5),
    )
    expect_refusal(
        "`predictor` must return vectors as long",
        bk.BYOL,
        mlp_encoder(),
        projector=projector,
        predictor=bk.heads.predictor(4, hidden=8, output=3),
    )
    expect_refusal(
        "`projector` must be a built",
        bk.BYOL,
        mlp_encoder(),
        projector=keras.Sequential([keras.layers.Dense(3)]),
    )


def test_batch__of_one_is_refused_with_batch_normalisation_only():
    expect_refusal("`batch_size` must be at least 2", vector_byol().fit, vectors(8), batch_size=1)
    expect_refusal("`batch_size` must be at least 2", vector_byol().fit, tf.data.Dataset.from_tensors(vectors(1)))
    plain = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5)])
    head = keras.Sequential([keras.Input((5,)), keras.layers.Dense(5)])
    model = bk.BYOL(plain, views=noisy_vectors, projector=head, predictor=keras.models.clone_model(head))
    model.compile(bk.LARS(0.1))
    model.fit(vectors(2), batch_size=1, verbose=0)


def test_batch__larger_than_the_data_is_refused():
    for size in (16, 0):
        expect_refusal("`batch_size` must lie between 1 and the 8", vector_byol().fit, vectors(8), batch_size=size)


def test_views_and_encoder__that_disagree_on_shape_are_refused():
    model = bk.BYOL(bk.encoders.small_resnet((32, 32, 3), widths=(4,)), views=bk.views.ImageViews(16))
    model.compile(bk.LARS(0.1))
    expect_refusal(r"`views` and `encoder` must agree on shape.*\(16, 16, 3\)", model.fit, pictures(8), batch_size=4)


def test_pixels__in_0_to_255_as_floats_are_refused_by_name():
    images = pictures(8).astype("float32")
    expect_refusal("255", picture_byol().fit, images, batch_size=4)
    expect_refusal("255", picture_byol().fit, tf.data.Dataset.from_tensor_slices(images).batch(4))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values__that_are_not_finite_are_refused_wherever_they_are(bad):
    images = pictures(8) / np.float32(255)
    images[7, 3, 3, 1] = bad
    expect_refusal("finite", picture_byol().fit, images, batch_size=4)
    data = vectors(8)
    data[7, 2] = bad
    expect_refusal("finite", vector_byol().fit, data, batch_size=4)
    expect_refusal("finite", vector_byol().fit, tf.data.Dataset.from_tensors(data))


@pytest.mark.parametrize(
    "empty",
    [
        np.zeros((0, 6), "float32"),
        tf.data.Dataset.from_tensor_slices(vectors(8)).take(0).batch(4),
        (batch for batch in ()),
    ],
)
def test_data__that_is_empty_is_refused(empty):
    expect_refusal("`x` is empty", vector_byol().fit, empty, callbacks=[TargetEMA(total_steps=1)])


@pytest.mark.parametrize("examples", [[1.0, 2.0], ["see", "it"]])
def test_dataset__that_is_not_batched_is_refused(examples):
    expect_refusal("`x` must come in batches", vector_byol().fit, tf.data.Dataset.from_tensor_slices(examples))


@pytest.mark.parametrize("nothing", [None, 3.0])
def test_data__that_is_no_data_is_refused(nothing):
    expect_refusal("`x` must be arrays, a dataset or a generator", vector_byol().fit, nothing, error=TypeError)


def test_arrays__of_different_lengths_are_refused():
    expect_refusal("`x` holds arrays of different lengths", vector_byol().fit, {"a": vectors(4), "b": vectors(5)})


def test_pairs__as_a_plain_tuple_are_refused_with_the_right_form():
    pairs = tf.data.Dataset.from_tensor_slices((vectors(8), vectors(8))).batch(4)
    expect_refusal("'view_1': ...", vector_byol(views=None).fit, pairs)


def test_weights__of_examples_are_refused():
    with pytest.raises(ValueError, match="`sample_weight` must be None"):
        vector_byol().fit(vectors(8), sample_weight=np.ones(8))


def test_compile__refuses_a_loss_and_metrics():
    expect_refusal("the loss belongs to the model's constructor", vector_byol().compile, "sgd", loss="mse")
    expect_refusal("metrics", vector_byol().compile, "sgd", metrics=["accuracy"])


@pytest.mark.parametrize("options", [{}, {"steps_per_execution": 4}, {"jit_compile": True}])
def test_loss__that_becomes_nan_stops_with_its_step_and_keeps_the_last_good_state(options):
    """The views of batch 5 are broken: after the error everything is as it was after batch 4."""

    def broken(batch, seed):
        first, second = noisy_vectors(batch, seed)
        poison = tf.where(batch[0, 0] > 1000.0, np.nan, 0.0)
        return first + poison, second

    data = vectors(64)
    data[40:48, 0] = 2000.0  # the sixth batch of eight
    model = vector_byol(views=broken, compile_options=options)
    with pytest.raises(ValueError, match=r"`loss` or its gradients became non-finite at step 6\."):
        model.fit(data, batch_size=8, shuffle=False, callbacks=[TargetEMA(0.9, "constant")], verbose=0)
    reference = vector_byol(views=broken, compile_options=options)
    reference.fit(data[:40], batch_size=8, shuffle=False, callbacks=[TargetEMA(0.9, "constant")], verbose=0)
    assert int(model.optimizer.iterations) == 5
    assert int(model.batches_seen) == 6
    for part in ("encoder", "projector", "predictor", "target_encoder", "target_projector"):
        assert_same(weights_of(getattr(model, part)), weights_of(getattr(reference, part)), atol=1e-6)
    assert_same(*[[v.numpy() for v in run.optimizer.variables] for run in (model, reference)], atol=1e-6)
    model.fit(vectors(16), batch_size=8, verbose=0)
    assert int(model.optimizer.iterations) == 7


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_gradients__that_become_nan_stop_training_though_the_loss_is_finite(policy):
    """sqrt at 0 has a finite value and an infinite slope; in float16 that is no overflow once nothing is scaled up."""

    def sharp(prediction, target):
        return tf.reduce_sum(tf.sqrt(tf.abs(prediction - tf.stop_gradient(prediction))), axis=-1)

    keras.config.set_dtype_policy(policy)
    model = vector_byol(loss=sharp)
    if policy == "mixed_float16":
        model.optimizer.dynamic_scale.assign(1.0)
    before = weights_of(model.encoder)
    with pytest.raises(ValueError, match="became non-finite at step 1"):
        model.fit(vectors(16), batch_size=8, verbose=0)
    assert_same(before, weights_of(model.encoder))
    with pytest.raises(ValueError, match="became non-finite at step 2"):
        model.train_on_batch(vectors(8))


def test_strategy__of_parameter_servers_is_refused(monkeypatch):
    server = object.__new__(tf.distribute.ParameterServerStrategy)
    encoder = mlp_encoder()
    monkeypatch.setattr(tf.distribute, "get_strategy", lambda: server)
    with pytest.raises(ValueError, match="parameter-server strategy"):
        bk.BYOL(encoder)


def test_backend__other_than_tensorflow_is_refused():
    # No other backend is installed here: Keras is made to say that it runs on one.
    code = "import keras; keras.backend.backend = lambda: 'jax'; import byol_keras"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "ValueError: byol_keras trains with TensorFlow" in done.stderr
    assert "Received: keras.backend.backend()='jax'" in done.stderr


def test_target_ema__on_a_model_without_a_target_is_refused():
    plain = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
    plain.compile("sgd", "mse")
    data = {"x": vectors(8), "y": vectors(8)[:, :1], "callbacks": [TargetEMA(total_steps=1)]}
    expect_refusal("`TargetEMA` needs a model with a target", plain.fit, error=TypeError, **data)
