"""`byol-keras pretrain` in two processes that train one run: what they agree on, and what happens when one is lost.

Each process has a working folder of its own, so that whatever the second one writes would be found there.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from builders import picture_folder, vectors
from conftest import ROOT
from test_workers import free_ports

from byol_keras import checkpoints

# Sends its own process a signal after so many steps of this session.
VICTIM = """
import os, sys
from byol_keras.cli.main import command
from byol_keras.training.interrupt import Interrupt

number, step = int(sys.argv[1]), int(sys.argv[2])
steps = 0
finished = Interrupt.on_train_batch_end

def dying(self, batch, logs=None):
    global steps
    steps += 1
    if steps == step:
        os.kill(os.getpid(), number)
    return finished(self, batch, logs)

Interrupt.on_train_batch_end = dying
sys.argv[1:] = sys.argv[3:]
command()
"""

SETTINGS = ["--batch-size", "8", "--epochs", "2", "--precision", "float32", "--run", "run"]
PRETRAIN = ["pretrain", "--data", "pictures", "--size", "16", *SETTINGS]
SAVING = ["--checkpoint-minutes", "1e-9"]
ROWS = ["pretrain", "--data", "rows.npy", "--kind", "vectors", "--loss", "infonce", *SETTINGS, *SAVING]


@pytest.fixture
def places(tmp_path):
    """The working folders of two machines that hold the same pictures and the same table."""
    for name in ("zero", "one"):
        picture_folder(tmp_path / name / "pictures", count=50)
        np.save(tmp_path / name / "rows.npy", vectors(50))
    return [tmp_path / name for name in ("zero", "one")]


def launched(places, arguments, programs=(("-m", "byol_keras"),) * 2):
    """Two processes; returns exit code, output and the time of the end of each."""
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(2)]}
    processes = []
    for index, place in enumerate(places):
        told = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CONFIG": json.dumps(told)}
        environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
        words = [sys.executable, *programs[index], *arguments[index]]
        output = open(place / "output.txt", "w+")  # noqa: SIM115 - closed below
        process = subprocess.Popen(words, cwd=place, env=environment, stdout=output, stderr=subprocess.STDOUT)
        processes.append((process, output))
    ends = [0.0, 0.0]
    began = time.monotonic()
    while not all(ends) and time.monotonic() - began < 300:
        for index, (process, _) in enumerate(processes):
            if process.poll() is not None and not ends[index]:
                ends[index] = time.monotonic()
        time.sleep(0.1)
    found = []
    for (process, output), end in zip(processes, ends, strict=True):
        process.kill()
        output.seek(0)
        found.append((process.wait(), output.read(), end))
        output.close()
    return found


def victim(number, step):
    return ("-c", VICTIM, str(int(number)), str(step))


@pytest.mark.slow
def test_two_workers__stopped_and_killed_end_with_the_weights_of_an_undisturbed_run(places):
    undisturbed = launched(places, [ROWS] * 2)
    assert [code for code, _, _ in undisturbed] == [0, 0], undisturbed
    expected = checkpoints.newest(places[0] / "run" / "checkpoints").arrays
    assert (places[0] / "run" / "report.html").exists()
    assert {entry.name for entry in places[1].iterdir()} == {"pictures", "rows.npy", "output.txt"}
    shutil.rmtree(places[0] / "run")

    # A signal that one of them receives stops both, after a step and with a checkpoint.
    stopped = launched(places, [ROWS] * 2, [("-m", "byol_keras"), victim(signal.SIGTERM, 2)])
    for code, output, _ in stopped:
        assert code == 128 + signal.SIGTERM, output
        assert "`byol-keras pretrain --resume --run run` goes on from here" in output
    assert 2 <= checkpoints.saved_steps(places[0] / "run" / "checkpoints")[-1] < 12

    resume = ["pretrain", "--resume", "--run", "run", *SAVING]
    killed = launched(places, [resume] * 2, [("-m", "byol_keras"), victim(signal.SIGKILL, 2)])
    (code, output, end), (died, _, of_death) = killed
    assert (code, died) == (1, -signal.SIGKILL), output
    assert end - of_death < 60
    assert "byol-keras: another worker has ended" in output
    assert "`byol-keras pretrain --resume --run run`" in output
    assert "Traceback" not in output

    finished = launched(places, [resume] * 2)
    assert [code for code, _, _ in finished] == [0, 0], finished
    assert {entry.name for entry in places[1].iterdir()} == {"pictures", "rows.npy", "output.txt"}
    for name, array in checkpoints.newest(places[0] / "run" / "checkpoints").arrays.items():
        np.testing.assert_allclose(array, expected[name], atol=1e-6, err_msg=name)


def told_otherwise(places):
    return [PRETRAIN, [*PRETRAIN, "--seed", "1"]], ["`seed` must be the same for all workers"] * 2


def other_pictures(places):
    (places[1] / "pictures" / "0007.png").rename(places[1] / "pictures" / "0100.png")
    return [PRETRAIN] * 2, ["`data` must be the same for all workers"] * 2


def no_pictures(places):
    shutil.rmtree(places[1] / "pictures")
    return [PRETRAIN] * 2, ["worker 1 has stopped: `", "byol-keras: `data`"]


@pytest.mark.slow
@pytest.mark.parametrize("arrange", [told_otherwise, other_pictures, no_pictures])
def test_two_workers__that_do_not_mean_the_same_run_refuse_to_begin(arrange, places):
    arguments, sentences = arrange(places)
    for (code, output, _), sentence in zip(launched(places, arguments), sentences, strict=True):
        assert code == 1, output
        assert sentence in output
        assert "Traceback" not in output
    assert not (places[0] / "run").exists()
