"""Every example runs with small settings, and what it prints and writes is what it says."""

import json
import re
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import picture_folder
from running import ROOT, accuracies, run_example

import byol_keras as bk

NOTEBOOK = ROOT / "examples/quickstart.ipynb"


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """An `.npz` file with a part to train on and one to judge by, as `x_train`, `y_train`, `x_val`, `y_val`."""
    images, labels, _ = bk.data.shapes(160, seed=0)
    path = tmp_path_factory.mktemp("data") / "labelled.npz"
    np.savez(path, x_train=images[:128], y_train=labels[:128], x_val=images[128:], y_val=labels[128:])
    return path


@pytest.fixture(scope="module")
def brief_run(tmp_path_factory):
    """One epoch of the demo, which two examples go on from."""
    path = tmp_path_factory.mktemp("runs") / "brief"
    bk.pretrain(data="shapes", recipe="demo", epochs=1, seed=0, run=path)
    return path


@pytest.mark.slow
@pytest.mark.long
def test_own_pictures__finds_look_alikes_and_skips_what_is_broken(tmp_path):
    folder = picture_folder(tmp_path / "pictures", count=20, size=20)
    shutil.copy(folder / "0003.png", folder / "twin.png")
    (folder / "broken.jpg").write_bytes(b"not a picture")
    options = ["--epochs", 1, "--size", 16, "--batch-size", 8, "--like", "twin.png", "--run", "run"]
    output = run_example("own_pictures.py", folder, *options, cwd=tmp_path)
    found = re.search(r"most like twin\.png:\n((?:  \d\.\d{3}  .+\n){8})", output)[1].split()
    assert found[:2] == ["1.000", "0003.png"]
    assert "broken.jpg" not in found
    assert "twin.png" not in found
    assert (tmp_path / "run/preview.png").read_bytes()[:4] == b"\x89PNG"
    assert "broken.jpg" in (tmp_path / "run/skipped.txt").read_text()
    assert (tmp_path / "run/report.html").exists()


@pytest.mark.slow
@pytest.mark.long
def test_cifar10__judges_four_networks_on_what_was_held_out(tmp_path, labelled):
    options = ["--data", labelled, "--examples", 64, "--epochs", 1, "--run", "run"]
    output = run_example("cifar10.py", *options, cwd=tmp_path)
    found = accuracies(tmp_path / "run/evaluation.json")
    names = ["raw pixels", "untrained", "BYOL", "supervised"]
    assert set(found) == {*((judge, name) for judge in ("knn", "linear") for name in names)} | {
        ("its own head", "supervised")
    }
    for name in names:
        assert re.search(rf"{name} .*{100 * found['knn', name]:.1f} \(", output)
    with np.load(labelled) as arrays:
        few = bk.evaluation.subset(arrays["y_train"], 64 / 128)  # of every class its share, rounded
        assert f"{len(few)} pictures" in output
        bank, queries = (bk.evaluation.raw_pixels(x) for x in (arrays["x_train"][few], arrays["x_val"]))
        expected = bk.evaluation.knn_accuracy(bank, arrays["y_train"][few], queries, arrays["y_val"])
    assert found["knn", "raw pixels"] == pytest.approx(expected)


@pytest.mark.slow
@pytest.mark.long
def test_few_labels__compares_every_start_at_both_shares(tmp_path, labelled):
    options = ["--data", labelled, "--epochs", 1, "--tuning-epochs", 1, "--run", "run"]
    output = run_example("few_labels.py", *options, cwd=tmp_path)
    found = accuracies(tmp_path / "run/few_labels.json")
    shares = ("1%", "10%")
    linear = {(f"linear {share}", name) for share in shares for name in ("raw pixels", "untrained", "BYOL")}
    tuned = {(f"fine-tuned {share}", name) for share in shares for name in ("untrained", "BYOL")}
    assert set(found) == linear | tuned
    for name in ("raw pixels", "untrained", "BYOL"):
        assert re.search(rf"{name} .*{100 * found['linear 1%', name]:.1f} ", output)


@pytest.mark.slow
@pytest.mark.long
def test_segmentation__judges_every_encoder_frozen_and_whole(tmp_path, brief_run):
    options = ["--run", brief_run, "--epochs", 1, "--masks", 10, "--steps", 2]
    output = run_example("segmentation.py", *options, cwd=tmp_path)
    found = json.loads((brief_run / "segmentation.json").read_text())
    ways = [f"{name}, {way}" for way in ("frozen", "whole") for name in ("untrained", "BYOL")]
    assert list(found) == ["all background", *ways]
    # Nine classes, of which one is right for the background and none for the rest.
    assert found["all background"]["mIoU"] == pytest.approx(found["all background"]["pixels"] / 9)
    for name in ways:
        assert 0.0 < found[name]["mIoU"] < found[name]["pixels"] < 1.0
        assert re.search(rf"{name} .* {100 * found[name]['mIoU']:.1f} ", output)


