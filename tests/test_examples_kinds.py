"""The examples of other data than pictures, and of what comes after pre-training, with small settings."""

import json
import re

import pytest
import tensorflow as tf
from running import accuracies, run_example


@pytest.mark.long
def test_tones__judges_every_representation_once_a_seed(tmp_path):
    options = ["--seeds", 2, "--epochs", 1, "--clips", 160, "--test-clips", 60, "--json", "tones.json"]
    output = run_example("tones.py", *options, cwd=tmp_path)
    rows = json.loads((tmp_path / "tones.json").read_text())["rows"]
    assert list(rows) == ["average spectrum", "spectrogram", "PCA", "untrained", "BYOL", "supervised"]
    for name, judged in rows.items():
        first, second = judged["linear"]
        assert re.search(rf"{name} .* {50 * (first + second):.1f} ± ", output)
    # Other clips and weights each time.
    assert any(len(set(judged["linear"])) == 2 for judged in rows.values())


@pytest.mark.long
def test_rows_and_series__prints_the_table_of_what_its_commands_found(tmp_path):
    words = ["--kind", "sequences", "--examples", "120", "--epochs", "1", "--baselines", "raw,untrained"]
    printed = run_example(
        "rows_and_series.py", *words, "--folder", tmp_path, "--json", tmp_path / "a.json", cwd=tmp_path
    )
    (found,) = json.loads((tmp_path / "a.json").read_text()).values()
    assert list(found) == ["raw values", "untrained", "online"]
    assert accuracies(tmp_path / "sequences-0" / "run" / "evaluation.json")["knn", "online"] == found["online"]["knn"]
    assert f"{100 * found['online']['knn']:.1f}" in printed


@pytest.mark.long
def test_three_phases__serves_what_it_fine_tuned(tmp_path):
    options = ["--images", 256, "--labels", 40, "--epochs", 1, "--tuning-epochs", 2, "--folder", "phases"]
    output = run_example("three_phases.py", *options, cwd=tmp_path)
    folder = tmp_path / "phases"
    found = accuracies(folder / "three_phases.json")
    assert set(found) == {
        (phase, name) for phase in ("frozen", "fine-tuned") for name in ("untrained", "reconstruction", "BYOL")
    }
    assert all(f"{100 * accuracy:.1f} (" in output for accuracy in found.values())
    served = json.loads((folder / "served.json").read_text())
    assert served["accuracy"] == found["fine-tuned", "BYOL"]
    assert served["difference"] < 1e-5
    assert tf.saved_model.load(tmp_path / served["path"]).signatures["serving_bytes"]
    curve = json.loads((folder / "compression.json").read_text())["rows"]
    assert [row["components"] for row in curve] == [1, 2, 4, 8, 16, 32, 64]
    assert f"{curve[2]['accuracy']:.1%}" in output
