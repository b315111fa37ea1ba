"""The README's code and the examples run as written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import byol_keras as bk
from byol_keras.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[1]


def test_readme__code_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    blocks = re.findall(r"```python\n(.+?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) >= 5
    monkeypatch.chdir(tmp_path)
    # As written but for the demo's pictures, of which a tenth will do.
    assert sum(block.count('data="shapes"') for block in blocks) == 1
    names = {}
    for block in blocks:
        short = block.replace('data="shapes"', "data=bk.data.shapes(600, seed=0)[:2]")
        exec(compile(short, "README.md", "exec"), names)
    assert names["features"].shape == (256, 64)
    assert (tmp_path / "encoder.keras").exists()
    served = tf.saved_model.load(tmp_path / "serving" / "encoder" / "1").signatures["serving_uint8"]
    found = served(pixels=tf.constant(names["images"]))["representation"]
    encoder = keras.models.load_model(tmp_path / "encoder.keras")
    np.testing.assert_allclose(found, encoder(names["images"] / np.float32(255)), atol=1e-5)
    assert int(names["model"].batches_seen) == 2 * (256 // 64)


def test_readme__names_files_and_commands_that_exist():
    readme = (ROOT / "README.md").read_text()
    for path in re.findall(r"(?:examples|tests)/\w+\.\w+|\.ci/run", readme):
        assert (ROOT / path).exists(), path
    for command in re.findall(r"`byol-keras (\w+)`", readme):
        assert command in COMMANDS


def commands_in(text):
    """Words of every command of ours in the shell and YAML blocks of a document."""
    for block in re.findall(r"```(?:bash|yaml)\n(.+?)```", text, re.DOTALL):
        block = re.sub(r"\\\n", " ", block)
        block = re.sub(r"command: \[(.+?)\]", lambda found: re.sub(r"[,\s\"]+", " ", found[1]), block, flags=re.DOTALL)
        yield from (re.split(r"\s+#", line)[0].split() for line in re.findall(r"byol-keras (.+)", block))


@pytest.mark.parametrize("document", ["README.md", "examples/several_machines.md", "examples/scaling.md"])
def test_documents__use_flags_that_exist(document, capsys):
    commands = list(commands_in((ROOT / document).read_text()))
    assert len(commands) >= 3
    for command, *words in commands:
        with pytest.raises(SystemExit):
            main([command, "--help"])
        known = set(re.findall(r"--[\w-]+", capsys.readouterr().out))
        assert {word for word in words if word.startswith("--")} <= known, command


def test_scaling__writes_shards_that_can_be_read(tmp_path, monkeypatch):
    images, _, _ = bk.data.shapes(10, seed=0)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "shards").mkdir()
    for number, image in enumerate(images):
        keras.utils.save_img(tmp_path / f"pictures/{number}.jpg", image)
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.+?)```", (ROOT / "examples/scaling.md").read_text(), re.DOTALL)
    exec(compile(block, "scaling.md", "exec"), {})
    source = bk.data.open_source("tfrecord:shards/*.tfrecord")
    written = {source.read(index) for index in range(10)}
    assert written == {path.read_bytes() for path in (tmp_path / "pictures").iterdir()}
    assert len(list((tmp_path / "shards").iterdir())) == 4


@pytest.mark.slow
@pytest.mark.long
def test_quickstart__runs_and_writes_an_encoder(tmp_path):
    command = [sys.executable, ROOT / "examples/quickstart.py", "--epochs", "1", "--images", "256"]
    path = tmp_path / "encoder.keras"
    done = subprocess.run(
        [*command, "--save", path], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"untrained encoder +\d+\.\d%\n +after BYOL +\d+\.\d%", done.stdout)
    assert path.exists()
