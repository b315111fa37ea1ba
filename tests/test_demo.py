"""The demo, cut short: what it prints and what it leaves."""

import json

import numpy as np
import pytest
import tensorflow as tf
from conftest import run_command

import byol_keras as bk
from byol_keras.cli.demo import _free_folder
from byol_keras.training.loading import Run


@pytest.mark.slow
def test_demo__needs_no_arguments_but_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run_command(["demo", "--epochs", "1"])
    assert done.returncode == 0, done.stderr
    run = tmp_path / "runs" / "demo"
    for word in ("raw pixels", "untrained", "online", "report.html", "encoder.keras", "export"):
        assert word in done.stdout
    evaluation = json.loads((run / "evaluation.json").read_text())
    accuracy = {(row["representation"], row["judge"]): row["accuracy"] for row in evaluation["rows"]}
    # One epoch of twelve is enough to be above the pixels, which know colours and not shapes.
    assert accuracy["online", "knn"] > accuracy["raw pixels", "knn"] + 0.05
    assert (evaluation["train_examples"], evaluation["test_examples"], evaluation["classes"]) == (5000, 1000, 8)

    served = tf.saved_model.load(run / "export" / "encoder" / "1").signatures["serving_default"]
    pictures = (bk.data.shapes(4)[0] / 255.0).astype("float32")
    encoder = Run(run).encoder()
    np.testing.assert_allclose(served(pixels=tf.constant(pictures))["representation"], encoder(pictures), atol=1e-2)
    assert _free_folder() == "runs/demo-2"