@pytest.mark.long
def test_downstream__gives_both_encoders_the_same_tasks(tmp_path):
    bk.encoders.small_resnet((32, 32, 3), widths=(16, 16, 16)).save(tmp_path / "encoder.keras")
    # Segmentation is the costliest, and goes the way of detection.
    tasks = ["classification", "detection", "verification", "super-resolution", "action"]
    options = ["--encoder", "encoder.keras", "--tasks", *tasks, "--steps", 2, "--share", 0.1]
    output = run_example("downstream.py", *options, "--json", "found.json", cwd=tmp_path)
    found = json.loads((tmp_path / "found.json").read_text())
    assert list(found) == tasks
    for task, numbers in found.items():
        scale = 1 if task == "super-resolution" else 100
        for name in ("untrained", "BYOL"):
            (value,) = numbers[name]
            assert 0.0 <= scale * value <= 100.0
            assert re.search(rf"{task} .* {scale * value:.1f} ", output)
    # Two steps from the bilinear enlargement lead nowhere far.
    assert found["super-resolution"]["BYOL"][0] == pytest.approx(found["super-resolution"]["bicubic"][0], abs=3)


@pytest.mark.slow
@pytest.mark.long
def test_look_alikes__finds_and_compares(tmp_path, brief_run):
    output = run_example("look_alikes.py", "--run", brief_run, "--epochs", 1, cwd=tmp_path)
    found = json.loads((brief_run / "look_alikes.json").read_text())
    assert list(found) == ["raw pixels", "untrained", "BYOL"]
    for name, numbers in found.items():
        assert numbers["recall at 1"] <= numbers["recall at 5"] <= numbers["recall at 10"]
        assert re.search(rf"{name} .* {100 * numbers['mAP']:.1f} ", output)
    images, labels, _ = bk.data.Pictures(bk.data.open_source("shapes", split="test"), 32).arrays()
    expected = bk.evaluation.retrieval(bk.evaluation.raw_pixels(images), labels).mean_average_precision
    assert found["raw pixels"]["mAP"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
@pytest.mark.long
def test_many_shards__goes_on_after_the_rounds_that_are_done(tmp_path):
    images, _, _ = bk.data.shapes(128, seed=0)
    for shard in range(4):
        with tf.io.TFRecordWriter(str(tmp_path / f"{shard}.tfrecord")) as writer:
            jpegs = [tf.io.encode_jpeg(image).numpy() for image in images[32 * shard : 32 * shard + 32]]
            for content in [*jpegs, b"not a picture"]:
                value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[content]))
                feature = tf.train.Features(feature={"image/encoded": value})
                writer.write(tf.train.Example(features=feature).SerializeToString())
    sizes = ["--pictures", 64, "--rounds", 2, "--batch-size", 16, "--size", 16, "--encoder", "small_resnet"]
    command = ["many_shards.py", "--data", tmp_path / "*.tfrecord", *sizes, "--run", "run"]
    output = run_example(*command, cwd=tmp_path)
    assert "small_resnet after 4 steps" in output
    first = keras.models.load_model(tmp_path / "run/encoder.keras").get_weights()
    (tmp_path / "run/checkpoints/step-000000004.state").unlink()
    output = run_example(*command, cwd=tmp_path)
    assert "Epoch 2/2" in output
    assert "Epoch 1/2" not in output
    again = keras.models.load_model(tmp_path / "run/encoder.keras").get_weights()
    assert any(np.abs(a - b).max() > 0.0 for a, b in zip(first, again, strict=True))  # other crops, drawn anew


@pytest.mark.long
def test_families__compares_every_file_of_a_family(tmp_path):
    options = ["--families", "small_resnet", "--examples", 320, "--epochs", 2, "--folder", "files"]
    output = run_example("families.py", *options, cwd=tmp_path)
    checks = json.loads((tmp_path / "files/families.json").read_text())["small_resnet"]
    runtimes = {check["runtime"] for check in checks}
    assert runtimes == {"TensorFlow", "OpenVINO", "LiteRT", "ONNX Runtime"}
    assert len(checks) == 2 + 4 + 2
    assert "every file keeps every bound" in output
    for check in checks:
        assert (tmp_path / check["artefact"]).exists()
        assert f"{check['centred_cosine']:.4f}" in output


