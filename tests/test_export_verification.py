"""Artefacts compared with the encoder in their own runtimes, and smaller vectors."""

import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import byol_keras as bk
from byol_keras.data.shapes import shapes
from byol_keras.evaluation import PrincipalComponents
from byol_keras.export import litert, onnx, reduced, saved_model, verify
from byol_keras.export.reduction import DIMS, compare_dims
from byol_keras.export.runtimes import Runtime, open_artefact

pytest.importorskip("ai_edge_litert")
pytest.importorskip("onnxruntime")
pytest.importorskip("openvino")

IMAGES, LABELS, NAMES = shapes(1200)


def briefly_trained(encoder, images=IMAGES, labels=LABELS):
    """Untrained networks have almost constant features: nothing follows from comparing those."""
    classifier = keras.Sequential([encoder, keras.layers.Dense(len(NAMES), activation="softmax", dtype="float32")])
    for layer in encoder._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9
    classifier.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    classifier.fit(images / np.float32(255), labels, batch_size=32, verbose=0)
    return encoder


@pytest.fixture(scope="module")
def encoder():
    keras.utils.set_random_seed(0)
    return briefly_trained(bk.encoders.small_resnet((32, 32, 3)))


@pytest.fixture(scope="module")
def exported(encoder, tmp_path_factory):
    place = tmp_path_factory.mktemp("exports")
    half = litert(encoder, place / "half.tflite", quantization="float16")
    return [saved_model(encoder, place / "encoder"), half, onnx(encoder, place / "encoder.onnx")]


@pytest.fixture(scope="module")
def found(encoder, exported):
    return verify(encoder, exported, IMAGES[:500], LABELS[:500], openvino=True)


def test_verify__reads_every_artefact_in_its_own_runtime(found, exported):
    assert [(check.artefact, check.runtime, check.precision) for check in found.checks] == [
        (exported[0], "TensorFlow", "float32"),
        (exported[0], "OpenVINO", "float32"),
        (exported[1], "LiteRT", "float16"),
        (exported[2], "ONNX Runtime", "float32"),
        (exported[2], "OpenVINO", "float32"),
    ]
    assert found.ok
    assert found.examples == 500


def test_verify__measures_size_latency_and_neighbours(found, exported):
    for check in found.checks:
        assert check.knn == pytest.approx(check.knn_before, abs=0.02)
        assert set(check.milliseconds) == {1, 32}
        assert 0 < check.milliseconds[1] < 10 * check.milliseconds[32]
        assert check.cosine > 0.999
    assert found.checks[2].megabytes == pytest.approx(os.path.getsize(exported[1]) / 1e6)
    assert found.checks[0].megabytes > found.checks[2].megabytes
    assert json.loads(found.to_json())["checks"][0]["runtime"] == "TensorFlow"


def test_verify__in_half_precision_still_compares_in_float32(encoder, exported):
    bk.set_precision("bfloat16")
    assert verify(encoder, exported[:1], IMAGES[:64]).checks[0].difference < 1e-6
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


def test_verify__finds_another_encoders_files(encoder, exported):
    """A wrong file breaks every bound, which are told in words."""
    other = bk.evaluation.untrained(encoder)
    found = verify(other, exported, IMAGES[:500], LABELS[:500])
    assert not found.ok
    first, half, _ = found.checks
    assert "differs by" in first.broken[0]
    assert "centred cosine" in half.broken[0]


def test_verify__tells_a_loss_of_neighbours(encoder, exported):
    """Classes that the encoder's own features define are what another network's features know less about."""
    features = bk.evaluation.extract_features(encoder, IMAGES[:500])
    labels = (PrincipalComponents(features, 3)(features) > 0) @ [1, 2, 4]
    other = bk.evaluation.untrained(encoder, seed=5)
    (check,) = verify(encoder, [saved_model(other, exported[0] + "-other")], IMAGES[:500], labels).checks
    assert any("kNN accuracy fell from" in sentence for sentence in check.broken)


SHORTENED = []


class Watched(keras.layers.Layer):
    """Notes how exactly a GPU would compute."""

    def call(self, inputs):
        SHORTENED.append(tf.config.experimental.tensor_float_32_execution_enabled())
        return inputs


