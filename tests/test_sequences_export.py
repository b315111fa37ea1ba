"""Encoders of series in every format, and streams that go on from chunk to chunk."""

import importlib
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import mlp_encoder, moved

import byol_keras as bk
from byol_keras.encoders import recurrent, temporal_conv
from byol_keras.export.streaming import _Stream

pytest.importorskip("ai_edge_litert")
pytest.importorskip("onnxruntime")

STATISTICS = ([0.5, -1.0], [2.0, 0.3])
# Of every length from 3 on.
SERIES = np.random.default_rng(0).normal(size=(12, 12, 2)).astype("float32")
SERIES *= (np.arange(12) < np.arange(12)[:, np.newaxis] % 10 + 3)[..., np.newaxis]
ENCODERS = {
    "gru": lambda: recurrent((12, 2), "gru", (8,), statistics=STATISTICS),
    "lstm": lambda: recurrent((12, 2), "lstm", (8, 6), bidirectional=True, statistics=STATISTICS),
    "conv": lambda: temporal_conv((12, 2), (8, 12), statistics=STATISTICS),
}


@pytest.mark.long
@pytest.mark.parametrize("name", ["lstm", "conv"])
def test_exports__give_what_the_encoder_gives_for_every_length(name, tmp_path):
    encoder = moved(ENCODERS[name]())
    artefacts = [
        bk.export.saved_model(encoder, tmp_path / "encoder"),
        bk.export.litert(encoder, tmp_path / "float32.tflite", batch_size=1),
        bk.export.litert(encoder, tmp_path / "dynamic.tflite", batch_size=1, quantization="dynamic"),
        bk.export.onnx(encoder, tmp_path / "encoder.onnx"),
    ]
    found = bk.export.verify(encoder, artefacts, SERIES)
    assert found.ok, found.to_json()
    assert all(check.difference < 1e-4 for check in found.checks if check.precision == "float32")


@pytest.mark.long
def test_int8__keeps_channels_of_every_unit(tmp_path):
    """One scale of 256 steps for both would leave the second only."""
    units = np.float32([1.0, 1000.0])
    encoder = moved(temporal_conv((12, 2), (8, 12), statistics=([0.0, 0.0], [1.0, 1000.0])))
    options = {"quantization": "int8", "representative": SERIES * units, "batch_size": 1}
    path = bk.export.litert(encoder, tmp_path / "int8.tflite", **options)
    (check,) = bk.export.verify(encoder, [path], SERIES * units).checks
    assert (check.precision, check.broken) == ("int8", ())


@pytest.mark.long
@pytest.mark.parametrize("build", [lambda: recurrent((12, 2), units=(8,), unroll=True), ENCODERS["conv"]])
def test_int8__of_what_does_not_loop_keeps_its_bounds(build, tmp_path):
    encoder = moved(build())
    path = bk.export.litert(encoder, tmp_path / "int8.tflite", quantization="int8", representative=SERIES, batch_size=1)
    (check,) = bk.export.verify(encoder, [path], SERIES).checks
    assert (check.precision, check.broken) == ("int8", ())


@pytest.mark.parametrize("name", ["gru", "lstm"])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "`batch_size` must be fixed, best at 1, for recurrent layers that loop"),
        (
            {"quantization": "int8", "representative": SERIES, "batch_size": 1},
            "`quantization` can't be 'int8' for recurrent layers that loop: build them with `unroll=True`",
        ),
    ],
)
def test_what_litert_can_not_do__is_one_sentence(name, options, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        bk.export.litert(ENCODERS[name](), tmp_path / "encoder.tflite", **options)


def test_saved_model__that_is_written_beside_a_gpu_runs_without_one(tmp_path, monkeypatch):
    """Keras would put the GPU's kernels into the graph, as it finds the machine that traces it."""
    encoder = moved(ENCODERS["gru"]())
    wanted = encoder(SERIES)
    loops = importlib.import_module("keras.src.backend.tensorflow.rnn")
    monkeypatch.setattr(loops, "_is_gpu_available", lambda: True)
    loaded = tf.saved_model.load(bk.export.saved_model(encoder, tmp_path / "encoder"))
    np.testing.assert_allclose(loaded.signatures["serving_default"](series=SERIES)["representation"], wanted, atol=1e-5)
    assert encoder.get_layer("gru_1").use_cudnn == "auto"


@pytest.mark.parametrize("cell", ["simple", "gru", "lstm"])
def test_stream__of_chunks_of_any_length_is_the_whole_series_at_once(cell, tmp_path):
    encoder = moved(recurrent((None, 2), cell, (5, 8), statistics=STATISTICS))
    series = np.random.default_rng(1).normal(size=(3, 40, 2)).astype("float32")
    # Zeros within the series are data, wherever a chunk ends.
    series[:, 10:14] = 0.0
    loaded = tf.saved_model.load(bk.export.streaming(encoder, tmp_path / "stream", batch_size=3))
    read, reset = loaded.signatures["serving_default"], loaded.signatures["reset"]
    for _ in range(2):
        for start, end in ((0, 1), (1, 12), (12, 13), (13, 40)):
            found = read(chunk=series[:, start:end])["representation"]
            if series[0, end - 1].any():
                np.testing.assert_allclose(found, encoder(series[:, :end]), atol=1e-5)
        assert int(reset()["steps"]) == 40
    assert int(reset()["steps"]) == 0


def test_stream__goes_on_for_longer_than_32_bits_can_count():
    stream = _Stream(moved(recurrent((None, 1), units=(4,))), 1)
    after = 10**10
    stream.total.assign_add(tf.fill((1, 4), tf.cast(after, tf.float64)))
    stream.steps.assign(after)
    before = stream.total.numpy()
    np.testing.assert_allclose(stream.read(tf.ones((1, 1, 1)))["representation"], np.ones((1, 4)), atol=1e-6)
    assert np.all(stream.total.numpy() != before)
    assert int(stream.reset()["steps"]) == after + 1


def test_stream__has_a_version_and_a_card(tmp_path):
    encoder = moved(recurrent((20, 1), units=(4,), unroll=True))
    folder = bk.export.streaming(bk.BYOL(encoder), tmp_path / "stream", details={"training": {"epochs": 3}})
    assert Path(folder) == tmp_path / "stream" / "1"
    card = json.loads((Path(folder) / "model_card.json").read_text())
    assert card["inputs"]["serving_default"]["takes"] == {"chunk": {"dtype": "float32", "shape": [1, None, 1]}}
    assert (card["format"], card["training"]) == ("streaming", {"epochs": 3})
    with pytest.raises(ValueError, match="`path` names a version that exists"):
        bk.export.streaming(encoder, folder)


@pytest.mark.parametrize(
    "build",
    [
        ENCODERS["lstm"],
        ENCODERS["conv"],
        mlp_encoder,
        lambda: keras.Sequential([keras.Input((5, 2)), keras.layers.GRU(4, go_backwards=True)]),
    ],
)
def test_stream__is_refused_to_encoders_that_need_the_whole_series(build, tmp_path):
    with pytest.raises(ValueError, match=r"`model` must be an encoder of `bk.encoders.recurrent`"):
        bk.export.streaming(build(), tmp_path / "stream")
    assert not list(tmp_path.iterdir())