@pytest.mark.slow
@pytest.mark.long
def test_custom_encoder__saves_and_exports_what_it_trained(tmp_path):
    options = ["--steps", 2, "--batch-size", 8, "--output", tmp_path]
    output = run_example("custom_encoder.py", *options, cwd=tmp_path)
    for name, features in (("applications", 1024), ("keras_cv", 128), ("own", 64)):
        line = re.search(rf"^{name}: .*", output, re.MULTILINE)[0]
        assert f"{features} features" in line
        assert all(float(difference) < 1e-5 for difference in re.findall(r"by (\S+?e[+-]\d+)", line)), line
        served = tf.saved_model.load(tmp_path / name / "serving/1")
        assert served.serve(tf.zeros((2, 32, 32, 3))).shape == (2, features)


def test_notebook__keeps_its_outputs_and_no_trace_of_the_machine():
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 4
    assert {output.output_type for output in outputs} <= {"stream", "display_data", "execute_result"}
    assert not [output for output in outputs if output.get("name") == "stderr"]
    table = next(output.data["text/plain"] for output in outputs if "BYOL" in str(output.get("data", {})))
    rows = re.findall(r"(raw pixels|untrained|BYOL)\D+?([\d.]+) \(", re.sub(r"\x1b\[[\d;]*m", "", table))
    knn = {name: float(accuracy) for name, accuracy in rows}
    assert knn["BYOL"] > 25 + max(knn["raw pixels"], knn["untrained"])
    text = re.sub(r'"image/png": "[^"]*"', "", NOTEBOOK.read_text())
    assert not re.search(r"/(home|root|tmp|work|Users|usr)/", text)
    assert NOTEBOOK.stat().st_size < 1.5e6


@pytest.mark.slow
@pytest.mark.long
def test_notebook__runs_from_top_to_bottom(tmp_path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (parameters,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert set(re.findall(r"^(\w+) =", parameters.source, re.MULTILINE)) == {"PICTURES", "EPOCHS"}
    parameters.source = "PICTURES = 256\nEPOCHS = 1"
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert re.search(r"\d+% of these neighbours show the same shape", printed)
    assert keras.models.load_model(tmp_path / "encoder.keras").output_shape == (None, 64)


@pytest.mark.slow
@pytest.mark.long
def test_ablations__print_our_numbers_beside_the_papers(labelled, tmp_path):
    rows = ["as published (tau 0.99)", "tau 1: the target never moves"]
    options = ["--data", labelled, "--epochs", 2, "--rows", *rows, "--json", "rows.json"]
    output = run_example("ablations.py", *options, cwd=tmp_path)
    lines = re.findall(r"kNN +(\d+\.\d)  linear +(\d+\.\d)  std (\d\.\d\d)   paper (\d+\.\d)", output)
    assert [line[3] for line in lines] == ["72.5", "18.8"]
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert [f"{row['knn']:.1f}" for row in rows.values()] == [line[0] for line in lines]
    # A target that never moves leaves the online network another result than one that follows.
    assert len({row["target_std"] for row in rows.values()}) == 2


@pytest.mark.slow
@pytest.mark.long
def test_ablations__compare_the_losses_with_and_without_a_predictor(labelled, tmp_path):
    options = ["--data", labelled, "--epochs", 2, "--json", "rows.json", "--table", "objectives"]
    first = run_example("ablations.py", *options, "--rows", "byol", cwd=tmp_path)
    both = run_example("ablations.py", *options, "--rows", "byol", "infonce", cwd=tmp_path)
    assert first.splitlines()[-1] in both  # shown again, not trained again
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert list(rows) == ["byol", "infonce"]
    # They begin with the same weights and see the same pictures: what they learn differs by the loss alone.
    assert len({row["target_std"] for row in rows.values()}) == 2


@pytest.mark.slow
@pytest.mark.long
def test_search__fits_a_setting_into_processor_seconds(labelled, tmp_path):
    result = searched(labelled, tmp_path, ["--cpu-seconds", 3], ["batch_size=16"])
    assert result["epochs"] > 0.1


@pytest.mark.slow
@pytest.mark.long
def test_search__counts_epochs_of_more_crops(labelled, tmp_path):
    result = searched(labelled, tmp_path, ["--epochs", 1], ["batch_size=16", "crops=2", "crop_size=8"])
    assert result["epochs"] == 1.0


def searched(labelled, folder, budget, settings):
    settings = [*settings, "view_size=16", "hidden=32", "output=16", "widths=(4,8)"]
    flags = [word for setting in settings for word in ("--set", setting)]
    output = run_example("search.py", "--data", labelled, *budget, *flags, cwd=folder)
    result = json.loads(output.splitlines()[-1])
    assert result["set"] == settings
    assert 0.0 <= result["knn"] <= 100.0
    assert 0.0 <= result["linear"] <= 100.0
    return result
