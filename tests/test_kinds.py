"""Data that is no picture, from a file to an exported encoder, by the same commands."""

import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import byol_keras as bk
from byol_keras.cli import main
from byol_keras.training.loading import Run


def table(path, count=240, seed=0, label="kind"):
    """Rows whose class shows in which columns go together, and a column of words."""
    generator = np.random.default_rng(seed)
    classes = generator.integers(0, 3, count)
    directions = np.random.default_rng(7).normal(size=(3, 2, 6))
    rows = np.einsum("nh,nhc->nc", generator.normal(size=(count, 2)), directions[classes])
    columns = {f"c{number}": [f"{value:.4f}" for value in rows[:, number]] for number in range(6)}
    columns["city"] = generator.choice(["Oslo", "Rome", "Bonn"], count).tolist()
    columns |= {label: [f"k{kind}" for kind in classes]} if label else {}
    lines = [",".join(cells) for cells in ([*columns], *zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def vectors_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vectors")
    data = table(folder / "train.csv")
    words = ["--data", data, "--kind", "vectors", "--categorical", "city", "--label-key", "kind", "--epochs", "2"]
    assert main(["pretrain", *words, "--run", str(folder / "run"), "--batch-size", "32"]) == 0
    return folder


def test_pretrain__on_a_table_leaves_a_judged_encoder(vectors_run, capsys):
    run = vectors_run / "run"
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert {row["representation"] for row in evaluation["rows"]} == {"raw values", "untrained", "online"}
    assert evaluation["test_examples"] == pytest.approx(48, abs=3)
    plan = json.loads((run / "plan.json").read_text())
    assert plan["kind"] == "vectors"
    assert plan["known"]["categories"] == {"city": ["Bonn", "Oslo", "Rome"]}
    encoder = keras.models.load_model(run / "encoder.keras")
    assert encoder.input_shape == (None, 7)
    page = (run / "report.html").read_text()
    assert "raw values" in page
    curve = json.loads((run / "compression.json").read_text())
    assert (curve["width"], curve["query_examples"]) == (256, evaluation["test_examples"])
    assert "Compression" in page
    assert "rows" in page
    assert "picture" not in re.sub(r"<style>.*?</style>|data:image[^\"]*", "", page, flags=re.S)


def test_resume__of_a_finished_run_says_so_when_its_table_is_gone(vectors_run, tmp_path, capsys):
    table = (vectors_run / "train.csv").rename(tmp_path / "elsewhere.csv")
    try:
        assert main(["pretrain", "--resume", "--run", str(vectors_run / "run")]) == 0
    finally:
        table.rename(vectors_run / "train.csv")
    assert "this run is finished" in capsys.readouterr().out


def test_evaluate__reads_another_table_as_the_first_was_read(vectors_run, tmp_path, capsys):
    """Words keep their numbers though the other table lacks one of them, and columns their places."""
    run = Run(str(vectors_run / "run"))
    lines = [line.split(",") for line in (vectors_run / "train.csv").read_text().splitlines()]
    turned = [[line[-1], *line[-2::-1]] for line in lines if line[-2] != "Bonn"]
    (tmp_path / "other.csv").write_text("\n".join(",".join(line) for line in turned))
    source = run_data(run, tmp_path / "other.csv").source
    original = run_data(run, vectors_run / "train.csv").source
    kept = [number for number, line in enumerate(lines[1:]) if line[-2] != "Bonn"]
    np.testing.assert_array_equal(source.values, original.values[kept])
    command = ["evaluate", "--run", str(vectors_run / "run"), "--data", str(tmp_path / "other.csv")]
    assert main([*command, "--baselines", "raw,untrained,pca", "--judges", "knn"]) == 0
    assert "pca" in capsys.readouterr().out


def run_data(run, data):
    from byol_keras.training.evaluating import data_for

    return data_for(run, str(data))


def test_embed__takes_a_table_without_classes(vectors_run, tmp_path, capsys):
    data = table(tmp_path / "new.csv", count=20, seed=3, label="")
    output = tmp_path / "features.npz"
    assert main(["embed", "--run", str(vectors_run / "run"), "--data", data, "--output", str(output)]) == 0
    assert "20 rows written" in capsys.readouterr().out
    found = np.load(output)
    assert "labels" not in found.files
    encoder = keras.models.load_model(vectors_run / "run" / "encoder.keras")
    rows = run_data(Run(str(vectors_run / "run")), data).source.values
    np.testing.assert_allclose(found["features"], encoder(rows), atol=1e-5)


def test_export__gives_the_same_vectors_everywhere(vectors_run, tmp_path, capsys):
    words = ["--format", "savedmodel,litert,onnx", "--verify", "--output", str(tmp_path)]
    assert main(["export", "--run", str(vectors_run / "run"), *words]) == 0
    loaded = tf.saved_model.load(str(tmp_path / "encoder" / "1"))
    assert list(loaded.signatures) == ["serving_default"]
    card = json.loads((tmp_path / "encoder" / "1" / "model_card.json").read_text())
    assert card["training"]["known"]["categories"]["city"] == ["Bonn", "Oslo", "Rome"]


def test_preview__draws_rows_and_their_views(vectors_run, tmp_path):
    from PIL import Image

    path = tmp_path / "views.png"
    words = ["--kind", "vectors", "--categorical", "city", "--label-key", "kind", "--count", "3"]
    assert main(["preview", "--data", str(vectors_run / "train.csv"), *words, "--output", str(path)]) == 0
    assert np.asarray(Image.open(path)).std() > 5
    assert main(["preview", "--run", str(vectors_run / "run"), "--output", str(path)]) == 0
    assert main(["report", "--run", str(vectors_run / "run")]) == 0


def test_arrays__train_from_python_as_rows(tmp_path):
    rows = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
    run = bk.pretrain(data=rows, kind="vectors", run=str(tmp_path / "run"), epochs=1, batch_size=16)
    assert keras.models.load_model(run.encoder)(rows).shape == (64, 256)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--encoder", "resnet18"], 1, "`encoder` must be mlp"),
        (["--recipe", "cpu"], 1, "`recipe` must be one for vectors, such as vectors"),
        (["--recipe", "scaled"], 1, "`recipe` must be one for vectors, such as vectors"),
        (["--kind", "tables"], 2, "`kind` must be"),
        (["--columns", "c9"], 1, "`columns` must name columns"),
        (["--label-key", "city"], 1, "column 'kind' holds 'k"),
    ],
)
def test_mistakes__are_one_sentence(tmp_path, capsys, words, code, sentence):
    data = table(tmp_path / "train.csv", count=20)
    usual = ["--kind", "vectors", "--categorical", "city", "--label-key", "kind", "--run", str(tmp_path / "run")]
    assert main(["pretrain", "--data", data, "--epochs", "1", *usual, *words]) == code
    error = capsys.readouterr().err.strip()
    assert sentence in error
    assert len(error.splitlines()) == 1


