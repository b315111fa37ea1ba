"""The examples of other data than pictures, and of what comes after pre-training, with small settings."""

import contextlib
import json
import re
from argparse import Namespace

import numpy as np
import pytest
import tensorflow as tf
from running import accuracies, load_example, run_example


@pytest.mark.long
def test_tones__judges_every_representation_once_a_seed(tmp_path):
    options = ["--seeds", 2, "--epochs", 1, "--clips", 160, "--test-clips", 60, "--json", "tones.json"]
    output = run_example("tones.py", *options, cwd=tmp_path)
    rows = json.loads((tmp_path / "tones.json").read_text())["rows"]
    assert list(rows) == ["average spectrum", "spectrogram", "PCA", "untrained", "reconstruction", "BYOL", "supervised"]
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


def test_rows_and_series__goes_on_with_a_run_of_the_same_settings_only(tmp_path, monkeypatch):
    example, commands = load_example("rows_and_series"), []

    def command(*words):
        commands.append(" ".join(words))
        if words[0] == "evaluate":
            (tmp_path / "vectors-0" / "run").mkdir()
            (tmp_path / "vectors-0" / "run" / "evaluation.json").write_text('{"rows": []}')

    monkeypatch.setattr(example, "command", command)
    example.result(Namespace(folder=tmp_path, kind="vectors", encoder=None, examples=8, epochs=None, baselines=None), 0)
    pretrain, evaluate = commands
    assert pretrain.startswith("pretrain --resume")
    assert pretrain.endswith("--epochs 60")
    assert evaluate.endswith("--baseline-epochs 60")


@pytest.mark.parametrize(
    ("shards", "steps", "coding", "sentence"),
    [
        (7, 1, "jpeg", "7 shards, 64 pictures and 2 processes are too few for 4 rounds"),
        (8, 0, "jpeg", "are too few for 4 rounds"),
        (8, 1, "png", "no JPEGs under image/encoded"),
        (8, 1, "jpeg", None),
    ],
)
def test_many_shards__refuses_at_once_what_would_not_end_well(shards, steps, coding, sentence, tmp_path):
    content = getattr(tf.io, f"encode_{coding}")(np.zeros((8, 8, 3), "uint8")).numpy()
    with tf.io.TFRecordWriter(str(tmp_path / "0")) as writer:
        feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[content]))
        features = tf.train.Features(feature={"image/encoded": feature})
        writer.write(tf.train.Example(features=features).SerializeToString())
    paths = np.array([str(tmp_path / str(shard)) for shard in range(shards)])
    refused = contextlib.nullcontext() if sentence is None else pytest.raises(SystemExit, match=sentence)
    with refused:
        load_example("many_shards").check(paths, steps, 2, Namespace(rounds=4, pictures=64, size=8))


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
