"""A run that is killed at any moment and continued ends with the weights of one that never stopped."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import pictures, vectors
from conftest import ROOT, run_command

import byol_keras as bk
from byol_keras import checkpoints
from byol_keras.cli import main
from byol_keras.training import Interrupted, RunFolder
from byol_keras.training.loading import Run
from byol_keras.training.plan import Plan

# Kills its own process with SIGKILL: after so many steps, or in the middle of writing so many checkpoints.
VICTIM = """
import os, signal, sys
from byol_keras import checkpoints
from byol_keras.callbacks import RunCheckpoint
from byol_keras.cli import main

moment, count = sys.argv[1], int(sys.argv[2])
calls = 0

def dying(method):
    def call(self, *arguments, **options):
        global calls
        calls += 1
        if calls == count:
            if moment == "write":
                method(self, arguments[0][: len(arguments[0]) // 2])
                self.file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return method(self, *arguments, **options)
    return call

if moment == "write":
    checkpoints._Hashing.write = dying(checkpoints._Hashing.write)
else:
    RunCheckpoint.on_train_batch_end = dying(RunCheckpoint.on_train_batch_end)
sys.exit(main(sys.argv[3:]))
"""

SHORT = {"kind": "vectors", "encoder": "mlp", "batch_size": 4, "epochs": 1, "precision": "float32"}


def final_state(run):
    return checkpoints.newest(run / "checkpoints").arrays


@pytest.mark.slow
def test_run__killed_while_training_and_while_writing_ends_as_one_never_interrupted(finished, tmp_path):
    run = tmp_path / "killed"
    # About 3 blocks are written per checkpoint before its variables: the 150th lies amid the arrays of the second.
    first = run_command(
        ["write", "150", *finished.arguments, "--run", str(run), "--checkpoint-minutes", "1e-9"], VICTIM
    )
    assert first.returncode == -signal.SIGKILL, first.stderr
    assert any(".writing-" in name for name in os.listdir(run / "checkpoints"))
    resume = ["pretrain", "--resume", "--run", str(run), "--checkpoint-minutes", "0.01"]
    second = run_command(["step", "9", *resume], VICTIM)
    assert second.returncode == -signal.SIGKILL, second.stderr
    third = run_command(resume)
    assert third.returncode == 0, third.stderr
    assert not any(".writing-" in name for name in os.listdir(run / "checkpoints"))
    ours, theirs = final_state(run), final_state(finished.run)
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        np.testing.assert_allclose(array, theirs[name], atol=1e-6, err_msg=name)
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)


@pytest.mark.slow
def test_resume__of_a_finished_run_changes_nothing_and_exits_with_0(finished):
    before = final_state(finished.run)
    assert main(["pretrain", "--resume", "--run", str(finished.run)]) == 0
    after = final_state(finished.run)
    for name, array in before.items():
        np.testing.assert_array_equal(array, after[name])


@pytest.mark.slow
def test_resume__with_a_changed_configuration_names_the_key(finished, capsys):
    assert main(["pretrain", "--resume", "--run", str(finished.run), "--rate", "0.5"]) == 1
    assert "`rate` can't change while a run goes on. Received: rate=0.5" in capsys.readouterr().err


@pytest.mark.slow
def test_run_folder__that_holds_another_run_is_refused(finished, capsys):
    assert main([*finished.arguments, "--run", str(finished.run)]) == 1
    assert "already holds a run" in capsys.readouterr().err


@pytest.mark.slow
def test_resume__with_other_data_is_refused(finished, tmp_path, capsys):
    unfinished = shutil.copytree(finished.run, tmp_path / "run", ignore=shutil.ignore_patterns("report.html"))
    extra = finished.data / "cat" / "extra.png"
    extra.write_bytes((finished.data / "cat" / "0000.png").read_bytes())
    try:
        assert main(["pretrain", "--resume", "--run", str(unfinished)]) == 1
    finally:
        extra.unlink()
    assert "`data` must not change while a run goes on" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_signal__finishes_the_step_saves_and_says_how_to_go_on(finished, tmp_path, number):
    run = tmp_path / "stopped run"
    command = [sys.executable, "-m", "byol_keras", *finished.arguments, "--run", str(run)]
    command[command.index("3")] = "3000"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    while not (run / "metrics.jsonl").exists() and process.poll() is None:
        signal.sigtimedwait([], 0.2)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert f"`byol-keras pretrain --resume --run '{run}'` goes on from here" in errors
    assert "Traceback" not in errors
    state = checkpoints.newest(run / "checkpoints")
    assert state.note["step"] == int(state.arrays["model variable 0"])
    assert (run / "encoder.keras").exists()


@pytest.mark.slow
def test_run__keeps_the_encoder_it_starts_from_and_begins_where_only_a_plan_was_written(finished, tmp_path):
    """A process that was killed between the two files of a beginning has begun nothing."""
    start = shutil.copy(finished.run / "encoder.keras", tmp_path / "start.keras")
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(finished.run / "plan.json", run)
    options = {"init_from": start, "batch_size": 8, "epochs": 1, "precision": "float32"}
    bk.pretrain(data=pictures(24), run=run, resume=True, **options)
    os.remove(start)
    again = Run(str(run))
    assert again.plan.encoder == "small_resnet"
    weights = keras.models.load_model(finished.run / "encoder.keras").get_weights()
    for ours, theirs in zip(again.untrained().get_weights(), weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert int(again.model().batches_seen) == 3


@pytest.mark.slow
def test_model__of_a_run_whose_checkpoints_are_damaged_is_refused(finished, tmp_path):
    run = shutil.copytree(finished.run, tmp_path / "run")
    for path in (run / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(UserWarning, match="truncated"), pytest.raises(ValueError, match="a checkpoint that is whole"):
        Run(str(run)).model()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("plan.json", b'{"recipe', "plan.json, which is damaged"),
        ("config.yaml", b"data: [", "config.yaml, which is damaged"),
        ("encoder.keras", b"PK", "encoder.keras, which is damaged"),
    ],
)
def test_run__whose_files_are_damaged_is_refused_by_their_names(finished, tmp_path, capsys, name, content, sentence):
    run = shutil.copytree(finished.run, tmp_path / "run")
    (run / name).write_bytes(content)
    assert main(["embed", "--run", str(run), "--output", str(tmp_path / "features.npz")]) == 1
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "features.npz").exists()


def test_resume__compares_columns_however_they_were_said(tmp_path):
    stored = bk.PretrainConfig(data="rows.csv", kind="vectors", columns="a, b").values()
    folder = RunFolder(tmp_path)
    assert folder.config_to_resume(stored, {"columns": ["a", "b"], "data": np.ones((2, 2))}).columns == ["a", "b"]
    with pytest.raises(ValueError, match=r"`columns` can't change while a run goes on\. Received: columns='a'"):
        folder.config_to_resume(stored, {"columns": ["a"]})


def test_run__that_ended_before_its_first_line_leaves_its_folder_free(tmp_path, monkeypatch):
    """And says which signal it was that ended it, when a second one has come at once."""

    def killed(*_):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(sys.modules["byol_keras.training.pretrain"], "train", killed)
    with pytest.raises(Interrupted, match="stopped by SIGTERM"):
        bk.pretrain(data=vectors(8), run=tmp_path, **SHORT)
    folder = RunFolder(tmp_path)
    folder.check_free()
    assert folder.stored_plan().examples == 8
    (tmp_path / "metrics.jsonl").write_text("{}")
    with pytest.raises(ValueError, match="already holds a run"):
        folder.check_free()


def test_page__of_a_part_of_a_run_is_gone_before_its_encoder_is_there(tmp_path, monkeypatch):
    module, seen = sys.modules["byol_keras.training.pretrain"], []
    monkeypatch.setattr(module, "train", lambda *_: (tmp_path / "report.html").write_text("of a part"))
    monkeypatch.setattr(module, "save_encoder", lambda *_: seen.extend(os.listdir(tmp_path)))
    monkeypatch.setattr(module, "finish", lambda *_: None)
    bk.pretrain(data=vectors(8), run=tmp_path, **SHORT)
    assert "plan.json" in seen
    assert "report.html" not in seen


def test_initial__encoder_is_copied_whole_or_not_at_all(tmp_path, monkeypatch):
    (tmp_path / "start.keras").write_bytes(b"weights")
    folder, config = RunFolder(tmp_path), bk.PretrainConfig(data="x", init_from=str(tmp_path / "start.keras"))
    folder.start(config, Plan(bk.recipes.get("cpu"), "some", (8, 8, 3), None, 8, 2, 2, "float32", 0))
    assert (tmp_path / "initial.keras").read_bytes() == b"weights"

    def cut(source, target, overwrite):
        Path(target).write_bytes(b"wei")
        raise KeyboardInterrupt

    monkeypatch.setattr(tf.io.gfile, "copy", cut)
    with pytest.raises(KeyboardInterrupt):
        folder.start(config, folder.stored_plan())
    assert (tmp_path / "initial.keras").read_bytes() == b"weights"


def test_folder__that_another_process_works_in_is_refused(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with folder.taken(), pytest.raises(ValueError, match="another process is training in"):
        RunFolder(tmp_path / "run").taken().__enter__()
    with folder.taken():
        assert os.listdir(folder.path) == []


@pytest.mark.slow
def test_signal__ends_a_command_that_is_still_starting_without_a_traceback():
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "byol_keras", "doctor"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    signal.sigtimedwait([], 1.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in errors


@pytest.mark.slow
def test_resume__may_allow_more_broken_pictures(finished):
    assert main(["pretrain", "--resume", "--run", str(finished.run), "--max-bad-fraction", "0.6"]) == 0


def test_pieces__cover_every_step_once_from_anywhere():
    from byol_keras.training.loop import pieces

    for total, per_epoch in ((17, 5), (15, 5), (3, 5)):
        for start in range(total):
            step = start
            for first, end, length in pieces(start, total, per_epoch):
                assert first == step // per_epoch
                assert (step % per_epoch) + length <= per_epoch
                step += (end - first) * length
            assert step == total


def test_plan__survives_its_file():
    recipe = bk.recipes.get("cpu")
    plan = Plan(recipe, "small_resnet", (32, 32, 3), ((0.5, 0.5, 0.4), (0.2, 0.2, 0.2)), 100, 12, 40, "float32", 3)
    revived = Plan.from_json(plan.to_json())
    assert revived == plan
    assert revived.recipe.views(32).get_config() == recipe.views(32).get_config()