def test_table__given_as_pictures_names_the_kind(tmp_path, capsys):
    data = table(tmp_path / "train.csv", count=20)
    assert main(["pretrain", "--data", data, "--epochs", "1", "--run", str(tmp_path / "run")]) == 1
    assert "--kind vectors" in capsys.readouterr().err


def test_evaluate__trains_the_same_network_in_other_ways(vectors_run, capsys):
    command = ["evaluate", "--run", str(vectors_run / "run"), "--judges", "knn", "--baseline-epochs", "3"]
    assert main([*command, "--baselines", "untrained,reconstruction,supervised"]) == 0
    rows = json.loads((vectors_run / "run" / "evaluation.json").read_text())["rows"]
    found = {row["representation"]: row["accuracy"] for row in rows}
    assert list(found) == ["untrained", "reconstruction", "supervised", "online"]
    assert found["supervised"] > 0.4


def test_columns__are_names_of_a_tables_columns(tmp_path, capsys):
    np.save(tmp_path / "rows.npy", np.eye(8))
    words = ["pretrain", "--data", str(tmp_path / "rows.npy"), "--kind", "vectors", "--run", str(tmp_path / "run")]
    assert main([*words, "--columns", "0,1"]) == 1
    assert "`columns` must be None for" in capsys.readouterr().err
