"""Who may use which core."""

import subprocess
import sys

import pytest
import tensorflow as tf

from byol_keras import threads

VARIABLES = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
PROGRAM = """
import tensorflow as tf
from byol_keras import threads
threads.cores = lambda: 2
threads.spread_over_cores()
tf.constant(1.0) + 1.0
print(tf.config.threading.get_intra_op_parallelism_threads(), tf.config.threading.get_inter_op_parallelism_threads())
"""


@pytest.fixture(autouse=True)
def without_variables(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_spread_over_cores__gives_each_of_two_operations_a_core():
    output = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout
    assert output.split() == ["1", "2"]


@pytest.mark.parametrize(
    ("cores", "variable", "changes"), [(2, None, 1), (1, None, 0), (8, None, 0), (2, VARIABLES[0], 0)]
)
def test_spread_over_cores__changes_nothing_elsewhere_or_against_the_user(cores, variable, changes, monkeypatch):
    changed = []
    monkeypatch.setattr(threads, "cores", lambda: cores)
    monkeypatch.setattr(tf.config.threading, "set_intra_op_parallelism_threads", changed.append)
    monkeypatch.setattr(tf.config.threading, "set_inter_op_parallelism_threads", lambda count: None)
    if variable:
        monkeypatch.setenv(variable, "4")
    threads.spread_over_cores()
    assert changed == [1] * changes


@pytest.mark.parametrize(
    ("cores", "asked", "variable", "accelerated", "expected"),
    [
        (2, 0, None, False, False),
        (2, 2, None, False, False),
        (2, 1, None, False, True),
        (2, 0, "1", False, True),
        (2, 2, "1", False, False),
        (2, 0, "a word", False, False),
        (1, 1, None, False, False),
        (8, 0, None, False, True),
        (8, 0, None, True, False),
        (2, 1, None, True, False),
    ],
)
def test_at_once__where_one_direction_alone_would_leave_a_core_idle(
    cores, asked, variable, accelerated, expected, monkeypatch
):
    monkeypatch.setattr(threads, "cores", lambda: cores)
    monkeypatch.setattr(threads, "accelerated", lambda: accelerated)
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: asked)
    if variable:
        monkeypatch.setenv(VARIABLES[0], variable)
    assert threads.at_once() == expected


def test_spread_over_cores__leaves_a_program_alone_that_computes_already(monkeypatch):
    float(tf.constant(1.0) + 1.0)
    before = tf.config.threading.get_intra_op_parallelism_threads()
    monkeypatch.setattr(threads, "cores", lambda: 2)
    threads.spread_over_cores()
    assert tf.config.threading.get_intra_op_parallelism_threads() == before
