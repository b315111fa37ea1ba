import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import mlp_encoder, vector_byol, vectors

import byol_keras as bk


def lars_by_hand(parameter, gradients, rate, decay, momentum, eta, adapted=True, clip=False):
    """The formula, in NumPy, one parameter, several steps."""
    moment = np.zeros_like(parameter)
    for gradient in gradients:
        if adapted:
            gradient = gradient + decay * parameter
            norms = np.linalg.norm(parameter), np.linalg.norm(gradient)
            ratio = eta * norms[0] / norms[1] if min(norms) > 0 else 1.0
            gradient = gradient * (min(ratio / rate, 1.0) if clip and min(norms) > 0 else ratio)
        moment = momentum * moment + gradient
        parameter = parameter - rate * moment
    return parameter


def run(optimizer, value, gradients):
    variable = keras.Variable(value)
    for gradient in gradients:
        optimizer.apply_gradients([(tf.constant(gradient), variable)])
    return variable.numpy()


@pytest.mark.parametrize("shape", [(3, 4), (4,), ()])
@pytest.mark.parametrize("clip", [False, True])
def test_lars__equals_the_formula(shape, clip):
    generator = np.random.default_rng(0)
    value = generator.normal(size=shape).astype("float32")
    gradients = generator.normal(size=(4, *shape)).astype("float32")
    options = {"weight_decay": 0.05, "momentum": 0.8, "trust_coefficient": 0.02}
    ours = run(bk.LARS(0.05, clip_trust_ratio=clip, **options), value, gradients)
    expected = lars_by_hand(value, gradients, 0.05, 0.05, 0.8, 0.02, adapted=len(shape) > 1, clip=clip)
    np.testing.assert_allclose(ours, expected, rtol=2e-6)


def test_lars__clips_the_trust_ratio():
    value, gradients = np.full((2, 2), 10.0, "float32"), [np.full((2, 2), 0.1, "float32")]
    options = {"weight_decay": 0.0, "trust_coefficient": 1.0}
    free = run(bk.LARS(0.5, **options), value, gradients)
    clipped = run(bk.LARS(0.5, clip_trust_ratio=True, **options), value, gradients)
    np.testing.assert_allclose(free, 10.0 - 0.5 * 100.0 * 0.1, rtol=1e-5)
    np.testing.assert_allclose(clipped, 10.0 - 0.5 * 1.0 * 0.1, rtol=1e-5)


@pytest.mark.parametrize(("value", "gradient"), [(0.0, 2.0), (3.0, 0.0)])
def test_lars__has_ratio_one_where_a_norm_is_zero(value, gradient):
    ours = run(bk.LARS(0.1, weight_decay=0.0), np.full((2, 2), value, "float32"), [np.full((2, 2), gradient)])
    np.testing.assert_allclose(ours, value - 0.1 * gradient, rtol=1e-6)


def test_lars__excludes_what_it_is_told_instead_of_by_rank():
    matrix, vector = keras.Variable(np.ones((2, 2), "float32")), keras.Variable(np.ones(2, "float32"))
    optimizer = bk.LARS(0.1, weight_decay=0.0)
    optimizer.exclude([matrix])
    optimizer.apply_gradients([(tf.ones((2, 2)), matrix), (tf.ones(2), vector)])
    np.testing.assert_allclose(matrix, 0.9, rtol=1e-6)
    np.testing.assert_allclose(vector, 1.0 - 0.1 * 1e-3, rtol=1e-6)


def test_lars__spares_what_was_excluded_before_compile_beside_the_layers_own():
    optimizer, encoder = bk.LARS(0.1), mlp_encoder()
    optimizer.exclude([encoder.layers[0].kernel])
    vector_byol(optimizer, encoder=encoder)
    excluded = [optimizer._is_excluded(variable) for variable in encoder.trainable_variables]
    assert excluded == [True, True, True, True, False, True]


def test_lars__spares_the_decay_alone_where_keras_is_told_so():
    spared, other = (keras.Variable(np.ones((2, 2), "float32"), name=name) for name in ("spared", "other"))
    optimizer = bk.LARS(0.1, weight_decay=0.5, trust_coefficient=1.0)
    optimizer.exclude_from_weight_decay(var_names=["spared"])
    optimizer.apply_gradients([(tf.zeros((2, 2)), variable) for variable in (spared, other)])
    np.testing.assert_allclose(spared, 1.0)
    np.testing.assert_allclose(other, 0.9, rtol=1e-6)


def test_lars__learns_from_byol_what_a_bias_is():
    tokens = keras.Input((4, 6))
    attended = keras.layers.MultiHeadAttention(num_heads=2, key_dim=3)(tokens, tokens)
    normalized = keras.layers.LayerNormalization(axis=(1, 2))(attended)
    encoder = keras.Model(tokens, keras.layers.Dense(5)(keras.layers.Flatten()(normalized)))
    model = vector_byol(bk.LARS(0.1), encoder=encoder)
    excluded = {variable.path for variable in model.trainable_variables if model.optimizer._is_excluded(variable)}
    rank_two = {variable.path for variable in model.encoder.trainable_variables if len(variable.shape) == 2}
    kernels = {path for path in rank_two if path.endswith("kernel")}
    assert rank_two - kernels <= excluded
    assert len(rank_two - kernels) == 5  # query, key and value biases; gamma and beta over two axes
    assert not excluded & kernels


