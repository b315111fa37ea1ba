"""Every test runs on two logical CPUs (so that strategies can be tested) and from a known seed."""

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import pytest
import tensorflow as tf
from builders import picture_folder

import byol_keras as bk

ROOT = Path(__file__).parents[1]

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(autouse=True)
def known_seed():
    keras.utils.set_random_seed(0)
    yield
    bk.set_precision("float32")
    keras.backend.clear_session(free_memory=False)
    # An iterator of tf.data that lives for long may take a minute to end on busy cores: its tuning thread can miss that
    # it is told to. So it ends with its test, and whatever stays is not looked through after every other test.
    gc.collect()
    gc.freeze()


class Finished(NamedTuple):
    """A run of the command, from its first word to its last."""

    run: Path
    data: Path
    arguments: list
    output: str


def run_command(arguments, code=None):
    """`byol-keras` in a process of its own, or another program that calls it."""
    program = ["-m", "byol_keras"] if code is None else ["-c", code]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    environment["PYTHONPATH"] = str(ROOT)
    return subprocess.run([sys.executable, *program, *arguments], capture_output=True, text=True, env=environment)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Finished:
    """A small folder of two classes with a broken file in it, and the run that was trained on it."""
    data = picture_folder(tmp_path_factory.mktemp("data") / "pictures", count=50, classes=("cat", "dog"))
    (data / "cat" / "broken.png").write_bytes(b"not a picture")
    flags = ["--size", "16", "--batch-size", "8", "--epochs", "3", "--log-every", "4", "--max-bad-fraction", "0.5"]
    run = tmp_path_factory.mktemp("runs") / "undisturbed"
    arguments = ["pretrain", "--data", str(data), *flags]
    done = run_command([*arguments, "--run", str(run)])
    assert done.returncode == 0, done.stderr
    return Finished(run, data, arguments, done.stdout + done.stderr)
