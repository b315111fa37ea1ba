"""`byol-keras export`: from a run folder to files that were run and compared."""

import json
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf

from byol_keras import cli
from byol_keras.cli.export import run as run_export
from byol_keras.evaluation import Verdict
from byol_keras.export import runtimes

pytest.importorskip("ai_edge_litert")
pytest.importorskip("onnxruntime")


def exported(capsys, *arguments, code=0):
    assert cli.main(["export", *map(str, arguments)]) == code
    shown = capsys.readouterr()
    return (shown.err if code == 2 else shown.out).strip()


@pytest.fixture
def place(tmp_path):
    return tmp_path / "exports"


def test_export__writes_the_next_version_into_the_runs_folder(finished, tmp_path, capsys):
    run = shutil.copytree(finished.run, tmp_path / "run")
    version = run / "export" / "encoder" / "1"
    assert exported(capsys, "--run", run) == f"written: {version}"
    assert (version / "saved_model.pb").exists()
    assert exported(capsys, "--run", run).endswith("/2")


@pytest.mark.long
def test_export__writes_every_format_and_compares_them(finished, place, capsys):
    formats = ["--format", "savedmodel,litert,onnx", "--quantization", "float32,int8"]
    shown = exported(capsys, "--run", finished.run, "--output", place, *formats, "--verify", "--normalize")
    names = {path.name for path in place.iterdir()}
    assert names == {"encoder", "encoder.onnx", "encoder.onnx.model_card.json"} | {
        f"encoder-{name}.tflite{suffix}" for name in ("float32", "int8") for suffix in ("", ".model_card.json")
    }
    for word in ("encoder/1", "encoder-int8.tflite", "TensorFlow, float32", "LiteRT, int8", "ONNX Runtime", "kNN"):
        assert word in shown
    assert max(map(len, shown.splitlines()[5:])) <= 80


def test_card__of_a_run_says_where_the_encoder_comes_from(finished, place, capsys):
    deep = place / "deep" / "er"
    exported(capsys, "--run", finished.run, "--output", deep, "--network", "target", "--format", "onnx")
    card = json.loads((deep / "encoder.onnx.model_card.json").read_text())
    assert card["network"] == "target"
    assert card["training"]["recipe"]["epochs"] == 3
    assert card["verdict"]
    assert {row["judge"] for row in card["evaluation"]} == {"knn", "linear"}


def test_dim__makes_smaller_vectors_and_shows_what_they_keep(finished, place, capsys):
    shown = exported(capsys, "--run", finished.run, "--output", place, "--dim", 6, "--whiten")
    assert re.search(r"│\s+6 │\s+[\d.]+% │", shown)
    assert "64, as they are" in shown
    served = tf.saved_model.load(place / "encoder" / "1").signatures["serving_default"]
    assert served(pixels=tf.zeros((1, 16, 16, 3)))["representation"].shape == (1, 6)
    card = json.loads((place / "encoder" / "1" / "model_card.json").read_text())
    assert card["reduction"] == {"dim": 6, "whiten": True}


def test_broken_bound__is_an_error(finished, place, capsys, monkeypatch):
    monkeypatch.setattr("byol_keras.export.verification._DIFFERENCE", -1.0)
    shown = exported(capsys, "--run", finished.run, "--output", place, "--verify", code=1)
    assert "differs by" in shown


def test_collapsed_run__is_warned_of_in_the_card(finished, place, capsys, monkeypatch):
    found = Verdict("collapsed", "Collapsed: target_std fell.")
    monkeypatch.setattr("byol_keras.training.exporting.verdict", lambda history: found)
    with pytest.warns(UserWarning, match="the run did not end well: Collapsed"):
        run_export(["--run", str(finished.run), "--output", str(place)])
    card = json.loads((place / "encoder" / "1" / "model_card.json").read_text())
    assert card["warnings"] == ["the run did not end well: Collapsed: target_std fell."]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "`--run` is missing"),
        (["--run", "x", "--format", "savedmodel,onx"], "`format` must be of savedmodel, litert, onnx. Did you mean"),
        (["--run", "x", "--format", ","], "`format` must be of savedmodel, litert, onnx. Received: nothing"),
        (["--run", "x", "--format", "litert", "--quantization", "int4"], "`quantization` must be of float32"),
        (["--run", "x", "--quantization", "int8"], "`--quantization` needs `--format litert`"),
        (["--run", "x", "--integer"], "`--integer` needs"),
        (["--run", "x", "--whiten"], "`--whiten` needs `--dim`"),
        (["--run", "x", "--openvino"], "`--openvino` needs `--verify`"),
        (["--run", "x", "--format", "onnx", "--warmup"], "`--warmup` needs"),
        (["--run", "x", "--batch-size", "4"], "`--batch-size` needs"),
        (["--run", "x", "--dim", "0"], "`dim` must be positive"),
        (["--run", "x", "--data", "pictures"], "`--data` needs `--verify`, `--dim`, `--warmup` or int8"),
        (["--run", "x", "--data-dir", "sets", "--format", "litert"], "`--data-dir` needs"),
    ],
)
def test_wrong_usage__is_one_sentence_before_anything_is_opened(flags, message, capsys):
    shown = exported(capsys, *flags, code=2)
    assert message in shown
    assert shown.count("\n") == 0


def test_dim__larger_than_the_vector_is_refused(finished, place, capsys):
    assert cli.main(["export", "--run", str(finished.run), "--output", str(place), "--dim", "99"]) == 1
    assert "`dim` must not be larger" in capsys.readouterr().err
    assert not place.exists() or not list(place.iterdir())


def test_encoder__gives_the_vectors_that_embed_gives(finished, place, capsys, tmp_path):
    exported(capsys, "--run", finished.run, "--output", place)
    features = tmp_path / "features.npz"
    cli.main(["embed", "--run", str(finished.run), "--output", str(features)])
    with np.load(features) as file:
        wanted = dict(zip(file["paths"].tolist(), file["features"], strict=True))
    served = tf.saved_model.load(place / "encoder" / "1").signatures["serving_bytes"]
    paths = sorted(wanted)[:5]
    content = [(finished.data / path).read_bytes() for path in paths]
    found = served(image_bytes=tf.constant(content))["representation"]
    np.testing.assert_allclose(found, [wanted[path] for path in paths], atol=0.05)


@pytest.mark.slow
def test_package_that_is_missing__is_noticed_before_anything_is_written(finished, place, capsys, monkeypatch):
    monkeypatch.setitem(runtimes._PACKAGES, "openvino", "no_such_package")
    assert cli.main(["export", "--run", str(finished.run), "--output", str(place), "--verify", "--openvino"]) == 1
    assert "pip install 'byol-keras[openvino]'" in capsys.readouterr().err
    assert not place.exists() or not list(place.iterdir())