def test_lars__decay_is_not_applied_a_second_time_by_keras():
    optimizer = bk.LARS(0.5, weight_decay=0.5, trust_coefficient=1.0)
    assert optimizer.weight_decay is None
    ours = run(optimizer, np.full((2, 2), 1.0, "float32"), [np.zeros((2, 2), "float32")])
    np.testing.assert_allclose(ours, 1.0 - 0.5 * (2.0 / 1.0) * 0.5, rtol=1e-6)


def test_lars__config_covers_the_constructor_and_continues_the_same():
    optimizer = bk.LARS(
        0.3, weight_decay=0.1, momentum=0.7, trust_coefficient=0.02, clip_trust_ratio=True, clipnorm=1.0
    )
    named = set(inspect.signature(bk.LARS).parameters) - {"kwargs"}
    assert named <= set(optimizer.get_config())
    revived = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    value = np.arange(6, dtype="float32").reshape(2, 3) + 1
    gradients = np.random.default_rng(0).normal(size=(3, 2, 3)).astype("float32")
    np.testing.assert_array_equal(run(optimizer, value, gradients), run(revived, value, gradients))


def test_lars__under_loss_scaling_equals_plain():
    value = np.arange(6, dtype="float32").reshape(2, 3) + 1
    gradients = np.random.default_rng(0).normal(size=(3, 2, 3)).astype("float32")
    scaled = keras.optimizers.LossScaleOptimizer(bk.LARS(0.3), initial_scale=8.0)
    ours = run(scaled, value, 8.0 * gradients)
    np.testing.assert_allclose(ours, run(bk.LARS(0.3), value, gradients), rtol=1e-6)


def test_lars__takes_sparse_gradients_of_embeddings():
    table = keras.Variable(np.ones((4, 2), "float32"))
    slices = tf.IndexedSlices(tf.ones((1, 2)), tf.constant([2]), tf.constant([4, 2]))
    bk.LARS(0.1, weight_decay=0.0).apply_gradients([(slices, table)])
    dense = np.zeros((4, 2), "float32")
    dense[2] = 1.0
    np.testing.assert_allclose(table, lars_by_hand(np.ones((4, 2)), [dense], 0.1, 0.0, 0.9, 1e-3), rtol=1e-6)


@pytest.mark.parametrize(
    "arguments",
    [{"momentum": 1.0}, {"momentum": -0.1}, {"weight_decay": -1.0}, {"weight_decay": None}, {"trust_coefficient": 0.0}],
)
def test_lars__refuses_impossible_numbers(arguments):
    with pytest.raises(ValueError, match=rf"`{next(iter(arguments))}` must .* Received"):
        bk.LARS(0.1, **arguments)


def test_accumulation__equals_one_large_batch_for_an_encoder_without_batch_statistics():
    """Four batches of 8, accumulated, take the step that LARS takes on their mean gradient."""
    encoder = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5)])
    head = keras.Sequential([keras.Input((5,)), keras.layers.Dense(5)])
    data = vectors(32)
    pairs = {"view_1": data, "view_2": data[:, ::-1].copy()}
    results = []
    for size, accumulation in ((32, None), (8, 4)):
        parts = [keras.models.clone_model(part) for part in (encoder, head, head)]
        for part, original in zip(parts, (encoder, head, head), strict=True):
            part.set_weights(original.get_weights())
        model = bk.BYOL(parts[0], views=None, projector=parts[1], predictor=parts[2])
        model.compile(bk.LARS(5.0, gradient_accumulation_steps=accumulation))
        model.fit(pairs, batch_size=size, shuffle=False, verbose=0)
        parts = (model.encoder, model.projector, model.predictor, model.target_encoder)
        results.append([weight for part in parts for weight in part.get_weights()])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert not np.allclose(results[0][0], encoder.get_weights()[0], atol=1e-3)


def test_accumulation__stretches_the_schedule_over_optimizer_steps():
    schedule = bk.schedules.WarmupCosine(0.1, total_steps=8)
    model = vector_byol(bk.LARS(schedule, gradient_accumulation_steps=4))
    history = model.fit(vectors(64), batch_size=8, epochs=4, verbose=0).history
    expected = [float(schedule(batch // 4)) for batch in (7, 15, 23, 31)]
    np.testing.assert_allclose(history["learning_rate"], expected, rtol=1e-5)
    assert int(model.optimizer.iterations) == 8


def test_optimizer__other_keras_optimizers_train_too():
    for optimizer in (keras.optimizers.AdamW(1e-3), keras.optimizers.SGD(0.1, nesterov=True, momentum=0.9)):
        model = vector_byol(optimizer, encoder=mlp_encoder())
        before = model.encoder.get_weights()[0]
        model.fit(vectors(16), batch_size=8, verbose=0)
        assert not np.array_equal(before, model.encoder.get_weights()[0])


def test_lars__keeps_the_rate_outside_the_momentum():
    """The second step's rate of 0 stops what the first one set going; inside the momentum it would roll on."""
    stops = keras.optimizers.schedules.PiecewiseConstantDecay([0], [1.0, 0.0])
    ours = run(bk.LARS(stops), np.ones(3, "float32"), [np.full(3, 0.25, "float32")] * 2)
    np.testing.assert_allclose(ours, 0.75, rtol=1e-6)


def test_lars__takes_a_whole_number_as_rate():
    assert bk.LARS(1).get_config()["learning_rate"] == 1.0
