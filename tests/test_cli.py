import subprocess
import sys

import pytest

import byol_keras as bk
from byol_keras import cli
from byol_keras.cli.main import COMMANDS
from byol_keras.config import PretrainConfig


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


def test_preview__is_told_whatever_data_and_views_depend_on(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr("byol_keras.training.looking.preview_of", lambda config, **about: asked.append((config, about)))
    words = ["--data", "xrays", "--views", "medical", "--channels", "1", "--image-key", "scan", "--count", "3"]
    assert cli.main(["preview", *words]) == 0
    told = {"data": "xrays", "views": "medical", "channels": 1, "image_key": "scan"}
    assert asked == [(PretrainConfig(**told), {"count": 3})]
    assert cli.main(["preview", "--run", "runs/first", "--label-key", "class"]) == 2
    assert "`--label-key` and `--run`" in capsys.readouterr().err
