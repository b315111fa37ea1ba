"""What `verify` makes of files and labels that do not fit the encoder."""

import json

import keras
import numpy as np
import pytest
from builders import mlp_encoder, moved, vectors

from byol_keras.export import saved_model, verify

EXAMPLES = vectors(40)
LABELS = np.arange(40) % 2


@pytest.fixture(scope="module")
def encoder():
    keras.utils.set_random_seed(0)
    return moved(mlp_encoder())


@pytest.fixture(scope="module")
def exported(encoder, tmp_path_factory):
    return saved_model(encoder, tmp_path_factory.mktemp("models") / "encoder")


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("labels", [None, LABELS])
def test_vectors_that_are_not_finite__break_the_check(encoder, value, labels, tmp_path):
    bad = keras.models.clone_model(encoder)
    bad.set_weights([*encoder.get_weights()[:-1], np.full(5, value)])
    folder = saved_model(bad, tmp_path / "encoder")
    for model in (encoder, bad):
        found = verify(model, [folder], EXAMPLES, labels)
        assert not found.ok
        assert found.checks[0].broken[0] == "NaN or infinity among its numbers or the encoder's"
        (check,) = json.loads(found.to_json(), parse_constant=pytest.fail)["checks"]
        assert check["difference"] is None
        assert check["knn"] == (None if labels is None else 0.0)


def test_labels__may_be_a_list_or_a_column(encoder, exported):
    wanted = verify(encoder, [exported], EXAMPLES, LABELS).checks[0].knn
    for labels in (LABELS.tolist(), LABELS[:, None]):
        assert verify(encoder, [exported], EXAMPLES, labels).checks[0].knn == wanted


@pytest.mark.parametrize(
    ("count", "labels", "message"),
    [
        (40, LABELS[:39], "`labels` must have one label per example. Received: 39 labels for 40 examples"),
        (40, LABELS / 2, "`labels` must be integer classes"),
        (3, LABELS[:3], "`labels` must be those of 5 examples or more.* Received: 3 labels"),
    ],
)
def test_labels__that_do_not_fit_are_refused(encoder, exported, count, labels, message):
    with pytest.raises(ValueError, match=message):
        verify(encoder, [exported], EXAMPLES[:count], labels)


def test_file_of_vectors_of_another_length__is_named(encoder, tmp_path):
    folder = saved_model(moved(mlp_encoder(features=4)), tmp_path / "encoder")
    with pytest.raises(
        ValueError, match=r"`artefacts` must .* \(40, 5\)\. Received: .*/encoder/1, which gives \(40, 4\)"
    ):
        verify(encoder, [folder], EXAMPLES)


def of_two(*names):
    inputs = [keras.Input((3,), name=name) for name in names]
    return moved(keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Concatenate()(inputs))))


def test_file_of_other_inputs__is_named(tmp_path):
    folder = saved_model(of_two("left", "above"), tmp_path / "encoder")
    with pytest.raises(ValueError, match=r"`artefacts` must take .* left, right\. Received: .*/encoder/1, which takes"):
        verify(of_two("left", "right"), [folder], [EXAMPLES[:, :3], EXAMPLES[:, 3:]])


def test_single_input__may_have_another_name(encoder, exported):
    inputs = keras.Input((6,), name="measured")
    renamed = keras.Model(inputs, encoder(inputs))
    assert verify(renamed, [exported], EXAMPLES).ok
