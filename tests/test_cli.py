import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import tensorflow as tf

import byol_keras as bk
from byol_keras import cli
from byol_keras.cli.main import COMMANDS, command
from byol_keras.cli.parsing import parse, parser_of
from byol_keras.config import PretrainConfig
from byol_keras.quiet import without_greetings


def test_doctor__shows_versions_and_devices(capsys):
    assert cli.main(["doctor"]) == 0
    shown = capsys.readouterr().out
    for word in (bk.__version__, "tensorflow", "CPU", "fastest precision"):
        assert word in shown


def test_version__is_printed(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"byol-keras {bk.__version__}"


@pytest.mark.parametrize("arguments", [[], ["dance"], ["doctor", "--loud"]])
def test_usage__that_is_wrong_exits_with_2_and_a_sentence(arguments, capsys):
    assert cli.main(arguments) == 2
    assert "byol-keras" in capsys.readouterr().err


def test_module__runs_as_the_command_does():
    done = subprocess.run([sys.executable, "-m", "byol_keras", "doctor"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "byol-keras doctor" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_help__of_every_command_is_shown(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([name, "--help"])
    assert stopped.value.code == 0
    assert f"usage: byol-keras {name}" in capsys.readouterr().out


@pytest.mark.parametrize("words", ["--config {} --epochs 3", "--epochs 3 --config {}", "--epochs 3 --config={}"])
def test_flags__win_over_the_file_wherever_it_is_named(words, tmp_path):
    (tmp_path / "run.yaml").write_text("epochs: 7\nkeep: 5\n")
    given = parse(parser_of("pretrain", "learn", PretrainConfig), words.format(tmp_path / "run.yaml").split())
    assert given == {"epochs": 3, "keep": 5}


_GRAPH = """Graph execution error:

Detected at node MatMul defined at (most recent call last):
  File "train.py", line 3, in <module>
    fit()
  File "<frozen>", line 5, in fit

shapes differ
\t [[{{node MatMul}}]] [Op:__inference_step_12]"""


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (
            tf.errors.InvalidArgumentError(None, None, _GRAPH),
            "InvalidArgumentError: shapes differ (--debug shows where)",
        ),
        (tf.errors.NotFoundError(None, None, "x.png; No such file"), "x.png; No such file"),
        (tf.errors.ResourceExhaustedError(None, None, "disk; No space left"), "disk; No space left"),
        (
            tf.errors.ResourceExhaustedError(None, None, "Graph execution error:\n\nOOM when allocating"),
            "the device has too little memory: lower the size of batches or of examples (`--batch-size`, `--size`)",
        ),
    ],
)
def test_error__of_tensorflow_is_a_sentence(error, shown, monkeypatch, capsys):
    def fail(_):
        raise error

    monkeypatch.setattr("byol_keras.cli.doctor.run", fail)
    assert cli.main(["doctor"]) == 1
    assert capsys.readouterr().err == f"byol-keras: {shown}\n"


def test_command__whose_output_nobody_takes_fails(monkeypatch):
    def closed():
        raise BrokenPipeError

    codes = []
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(sys, "argv", ["byol-keras", "--version"])
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(write=lambda text: None, flush=closed))
    command()
    assert codes == [1]


def test_greetings__need_no_standard_error_to_be_left_out(monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    monkeypatch.setattr(sys, "stderr", None)
    with without_greetings():
        assert os.environ["TF_CPP_MIN_LOG_LEVEL"]


def test_preview__is_told_whatever_data_and_views_depend_on(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr("byol_keras.training.looking.preview_of", lambda config, **about: asked.append((config, about)))
    words = ["--data", "xrays", "--views", "medical", "--channels", "1", "--image-key", "scan", "--count", "3"]
    assert cli.main(["preview", *words]) == 0
    told = {"data": "xrays", "views": "medical", "channels": 1, "image_key": "scan"}
    assert asked == [(PretrainConfig(**told), {"count": 3})]
    assert cli.main(["preview", "--run", "runs/first", "--label-key", "class"]) == 2
    assert "`--label-key` and `--run`" in capsys.readouterr().err