@pytest.mark.parametrize("before", [True, False])
def test_verify__switches_short_numbers_of_gpus_off_and_back(before, tmp_path, monkeypatch):
    opened = Runtime("None", lambda batch: Watched()(tf.constant(batch["x"])), ["x"])
    monkeypatch.setattr("byol_keras.export.verification.open_artefact", lambda *_: opened)
    monkeypatch.setattr("byol_keras.export.verification._bytes", lambda path: 0)
    encoder = keras.Sequential([keras.Input((3,), name="x"), Watched()])
    SHORTENED.clear()
    tf.config.experimental.enable_tensor_float_32_execution(before)
    try:
        assert verify(encoder, str(tmp_path), np.eye(3)).ok
        assert tf.config.experimental.tensor_float_32_execution_enabled() is before
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(True)
    assert SHORTENED
    assert not any(SHORTENED)


def test_artefacts__may_lie_in_a_store(encoder, exported):
    for path, runtime in zip(exported[1:], ("LiteRT", "ONNX Runtime"), strict=True):
        remote = f"ram://{os.path.basename(path)}"
        tf.io.gfile.copy(path, remote, overwrite=True)
        assert open_artefact(remote).name == runtime
        with pytest.raises(ValueError, match="`openvino` must be False for artefacts of a remote store"):
            verify(encoder, remote, IMAGES[:8], openvino=True)


@pytest.mark.parametrize(
    ("artefacts", "message"),
    [
        ([], "must name at least one"),
        (["encoder.keras"], "must be folders with a saved_model"),
        ("encoder.keras", r"must be folders with a saved_model\.pb, .* Received: encoder\.keras"),
        (["encoder.keras", "encoder.tflite"], r"must be files and folders that exist. Received: encoder\.tflite"),
    ],
)
def test_verify__refuses_what_it_can_not_read(encoder, artefacts, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("encoder.keras").touch()
    with pytest.raises(ValueError, match=message):
        verify(encoder, artefacts, IMAGES[:8])


def test_verify__of_one_example_would_prove_nothing(encoder, exported):
    with pytest.raises(ValueError, match=r"`examples` must be two or more, .* Received: 1"):
        verify(encoder, exported[:1], IMAGES[:1])


def test_missing_runtime__is_named_with_its_command(encoder, exported, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ImportError, match=r"package ai-edge-litert: pip install 'byol-keras\[litert\]'"):
        verify(encoder, exported[1:2], IMAGES[:8])


FEATURES = np.random.default_rng(0).normal(size=(200, 6)) @ np.diag([5, 3, 2, 1, 0.5, 0.1]) + 4.0


@pytest.mark.parametrize("whiten", [False, True])
def test_reduced_encoder__is_the_encoder_and_the_reduction(encoder, whiten):
    features = bk.evaluation.extract_features(encoder, IMAGES[:200])
    smaller = reduced(encoder, features, 8, whiten)
    wanted = PrincipalComponents(features, 8, whiten)(features)
    np.testing.assert_allclose(bk.evaluation.extract_features(smaller, IMAGES[:200]), wanted, atol=1e-3)
    assert encoder.output_shape == (None, 64)


def test_compare_dims__has_a_line_for_each_size_and_one_for_all():
    bank, queries = FEATURES[:150], FEATURES[150:]
    labels = (FEATURES[:, 0] > 4).astype(int)
    lines = compare_dims(bank, labels[:150], queries, labels[150:], dims=(1, 4, 50))
    assert [line[0] for line in lines] == [1, 4, 6]
    assert lines[0][1] < lines[1][1] < lines[2][1] == 1.0
    assert all(line[2] > 0.8 for line in lines)
    with pytest.raises(ValueError, match=r"`dims\[1\]` must be a positive integer"):
        compare_dims(bank, labels[:150], queries, labels[150:], dims=(1, 0))
    usual = compare_dims(bank, labels[:150], queries, labels[150:])
    assert [line[0] for line in usual] == [*(dim for dim in DIMS if dim <= 6), 6]


@pytest.mark.parametrize("dim", [0, 7, 300])
def test_dim__must_fit_the_features(encoder, dim):
    with pytest.raises(ValueError, match="`dim` must"):
        reduced(encoder, np.tile(FEATURES, 11)[:6, :64], dim)


def test_features__must_be_the_encoders(encoder):
    with pytest.raises(ValueError, match=r"`features` must be the encoder's, of shape \(n, 64\)"):
        reduced(encoder, FEATURES, 2)
