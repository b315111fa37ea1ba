"""A classifier from an encoder and labels."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, mlp_encoder, pictures, two_devices, vectors, weights_of

import byol_keras as bk
from byol_keras.finetuning import Classifier, finetune, finetuned_predictions
from byol_keras.viewing import seed_of_batch


def parity(count, seed):
    """Vectors whose class, the sign of a product, is no linear function of them."""
    data = vectors(count, seed=seed)
    return data, (data[:, 0] * data[:, 1] > 0).astype("int64")


def trained(encoder, data, labels, epochs=1, batch_size=16, **options):
    classifier = finetune(encoder, 2, **options)
    classifier.fit(data, labels, epochs=epochs, batch_size=batch_size, verbose=0)
    return classifier


@pytest.fixture(scope="module")
def tuned():
    keras.utils.set_random_seed(0)
    encoder = mlp_encoder(hidden=32, features=8)
    before, (data, labels) = weights_of(encoder), parity(400, seed=1)
    classifier = finetune(encoder, 2, steps=25 * 12)
    classifier.fit_head(data, labels)
    classifier.fit(data, labels, epochs=25, batch_size=32, verbose=0)
    return encoder, before, classifier


def test_finetune__learns_more_than_a_linear_classifier_of_the_features(tuned):
    encoder, _, classifier = tuned
    (data, labels), (queries, truth) = parity(400, seed=1), parity(400, seed=2)
    accuracy = np.mean(classifier.predict(queries, verbose=0).argmax(axis=1) == truth)
    bank, features = (bk.evaluation.extract_features(encoder, part) for part in (data, queries))
    assert accuracy > 0.85
    assert accuracy > bk.evaluation.linear_probe(bank, labels, features, truth) + 0.05
    assert classifier.evaluate(queries, truth, verbose=0)[1] == pytest.approx(accuracy)


def test_finetune__leaves_the_given_encoder_bitwise_alone(tuned):
    encoder, before, classifier = tuned
    assert_same(before, weights_of(encoder))
    assert encoder.trainable
    assert not np.array_equal(encoder.trainable_weights[0], classifier.encoder.trainable_weights[0])


def changed(encoder, classifier):
    """Which layers with weights learned something."""
    pairs = zip(encoder.layers, classifier.encoder.layers, strict=True)
    moved = [(ours.name, ours.weights, theirs.weights) for ours, theirs in pairs if ours.weights]
    return [not all(map(np.array_equal, ours, theirs)) for _, ours, theirs in moved]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [True, True, True]),
        ({"frozen": 1 / 3}, [False, True, True]),
        ({"frozen": 1.0}, [False, False, False]),
        ({"frozen": "normalization"}, [False, False, True]),
        ({"freeze_batch_norm": True}, [True, False, True]),
        ({"optimizer": "adam"}, [True, True, True]),
    ],
)
def test_finetune__trains_what_is_not_frozen(options, expected):
    encoder, (data, labels) = mlp_encoder(), parity(48, seed=1)
    if options.get("frozen") == "normalization":
        options = {"frozen": encoder.layers[1].name}
    # The head starts at zero, and lets gradients through after its first step.
    classifier = trained(encoder, data, labels, epochs=2, **options)
    assert changed(encoder, classifier) == expected
    assert np.any(classifier.head.kernel)


@pytest.mark.parametrize("freeze_batch_norm", [False, True])
def test_finetune__frozen_layers_stay_unless_all_are(freeze_batch_norm):
    encoder, (data, labels) = mlp_encoder(), parity(48, seed=1)
    encoder.layers[0].trainable = False
    options, normalised = {"freeze_batch_norm": freeze_batch_norm}, not freeze_batch_norm
    assert changed(encoder, trained(encoder, data, labels, **options)) == [False, normalised, True]
    encoder.trainable = False
    assert changed(encoder, trained(encoder, data, labels, **options)) == [True, normalised, True]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_finetune__the_rate_climbs_by_one_factor_from_layer_to_layer(optimizer):
    encoder, (data, labels) = mlp_encoder(), parity(16, seed=1)
    steps = []
    for rate in (1.0, 0.125):
        classifier = finetune(encoder, 2, first_layer_rate=rate, optimizer=optimizer, learning_rate=1e-3)
        classifier.head.set_weights([np.ones((5, 2), "float32") * [1, -1], np.zeros(2)])
        before = [variable.numpy() for variable in classifier.trainable_variables]
        classifier.train_on_batch(data, labels)
        steps.append([new.numpy() - old for new, old in zip(classifier.trainable_variables, before, strict=True)])
    # Dense (kernel, bias), batch normalisation (scale, offset), dense, head.
    expected = [0.125, 0.125, 0.25, 0.25, 0.5, 0.5, 1.0, 1.0]
    for one, other, factor in zip(*steps, expected, strict=True):
        np.testing.assert_allclose(other, factor * one, rtol=1e-2, atol=1e-7)
        assert np.abs(one).max() > 1e-5 or factor == 0.125


def test_finetune__returns_probabilities_and_survives_saving(tuned, tmp_path):
    classifier, queries = tuned[2], vectors(20, seed=3)
    probabilities = classifier.predict(queries, verbose=0)
    assert probabilities.shape == (20, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(classifier.network.predict(queries, verbose=0), probabilities)
    classifier.save(tmp_path / "classifier.keras")
    revived = keras.models.load_model(tmp_path / "classifier.keras")
    np.testing.assert_array_equal(revived.predict(queries, verbose=0), probabilities)
    assert revived.optimizer.factors == classifier.optimizer.factors
    revived.fit(*parity(32, seed=4), verbose=0)


def test_fit_head__starts_at_the_linear_classifier():
    encoder, (data, _), (queries, _) = mlp_encoder(), parity(60, seed=1), parity(200, seed=2)
    labels, truth = data[:, 0] > 0, queries[:, 0] > 0
    almost_none = {"epochs": 1, "learning_rate": 1e-9, "batch_size": 15}
    bank, features = (bk.evaluation.extract_features(encoder, part) for part in (data, queries))
    expected = bk.evaluation.linear_predictions(bank, labels, features)
    np.testing.assert_array_equal(finetuned_predictions(encoder, data, labels, queries, **almost_none), expected)
    assert np.mean(expected == truth) > 0.7
    np.testing.assert_allclose(finetune(encoder, 2).predict(queries, verbose=0), 0.5, atol=1e-6)


def test_fit_head__a_class_without_examples_is_unlikely():
    data = vectors(48)
    labels = 2 * (data[:, 0] > 0) + 1
    classifier = finetune(mlp_encoder(), 4)
    classifier.fit_head(data, labels)
    probabilities = classifier.predict(data, verbose=0)
    assert probabilities.shape == (48, 4)
    assert np.all(probabilities[:, [0, 2]] < 0.01)
    assert set(probabilities.argmax(axis=1)) == {1, 3}


def picture_encoder():
    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4)])


def test_finetune__takes_uint8_as_fractions_and_shows_them_to_augment():
    seen = []

    def augment(batch, seed):
        seen.append((batch.dtype, seed.shape.as_list()))
        return batch + 0.01 * tf.random.stateless_uniform(tf.shape(batch), seed)

    encoder, images, labels = picture_encoder(), pictures(24, size=8), np.arange(24) % 2
    held_out = {"validation_data": (images, labels), "shuffle": False, "verbose": 0, "epochs": 2, "batch_size": 10}
    tuned = [finetune(encoder, 2, augment=augment) for _ in range(2)]
    for classifier, data in zip(tuned, (images, images / np.float32(255)), strict=True):
        classifier.fit(data, labels, **held_out)
    assert_same(weights_of(tuned[0]), weights_of(tuned[1]), atol=1e-4)
    assert seen[0] == (tf.float32, [2])
    assert len(tuned[0].history.history["val_accuracy"]) == 2
    plain = finetune(encoder, 2)
    plain.fit(images, labels, **held_out)
    assert not np.allclose(plain.head.kernel, tuned[0].head.kernel, atol=1e-6)
    # Only in training: the same picture is judged alike.
    assert_same([tuned[0].predict(images, verbose=0)], [tuned[0].predict(images, verbose=0)])


def test_finetune__augments_every_step_anew():
    drawn = []

    def augment(batch, seed):
        noise = tf.random.stateless_uniform(tf.shape(batch), seed)
        tf.py_function(lambda value: drawn.append(float(value)), [noise[0, 0]], [])
        return batch + noise

    classifier = finetune(mlp_encoder(), 2, augment=augment)
    classifier.fit(*parity(48, seed=1), epochs=2, batch_size=16, verbose=0)
    assert len(drawn) == len(set(drawn)) == 6


def test_augment__may_be_views_and_needs_no_optimizer():
    views, data = bk.views.VectorViews(0.5), vectors(8)
    classifier = Classifier(mlp_encoder(), 2, augment=views)
    seen = []
    classifier.network = lambda inputs, training: seen.append(inputs)
    for _ in range(2):
        classifier(data, training=True)
    np.testing.assert_array_equal(seen[0], views(data, seed_of_batch(0, 2, 0))[0])
    assert np.any(seen[0] != seen[1])


def test_augment__may_be_views_of_layers():
    views = bk.views.from_layers([keras.layers.GaussianNoise(0.1)])
    classifier = finetune(mlp_encoder(), 2, augment=views)
    classifier.fit(vectors(8), np.arange(8) % 2, batch_size=4, verbose=0)
    assert classifier.optimizer.iterations.numpy() == 2


def test_augment__that_can_not_be_saved_is_warned_of():
    with pytest.warns(UserWarning, match="`augment` is not registered with Keras and not saved"):
        finetune(mlp_encoder(), 2, augment=lambda batch, seed: batch).get_config()


def test_augment__that_draws_by_itself_gets_another_seed_on_every_replica():
    seeds, strategy = [], two_devices()
    with strategy.scope():
        classifier = Classifier(mlp_encoder(), 2, augment=lambda batch, seed: seeds.append(seed) or batch)
        strategy.run(lambda: classifier(vectors(4), training=True))
    assert np.any(seeds[0] != seeds[1])


def test_finetuned_predictions__depend_on_the_seed_and_on_nothing_else():
    encoder = keras.Sequential([mlp_encoder(), keras.layers.Dropout(0.5)])
    data, queries = vectors(48), vectors(400, seed=2)
    labels, runs = data[:, 0] > 0, []
    for seed in (1, 1, 2):
        runs.append(finetuned_predictions(encoder, data, labels, queries, epochs=5, seed=seed, learning_rate=0.1))
        keras.utils.set_random_seed(77)
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_finetuned_predictions__of_tokens_do_not_depend_on_their_type():
    ids = keras.Input((4,), dtype="int32")
    encoder = keras.Model(ids, keras.layers.Flatten()(keras.layers.Embedding(6, 3)(ids)))
    tokens = np.random.default_rng(0).integers(0, 6, (60, 4))
    labels = tokens[:, 0] > 2
    found = [
        finetuned_predictions(encoder, tokens.astype(kind), labels, tokens.astype(kind), epochs=2)
        for kind in ("uint8", "int32")
    ]
    np.testing.assert_array_equal(*found)
    classifier = finetune(encoder, 2)
    classifier.fit_head(tokens, labels)
    features = [bk.evaluation.extract_features(classifier, tokens.astype(kind)) for kind in ("uint8", "int32")]
    np.testing.assert_array_equal(*features)
    assert np.mean(found[0] == labels) > 0.9


def test_finetune__names_what_can_not_be_copied():
    class Forgetful(keras.layers.Dense):
        def get_config(self):
            return super().get_config() | {"units": 3}

    with pytest.raises(TypeError, match="`encoder` can't be copied: it must be rebuilt"):
        finetune(keras.Sequential([keras.Input((6,)), Forgetful(5)]), 2)
    assert finetune(mlp_encoder(), 2).encoder.name == "mlp"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_classes": 1}, "`num_classes` must be at least 2"),
        ({"frozen": 1.5}, r"`frozen` must be a share in \[0, 1\], or name a layer"),
        ({"frozen": "ml"}, r"or name a layer\. Did you mean `mlp`\? Received: frozen='ml'"),
        ({"first_layer_rate": 0.0}, "`first_layer_rate` must be positive"),
        ({"optimizer": "lion"}, "`optimizer` must be sgd or adam"),
        ({"steps": 0}, "`steps` must be a positive integer"),
        ({"encoder": keras.Sequential([keras.layers.Dense(2)])}, "`encoder` must be a functional or Sequential"),
        (
            {"encoder": keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)])},
            r"`encoder` must be .* returns vectors.*bk\.encoders\.pooled",
        ),
    ],
)
def test_finetune__refuses_what_does_not_fit(change, message):
    with pytest.raises(ValueError, match=message):
        finetune(**{"encoder": mlp_encoder(), "num_classes": 2} | change)


@pytest.mark.parametrize("head_first", [True, False])
def test_finetuned_predictions__refuse_a_single_class(head_first):
    with pytest.raises(ValueError, match=r"`labels` must hold two classes or more\. Received: classes from 2 to 2"):
        finetuned_predictions(mlp_encoder(), vectors(4), np.full(4, 2), vectors(4), head_first=head_first)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.full(4, 1), "`labels` must hold two classes or more, below 2. Received: classes from 1 to 1"),
        (np.arange(4), "`labels` must hold two classes or more, below 2. Received: classes from 0 to 3"),
        (np.arange(3), "`labels` must have one label per example. Received: 3 labels for 4"),
    ],
)
def test_fit_head__refuses_labels_that_do_not_fit(labels, message):
    with pytest.raises(ValueError, match=message):
        finetune(mlp_encoder(), 2).fit_head(vectors(4), labels)
