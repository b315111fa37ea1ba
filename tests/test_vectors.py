"""Rows of numbers: their views, their encoder, and training on them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import two_devices

import byol_keras as bk
from byol_keras.views import VectorViews, vectors

GENERATOR = np.random.default_rng(0)
# Each column has a range of its own, so that a value tells where it comes from.
ROWS = (GENERATOR.uniform(size=(200, 6)) + 10.0 * np.arange(6)).astype("float32")


def changed(view, rows=ROWS):
    return np.mean(np.asarray(view) != rows)


def test_corruption__takes_its_share_of_values_from_their_own_columns():
    first, second = VectorViews(corruption=0.4, noise=0.0)(ROWS, seed=(1, 2))
    for view in (first, second):
        # A row may draw itself.
        assert changed(view) == pytest.approx(0.4 * (1 - 1 / 200), abs=0.05)
        for column in range(6):
            assert set(np.asarray(view)[:, column]) <= set(ROWS[:, column])
    assert changed(first, second) > 0.3


def test_masking__puts_the_mean_of_the_column_into_its_share():
    view, _ = VectorViews(corruption=0.0, masking=0.25, noise=0.0)(ROWS, seed=(1, 2))
    masked = np.asarray(view) != ROWS
    assert masked.mean() == pytest.approx(0.25, abs=0.05)
    np.testing.assert_allclose(
        np.asarray(view)[masked], np.broadcast_to(ROWS.mean(axis=0), ROWS.shape)[masked], rtol=1e-5
    )


def test_scaling_and_noise__have_the_spread_they_promise():
    scaled, _ = VectorViews(corruption=0.0, scaling=0.2, noise=0.0)(ROWS, seed=(1, 2))
    factors = np.log(np.asarray(scaled) / ROWS)
    np.testing.assert_allclose(factors, np.broadcast_to(factors[:, :1], factors.shape), atol=1e-5)
    assert factors[:, 0].std() == pytest.approx(0.2, rel=0.15)
    noisy, _ = VectorViews(corruption=0.0, noise=0.5)(ROWS, seed=(1, 2))
    np.testing.assert_allclose((noisy - ROWS).numpy().std(axis=0), 0.5 * ROWS.std(axis=0), rtol=0.25)


def test_categories__are_corrupted_only():
    rows = ROWS.copy()
    rows[:, 2] = GENERATOR.integers(0, 4, 200)
    views = VectorViews(corruption=0.5, masking=0.5, scaling=1.0, noise=1.0, categorical=[2])
    view = np.asarray(views(rows, seed=(1, 2))[0])
    assert set(view[:, 2]) == {0.0, 1.0, 2.0, 3.0}
    assert np.mean(view[:, 2] != rows[:, 2]) == pytest.approx(0.5 * 0.75, abs=0.12)


def test_views__are_a_function_of_the_seed_and_the_same_compiled():
    views = VectorViews(0.3, 0.2, 0.1, 0.1, categorical=[1])
    eager = views(ROWS, seed=(1, 2))
    for jit in (False, True):
        compiled = tf.function(views, jit_compile=jit)(tf.constant(ROWS), tf.constant([1, 2]))
        for ours, theirs in zip(eager, compiled, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    assert changed(views(ROWS, seed=(1, 3))[0], np.asarray(eager[0])) > 0.5


def test_views__of_two_replicas_are_those_of_one_device():
    views = VectorViews(0.3, 0.2, 0.1, 0.1)
    expected = views(ROWS, seed=(1, 2))[0]
    strategy = two_devices()
    rows = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(np.split(ROWS, 2)[context.replica_id_in_sync_group])
    )
    run = tf.function(lambda rows: strategy.run(lambda part: views(part, tf.constant([1, 2]))[0], [rows]))
    found = np.concatenate(strategy.experimental_local_results(run(rows)))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


def test_views__gather_the_batch_of_all_replicas_once(monkeypatch):
    gathered = []
    monkeypatch.setattr(vectors, "gathered", lambda batch: gathered.append(batch) or batch)
    VectorViews(0.3, 0.2, 0.1, 0.1)(ROWS, seed=(1, 2))
    assert len(gathered) == 1
    VectorViews(0.0, 0.0, 0.1, 0.0)(ROWS, seed=(1, 2))
    assert len(gathered) == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"corruption": 1.5}, "`corruption`"),
        ({"masking": -1}, "`masking`"),
        ({"masking": "0.1"}, r"`masking` must be in \[0, 1\]. Received: masking='0.1'"),
        ({"noise": -1}, "`noise` must be 0 or more"),
        ({"scaling": np.inf}, "`scaling` must be 0 or more, and finite"),
        ({"categorical": [False, True]}, "`categorical` must be numbers of columns, from 0 on"),
        ({"categorical": ("age",)}, "`categorical` must be numbers of columns, from 0 on"),
    ],
)
def test_options__out_of_their_range_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        VectorViews(**options)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (ROWS.reshape(20, 10, 6), r"of shape \(batch, columns\)"),
        (ROWS.astype(str), "rows of numbers"),
        (ROWS * np.float32("nan"), "must be finite"),
        (ROWS[:, :3], "`categorical` must be numbers of columns, from 0 to 2"),
    ],
)
def test_rows__that_are_none_are_refused(rows, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        VectorViews(categorical=[4]).check(rows)


def test_mlp__brings_columns_to_one_scale_and_spreads_categories():
    encoder = bk.encoders.mlp(3, widths=(8, 5), statistics=([1.0, 0.0, 2.0], [2.0, 1.0, 0.5]), categories={1: 4})
    front = keras.Model(encoder.inputs, encoder.get_layer("columns").output)
    np.testing.assert_allclose(front(np.array([[3.0, 2.0, 2.5]])), [[1.0, 1.0, 0.0, 0.0, 1.0, 0.0]])
    assert encoder.output_shape == (None, 5)
    revived = keras.Model.from_config(encoder.get_config())
    revived.set_weights(encoder.get_weights())
    np.testing.assert_allclose(revived(ROWS[:, :3]), encoder(ROWS[:, :3]), atol=1e-6)


def test_mlp__of_categories_alone_spreads_them_all():
    encoder = bk.encoders.mlp(np.int64(2), statistics=np.array([[0, 0], [1, 1]]), categories={0: 3, 1: 2})
    front = keras.Model(encoder.inputs, encoder.get_layer("columns").output)
    np.testing.assert_array_equal(front(np.array([[2.0, 0.0]])), [[0, 0, 1, 1, 0]])


@pytest.mark.parametrize("jit", [False, True])
def test_columns__take_no_other_number_for_a_category(jit):
    layer = bk.layers.Columns(categories={0: 2})
    found = tf.function(layer, jit_compile=jit)(tf.constant([[0.0], [1.0], [1.7], [-0.5], [2.0], [np.nan]]))
    np.testing.assert_array_equal(found, [[1, 0], [0, 1], [0, 0], [0, 0], [0, 0], [0, 0]])


@pytest.mark.parametrize(
    "build",
    [
        lambda: bk.encoders.mlp(0),
        lambda: bk.encoders.mlp(4, widths=()),
        lambda: bk.encoders.mlp(4, statistics=([0.0] * 4, [1.0, 0.0, 1.0, 1.0])),
        lambda: bk.encoders.mlp(4, categories={1: 0}),
        lambda: bk.encoders.mlp((28, 28)),
        lambda: bk.encoders.mlp(4.5),
        lambda: bk.encoders.mlp(4, categories={4: 3}),
        lambda: bk.encoders.mlp(4, statistics=([1.0], [2.0])),
        lambda: bk.encoders.mlp(4, statistics=([1.0] * 4, [2.0] * 3)),
    ],
)
def test_mlp__refuses_what_makes_no_network(build):
    with pytest.raises(ValueError, match=r"`(input_shape|widths|mean|deviation|categories)` must"):
        build()


@pytest.mark.slow
@pytest.mark.long
def test_training__on_rows_learns_which_hidden_group_they_come_from(tmp_path):
    """Groups differ in which columns go together, which no single column shows."""
    labels = GENERATOR.integers(0, 4, 2000)
    directions = GENERATOR.normal(size=(4, 2, 20))
    hidden = GENERATOR.normal(size=(2000, 2))
    rows = (np.einsum("nh,nhc->nc", hidden, directions[labels]) + 0.3 * GENERATOR.normal(size=(2000, 20))).astype(
        "float32"
    )
    keras.utils.set_random_seed(0)
    model = bk.BYOL(bk.encoders.mlp(20, widths=(128, 128)), views=VectorViews(0.3, noise=0.1))
    model.compile(keras.optimizers.AdamW(1e-3))
    untrained = bk.evaluation.untrained(model.encoder, seed=0)
    model.fit(rows, epochs=30, batch_size=128, verbose=0)
    accuracy = {}
    for name, network in (("untrained", untrained), ("BYOL", model.encoder)):
        features = bk.evaluation.extract_features(network, rows)
        accuracy[name] = bk.evaluation.linear_probe(features[:1600], labels[:1600], features[1600:], labels[1600:])
    assert accuracy["BYOL"] > 0.8, accuracy
    path = bk.export.saved_model(model.encoder, tmp_path / "rows")
    served = tf.saved_model.load(path).signatures["serving_default"]
    np.testing.assert_allclose(served(features=rows[:5])["representation"], model.encoder(rows[:5]), atol=1e-4)
