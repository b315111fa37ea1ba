"""A classifier from an encoder and labels."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, mlp_encoder, pictures, vectors, weights_of

import byol_keras as bk
from byol_keras.finetuning import finetune, finetuned_predictions


def parity(count, seed):
    """Vectors whose class, the sign of a product, is no linear function of them."""
    data = vectors(count, seed=seed)
    return data, (data[:, 0] * data[:, 1] > 0).astype("int64")


@pytest.fixture(scope="module")
def tuned():
    keras.utils.set_random_seed(0)
    encoder = mlp_encoder(hidden=32, features=8)
    before, (data, labels) = weights_of(encoder), parity(400, seed=1)
    classifier = finetune(encoder, data, labels, epochs=25)
    return encoder, before, classifier


def test_finetune__learns_more_than_a_linear_classifier_of_the_features(tuned):
    encoder, _, classifier = tuned
    (data, labels), (queries, truth) = parity(400, seed=1), parity(400, seed=2)
    accuracy = np.mean(classifier.predict(queries, verbose=0).argmax(axis=1) == truth)
    bank, features = (bk.evaluation.extract_features(encoder, part) for part in (data, queries))
    assert accuracy > 0.85
    assert accuracy > bk.evaluation.linear_probe(bank, labels, features, truth) + 0.05


def test_finetune__leaves_the_given_encoder_bitwise_alone(tuned):
    encoder, before, classifier = tuned
    assert_same(before, weights_of(encoder))
    assert encoder.trainable
    tuned_encoder = classifier.get_layer(encoder.name)
    assert not np.array_equal(encoder.trainable_weights[0], tuned_encoder.trainable_weights[0])


@pytest.mark.parametrize(("size", "moves"), [(16, True), (15, False)])
def test_finetune__batch_normalisation_goes_on_unless_batches_are_small(size, moves):
    encoder, (data, labels) = mlp_encoder(), parity(32, seed=1)
    tuned = finetune(encoder, data, labels, epochs=1, batch_size=size).get_layer(encoder.name)
    for ours, theirs in zip(encoder.layers[1].weights, tuned.layers[1].weights, strict=True):
        assert np.array_equal(ours, theirs) != moves
    assert not np.array_equal(encoder.layers[0].kernel, tuned.layers[0].kernel)


def test_finetune__returns_probabilities_and_survives_saving(tuned, tmp_path):
    classifier, queries = tuned[2], vectors(20, seed=3)
    probabilities = classifier.predict(queries, verbose=0)
    assert probabilities.shape == (20, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-6)
    classifier.save(tmp_path / "classifier.keras")
    revived = keras.models.load_model(tmp_path / "classifier.keras")
    np.testing.assert_array_equal(revived.predict(queries, verbose=0), probabilities)
    revived.fit(*parity(32, seed=4), verbose=0)


def test_finetune__head_first_starts_at_the_linear_classifier():
    encoder, (data, labels), (queries, truth) = mlp_encoder(), parity(60, seed=1), parity(200, seed=2)
    labels, truth = data[:, 0] > 0, queries[:, 0] > 0
    almost_none = {"epochs": 1, "learning_rate": 1e-9, "batch_size": 15}
    bank, features = (bk.evaluation.extract_features(encoder, part) for part in (data, queries))
    expected = bk.evaluation.linear_predictions(bank, labels, features)
    np.testing.assert_array_equal(finetuned_predictions(encoder, data, labels, queries, **almost_none), expected)
    assert np.mean(expected == truth) > 0.7
    blank = finetune(encoder, data, labels, head_first=False, **almost_none)
    np.testing.assert_allclose(blank.predict(queries, verbose=0), 0.5, atol=1e-6)


def picture_encoder():
    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4)])


def test_finetune__takes_uint8_as_fractions_and_shows_them_to_augment():
    seen = []

    def augment(batch, seed):
        seen.append((batch.dtype, seed.shape.as_list()))
        return batch + 0.01 * tf.random.stateless_uniform(tf.shape(batch), seed)

    encoder, images, labels = picture_encoder(), pictures(24, size=8), np.arange(24)[:, None] % 3
    options = {"epochs": 2, "batch_size": 10, "augment": augment}
    held_out = (images, labels)
    tuned = [
        finetune(encoder, data, labels, validation_data=held_out, **options)
        for data in (images, images / np.float32(255))
    ]
    assert_same(weights_of(tuned[0]), weights_of(tuned[1]), atol=1e-4)
    assert seen[0] == (tf.float32, [2])
    assert len(tuned[0].history.history["val_accuracy"]) == 2
    plain = finetune(encoder, images, labels, epochs=2, batch_size=10)
    assert not np.allclose(plain.weights[0], tuned[0].weights[0], atol=1e-4)


def test_finetune__depends_on_its_seed_and_on_nothing_else():
    encoder, (data, labels) = mlp_encoder(), parity(48, seed=1)
    runs = []
    for seed in (1, 1, 2):
        runs.append(weights_of(finetune(encoder, data, labels, epochs=1, seed=seed)))
        keras.utils.set_random_seed(77)
    assert_same(runs[0], runs[1])
    assert not np.array_equal(runs[0][0], runs[2][0])


def test_finetune__a_class_without_examples_gets_a_column_and_no_guesses():
    data = vectors(48)
    labels = 2 * (data[:, 0] > 0) + 1
    probabilities = finetune(mlp_encoder(), data, labels, epochs=1).predict(data, verbose=0)
    assert probabilities.shape == (48, 4)
    assert np.all(probabilities[:, [0, 2]] < 0.01)
    assert set(probabilities.argmax(axis=1)) == {1, 3}


def test_finetune__frozen_layers_stay_unless_all_are():
    encoder, (data, labels) = mlp_encoder(), parity(48, seed=1)
    encoder.layers[0].trainable = False
    partly = finetune(encoder, data, labels, epochs=1).get_layer(encoder.name)
    np.testing.assert_array_equal(partly.layers[0].kernel, encoder.layers[0].kernel)
    assert not np.array_equal(partly.layers[3].kernel, encoder.layers[3].kernel)
    encoder.trainable = False
    wholly = finetune(encoder, data, labels, epochs=1).get_layer(encoder.name)
    assert not np.array_equal(wholly.layers[0].kernel, encoder.layers[0].kernel)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.full(4, 2)}, "`labels` must hold two classes or more. Received: class 2 only"),
        ({"labels": np.arange(3)}, "`labels` must have one label per example. Received: 3 labels for 4"),
        ({"epochs": 0}, "`epochs` must be a positive integer"),
        ({"validation_data": (np.ones((2, 6)), [0, 5])}, "`validation_data` must hold classes of `labels` only"),
        ({"encoder": keras.Sequential([keras.layers.Dense(2)])}, "`encoder` must be a functional or Sequential"),
        (
            {"encoder": keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)])},
            r"`encoder` must be .* returns vectors.*bk\.encoders\.pooled",
        ),
    ],
)
def test_finetune__refuses_what_does_not_fit(change, message):
    sound = {"encoder": mlp_encoder(), "images": vectors(4), "labels": np.array([0, 1, 0, 1]), "epochs": 1}
    with pytest.raises(ValueError, match=message):
        finetune(**sound | change)
