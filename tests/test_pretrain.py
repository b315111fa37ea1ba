"""What a run leaves behind, and what its commands make of it."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml
from builders import picture_folder, pictures
from conftest import run_command

import byol_keras as bk
from byol_keras import checkpoints
from byol_keras.cli import main
from byol_keras.training import evaluating, finishing
from byol_keras.training.loading import Run


@pytest.mark.slow
def test_run__leaves_every_file_whole(finished):
    names = {entry.name for entry in finished.run.iterdir()}
    expected = {"config.yaml", "plan.json", "environment.json", "metrics.jsonl", "logs", "checkpoints"}
    judged = {"evaluation.json", "compression.json", "report.html"}
    assert names == expected | judged | {"encoder.keras", "skipped.txt"}
    assert "Traceback" not in finished.output
    assert "I0000" not in finished.output


@pytest.mark.slow
def test_skipped__lists_the_broken_file_with_its_reason(finished):
    path, reason = (finished.run / "skipped.txt").read_text().strip().split("\t")
    assert path == "cat/broken.png"
    assert reason
    assert f"skipped 1 of the pictures: {finished.run / 'skipped.txt'} says why" in finished.output


@pytest.mark.slow
def test_metrics__have_every_number_at_every_line(finished):
    lines = [json.loads(line) for line in (finished.run / "metrics.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in lines if "loss" in line]
    # 51 files in batches of 8 for 3 epochs.
    assert steps == [4, 8, 12, 16, 18]
    for line in lines:
        if "loss" in line:
            assert 0.0 < line["loss"] < 8.0
            assert 0.0 < line["target_std"] < 1.2
            assert 0.0 <= line["waiting"] <= 1.0
            assert line["examples_per_second"] > 0.0
    assert lines[-1]["tau"] == 1.0
    judged = [line["epoch"] for line in lines if "knn_accuracy" in line]
    assert judged == [0, 1, 2]
    assert any((finished.run / "logs").iterdir())


@pytest.mark.slow
def test_evaluation__has_both_judges_for_three_representations(finished):
    evaluation = json.loads((finished.run / "evaluation.json").read_text())
    found = {(row["representation"], row["judge"]) for row in evaluation["rows"]}
    assert found == {(name, judge) for name in ("raw pixels", "untrained", "online") for judge in ("knn", "linear")}
    assert evaluation["class_names"] == ["cat", "dog"]
    assert evaluation["train_examples"] + evaluation["test_examples"] == 50
    assert "online" in finished.output


@pytest.mark.slow
def test_config__is_what_was_asked_for_and_can_be_used_again(finished, tmp_path, capsys):
    stored = yaml.safe_load((finished.run / "config.yaml").read_text())
    assert (stored["size"], stored["batch_size"], stored["rate"]) == (16, 8, None)
    with pytest.raises(SystemExit) as stopped:
        main(["pretrain", "--config", str(finished.run / "config.yaml"), "--seed", "4", "--print_config"])
    assert stopped.value.code == 0
    assert yaml.safe_load(capsys.readouterr().out) == stored | {"seed": 4, "resume": False}


@pytest.mark.slow
def test_encoder__is_the_one_of_the_last_checkpoint(finished):
    encoder = keras.models.load_model(finished.run / "encoder.keras")
    model = Run(finished.run).model()
    assert int(model.batches_seen) == 18
    images = pictures(4) / np.float32(255)
    np.testing.assert_array_equal(encoder(images), model.encoder(images))
    assert np.abs(model.encoder(images) - model.target_encoder(images)).max() > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("network", ["online", "target"])
def test_evaluate__judges_either_network_and_writes_the_file(finished, capsys, network):
    kept = {name: (finished.run / name).read_text() for name in ("evaluation.json", "report.html")}
    flags = ["--network", network, "--baselines", "raw,pca", "--judges", "knn,finetune 50%", "--k", "5"]
    try:
        assert main(["evaluate", "--run", str(finished.run), *flags]) == 0
        evaluation = json.loads((finished.run / "evaluation.json").read_text())
        page = (finished.run / "report.html").read_text()
    finally:
        for name, text in kept.items():
            (finished.run / name).write_text(text)
    assert {row["representation"] for row in evaluation["rows"]} == {"raw pixels", "pca", network}
    assert evaluation["knn"] == {"k": 5, "temperature": 0.1}
    assert [row["representation"] for row in evaluation["rows"] if row["judge"] == "finetune 50%"] == [network]
    assert "Fine-tuned classifier, 50% of labels" in page
    assert "Fine-tuned" not in kept["report.html"]
    printed = capsys.readouterr().out
    assert network in printed
    assert f"report: {finished.run / 'report.html'}" in printed


@pytest.mark.slow
def test_embed__writes_the_features_of_every_readable_picture(finished, tmp_path, capsys):
    output = tmp_path / "features.npz"
    assert main(["embed", "--run", str(finished.run), "--output", str(output)]) == 0
    assert "50 pictures written" in capsys.readouterr().out
    with np.load(output, allow_pickle=False) as file:
        assert sorted(file.files) == ["features", "labels", "paths"]
        assert file["features"].shape == (50, 64)
        assert file["paths"][0] == "cat/0000.png"
        assert file["labels"].tolist().count(0) == 25
        first = file["features"][0]
    from PIL import Image

    image = np.asarray(Image.open(finished.data / "cat" / "0000.png"))[None] / np.float32(255)
    encoder = keras.models.load_model(finished.run / "encoder.keras")
    np.testing.assert_allclose(first, encoder(image)[0], atol=1e-5)


@pytest.mark.slow
def test_report__is_written_again_and_escapes_names(finished, tmp_path):
    (finished.run / "report.html").unlink()
    assert main(["report", "--run", str(finished.run)]) == 0
    page = (finished.run / "report.html").read_text()
    assert "data:image" in page
    assert "<script>" not in page


@pytest.mark.slow
def test_preview__shows_the_views_of_a_run(finished, tmp_path):
    from PIL import Image

    output = tmp_path / "views.png"
    assert main(["preview", "--run", str(finished.run), "--output", str(output), "--count", "2"]) == 0
    with Image.open(output) as sheet:
        assert sheet.width > sheet.height > 100


def test_judgement_at_the_end__is_of_a_sample_where_there_are_too_many_pictures(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(finishing, "_BANK", 24)
    monkeypatch.setattr(finishing, "_QUERIES", 8)
    images, labels, _ = bk.data.shapes(96, seed=0, size=16)
    options = {"recipe": "demo", "epochs": 1, "batch_size": 16, "size": 16, "knn_every": 0}
    run = bk.pretrain(data=(images, labels), run=tmp_path / "run", **options)
    evaluation = json.loads(Path(run.evaluation).read_text())
    assert (evaluation["train_examples"], evaluation["test_examples"]) == (24, 8)
    assert "on 24 and 8 pictures" in capsys.readouterr().out


@pytest.mark.slow
def test_pretrain__takes_arrays_a_time_budget_and_an_encoder_to_start_from(finished, tmp_path):
    run = bk.pretrain(
        data=pictures(64),
        run=str(tmp_path / "run"),
        minutes=0.25,
        init_from=str(finished.run / "encoder.keras"),
        batch_size=16,
        precision="bfloat16",
    )
    plan = run.stored_plan()
    assert plan.shape == (16, 16, 3)
    assert plan.total_steps >= 1
    steps = checkpoints.saved_steps(run.checkpoints)
    assert steps[-1] == plan.total_steps
    start = Run(run.path)
    assert start.plan == plan
    assert keras.config.dtype_policy().name == "float32"
    assert not (tmp_path / "run" / "evaluation.json").exists()
    assert (tmp_path / "run" / "report.html").exists()


BAD = {
    "nothing to learn from": (["pretrain"], 2, "`--data` is missing"),
    "a source without a name": (["pretrain", "--data", ""], 1, "`data` must name pictures"),
    "a source without its flag": (["pretrain", "pics"], 2, "a source of data is named by `--data pics`"),
    "folder that is not there": (["pretrain", "--data", "nowhere/"], 1, "`data` must be a folder"),
    "unknown flag": (["pretrain", "--data", "shapes", "--epoch", "3"], 2, "Did you mean `--epochs`?"),
    "unknown command": (["pretrian"], 2, "Did you mean `pretrain`?"),
    "word for a number": (["pretrain", "--data", "shapes", "--epochs", "many"], 2, "`epochs` must be a whole number"),
    "epochs and minutes": (
        ["pretrain", "--data", "shapes", "--epochs", "1", "--minutes", "1"],
        2,
        "exclude each other",
    ),
    "unknown recipe": (["pretrain", "--data", "shapes", "--recipe", "cpux"], 1, "Did you mean `cpu`?"),
    "unknown encoder": (["pretrain", "--data", "shapes", "--encoder", "resnet5"], 1, "Did you mean `resnet50`?"),
    "unknown optimizer": (
        ["pretrain", "--data", "shapes", "--optimizer", "sdg"],
        2,
        "`optimizer` must be lars, sgd, adam or adamw",
    ),
    "batch larger than data": (["pretrain", "--data", "shapes", "--batch-size", "9999"], 1, "`batch_size`"),
    "resume of nothing": (["pretrain", "--resume", "--run", "nowhere"], 1, "must be the folder of a run"),
    "resume without run": (["pretrain", "--resume"], 2, "`--resume` needs `--run`"),
    "evaluate of nothing": (["evaluate", "--run", "nowhere"], 1, "must be the folder of a run"),
    "evaluate without run": (["evaluate"], 2, "`--run` is missing"),
    "evaluate no network": (["evaluate", "--run", "x", "--network", "on"], 2, "`network` must be online or target"),
    "evaluate no neighbours": (["evaluate", "--run", "x", "--k", "0"], 2, "`k` must be positive. Received: k=0"),
    "start from no model": (["pretrain", "--data", "shapes", "--init-from", "x.keras"], 1, "`init_from` must be"),
    "unknown precision": (
        ["pretrain", "--data", "shapes", "--precision", "half"],
        2,
        "`precision` must be float32, bfloat16, float16 or auto",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input__is_one_sentence_an_exit_code_and_nothing_half_written(case, tmp_path, monkeypatch, capsys):
    arguments, code, sentence = BAD[case]
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == code
    error = capsys.readouterr().err
    assert sentence in error
    assert error.startswith("byol-keras: ")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["evaluate", "--judges", "knn,linera"], 2, "`judges` must be knn, linear"),
        (["evaluate", "--judges", "finetune 0%"], 2, "`judges` must be knn, linear"),
        (["evaluate", "--baselines", "row"], 2, "Did you mean `raw`?"),
        (["preview", "--size", "8"], 2, "`--size` and `--run`"),
        (["preview", "--count", "0"], 2, "`count` must be positive"),
    ],
)
def test_bad_words__about_a_run_are_refused_before_anything_is_computed(
    finished, arguments, code, sentence, monkeypatch, capsys
):
    monkeypatch.setattr(evaluating, "judge_encoders", None)
    assert main([*arguments, "--run", str(finished.run)]) == code
    assert sentence in capsys.readouterr().err


def test_embed__of_nothing_that_can_be_decoded_says_so(finished, tmp_path, capsys):
    broken = picture_folder(tmp_path / "broken", count=3)
    for path in broken.iterdir():
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for name in ("features.npz", "features.parquet"):
        arguments = ["embed", "--run", str(finished.run), "--data", str(broken), "--output", str(tmp_path / name)]
        assert main(arguments) == 1
        assert "of which all 3 are broken" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


def test_config__unknown_yaml_key_suggests_the_nearest(tmp_path, capsys):
    (tmp_path / "run.yaml").write_text("data: shapes\nepoch: 3\n")
    assert main(["pretrain", "--config", str(tmp_path / "run.yaml")]) == 2
    assert "`epoch` is not an option. Did you mean `--epochs`?" in capsys.readouterr().err


def test_debug__shows_where_an_error_comes_from():
    with pytest.raises(ValueError, match="`data` must be a folder"):
        main(["pretrain", "--data", "nowhere/", "--debug"])


def test_run__in_a_place_that_cannot_be_written_is_one_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["pretrain", "--data", "shapes", "--epochs", "1", "--run", str(tmp_path / "file" / "run")]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "file" in error


@pytest.mark.slow
def test_broken_files__beyond_the_allowed_fraction_stop_the_run_with_a_sentence(tmp_path):
    data = picture_folder(tmp_path / "data", count=260, size=8)
    for index in range(0, 260, 20):
        (data / f"{index:04d}.png").write_bytes(b"broken")
    flags = ["--size", "8", "--batch-size", "8", "--epochs", "20", "--precision", "float32"]
    done = run_command(["pretrain", "--data", str(data), "--run", str(tmp_path / "run"), *flags])
    assert done.returncode == 1
    assert "`max_bad_fraction` is exceeded" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "run" / "skipped.txt").read_text().count("\n") > 2


@pytest.mark.slow
def test_pretrain__reads_a_dataset_that_tfds_has_prepared(tmp_path):
    import tensorflow_datasets as tfds

    flags = ["--run", str(tmp_path / "run"), "--epochs", "1", "--batch-size", "8", "--size", "16"]
    with tfds.testing.mock_data(num_examples=24):
        assert main(["pretrain", "--data", "tfds:cifar10", *flags]) == 0
    evaluation = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert (evaluation["train_examples"], evaluation["test_examples"], evaluation["classes"]) == (24, 24, 10)
    assert len(evaluation["class_names"]) == 10
