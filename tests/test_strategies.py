"""Which devices and processes train: what is told in words, by `TF_CONFIG` and by SLURM."""

import json
import socket

import numpy as np
import pytest
import tensorflow as tf
from builders import pictures, vectors

import byol_keras as bk
from byol_keras import checkpoints
from byol_keras.distribution import Cluster, Workers, strategy_named
from byol_keras.distribution import strategies as strategies_module

TWO = ["one.example:2222", "two.example:2222"]


def tf_config(cluster=None, kind="worker", index=0, **others):
    cluster = {"worker": TWO} if cluster is None else cluster
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}, **others})


@pytest.mark.parametrize(
    ("cluster", "kind", "index", "position"),
    [
        ({"worker": TWO}, "worker", 0, 0),
        ({"worker": TWO}, "worker", 1, 1),
        ({"chief": ["zero.example:2222"], "worker": TWO}, "chief", 0, 0),
        ({"chief": ["zero.example:2222"], "worker": TWO}, "worker", 1, 2),
        # As Kubernetes' training operator writes it: the index as text, a job that takes no part.
        ({"worker": TWO, "evaluator": ["four.example:2222"]}, "worker", "1", 1),
    ],
)
def test_tf_config__with_and_without_a_chief(cluster, kind, index, position):
    found = Cluster.of_tf_config(tf_config(cluster, kind, index, environment="cloud"))
    assert found.position == position
    assert found.address == found.addresses[position]
    assert found.count == len(TWO) + ("chief" in cluster)
    resolver = found.resolver()
    assert (resolver.task_type, resolver.task_id) == (kind, int(index))
    assert resolver.cluster_spec().as_dict() == {job: cluster[job] for job in cluster if job != "evaluator"}


@pytest.mark.parametrize("text", ["{}", '{"cluster": {}}', '{"task": {"type": "worker", "index": 0}}'])
def test_tf_config__that_names_nobody_means_alone(text):
    assert Cluster.of_tf_config(text) is None
    assert Cluster.of_environment({"TF_CONFIG": text}) is None


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("worker", "must be a JSON object"),
        ("[1]", "must be a JSON object"),
        ('{"cluster": {"worker": ["a:1"]}}', "`task` must have"),
        ('{"cluster": ["a:1"], "task": {"type": "worker", "index": 0}}', "must list the processes"),
        (tf_config(index=2), "one of those that `cluster` lists"),
        (tf_config(index=-1), "one of those that `cluster` lists"),
        (tf_config(kind="chief"), "one of those that `cluster` lists"),
        (tf_config({"worker": ["a:1", "a:1"]}), "each process once"),
        (tf_config({"worker": ["a:1"], "chief": ["b:1", "c:1"]}), "one chief at most"),
        (tf_config({"worker": ["a"]}), "host:port"),
        (tf_config({"worker": ["a:70000"]}), "host:port"),
        (tf_config({"worker": "a:1"}), "host:port"),
        (tf_config({"worker": TWO, "ps": ["p:1"]}), "parameter servers"),
    ],
)
def test_tf_config__malformed_is_one_sentence_with_an_example(text, rule):
    with pytest.raises(ValueError, match=rule) as refused:
        Cluster.of_tf_config(text)
    assert '"worker": ["host1:2222"' in str(refused.value)
    assert text in str(refused.value)


def slurm(monkeypatch, nodes, tasks_per_node, tasks, rank, node=None):
    """What `srun` tells one of its tasks."""
    told = {"SLURM_STEP_NODELIST": nodes, "SLURM_STEP_TASKS_PER_NODE": tasks_per_node, "SLURM_JOB_ID": "20007"}
    told |= {"SLURM_STEP_NUM_TASKS": str(tasks), "SLURM_PROCID": str(rank)}
    told |= {} if node is None else {"SLURMD_NODENAME": node}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    return told


def test_slurm__every_task_knows_its_address(monkeypatch):
    found = [
        Cluster.of_environment(slurm(monkeypatch, "gpu[1-2],login", "2(x2),1", 5, rank)).addresses for rank in range(5)
    ]
    assert found == [["gpu1:20007", "gpu1:20008", "gpu2:20007", "gpu2:20008", "login:20007"]] * 5
    assert Cluster.of_slurm(slurm(monkeypatch, "gpu[1-2]", "2(x2)", 4, 3, "gpu2")).address == "gpu2:20008"


def test_slurm__counts_nodes_as_slurm_does(monkeypatch):
    found = Cluster.of_slurm(slurm(monkeypatch, "node[8-11]", "1(x4)", 4, 1, "node9"))
    assert found.addresses == [f"node{number}:20007" for number in (8, 9, 10, 11)]
    assert found.address == "node9:20007"


def test_slurm__tasks_in_another_order_are_refused(monkeypatch):
    with pytest.raises(ValueError, match=r"--distribution=block.*task 1 on gpu2, where gpu1 was expected"):
        Cluster.of_slurm(slurm(monkeypatch, "gpu[1-2]", "2(x2)", 4, 1, "gpu2"))


def test_slurm__one_task_is_alone(monkeypatch):
    assert Cluster.of_environment(slurm(monkeypatch, "gpu1", "1", 1, 0)) is None


def test_port__in_use_is_refused(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("TF_CONFIG", tf_config({"worker": [f"localhost:{port}", "elsewhere:1"]}))
        with pytest.raises(ValueError, match=rf"`TF_CONFIG` must give this process a free port.*localhost:{port}"):
            strategy_named("auto")


def test_multiworker__without_anybody_else_is_refused(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match="neither TF_CONFIG names the processes nor has srun"):
        strategy_named("multiworker")


def test_multiworker__after_tensorflow_has_computed_is_refused(monkeypatch):
    with socket.socket() as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("TF_CONFIG", tf_config({"worker": [f"localhost:{port}", "elsewhere:1"]}))
    tf.zeros(())
    with pytest.raises(RuntimeError, match="before TensorFlow computes anything"):
        strategy_named("multiworker")


def test_tpu__where_there_is_none_is_refused():
    with pytest.raises(ValueError, match="no TPU answers"):
        strategy_named("tpu")


def test_strategy__unknown_word_is_refused():
    with pytest.raises(ValueError, match="`strategy` must be one of auto, none"):
        strategy_named("mirored")


@pytest.mark.parametrize(("gpus", "told", "expected"), [(0, "", "none"), (1, "", "none"), (2, "", "mirrored")])
def test_auto__goes_by_the_devices(gpus, told, expected, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["device"] * gpus)
    assert strategies_module._chosen() == expected


def test_auto__goes_by_the_processes_and_by_the_scope(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config())
    assert strategies_module._chosen() == "multiworker"
    monkeypatch.setenv("TF_CONFIG", tf_config({"worker": TWO[:1]}))
    assert strategies_module._chosen() == "none"
    mirrored = strategy_named("mirrored")
    with mirrored.scope():
        assert strategy_named("auto") is mirrored


def test_workers__of_one_process_agree_with_themselves():
    workers = Workers(strategy_named("mirrored"))
    assert (workers.count, workers.is_chief, workers.of_chief({"a": [1, None]})) == (1, True, {"a": [1, None]})
    workers.check_same({"rate": 0.1})
    with pytest.raises(ValueError, match="bad"), workers.together():
        raise ValueError("bad")


@pytest.mark.slow
def test_pretrain__on_two_replicas_ends_as_on_one(tmp_path):
    """The same batches, in the same order, with the same views: only sums are rounded differently."""
    settings = {"data": vectors(40), "kind": "vectors", "batch_size": 8, "epochs": 1, "precision": "float32"}
    states = []
    for strategy in ("none", "mirrored"):
        run = bk.pretrain(run=tmp_path / strategy, strategy=strategy, **settings)
        states.append(checkpoints.newest(run.checkpoints).arrays)
    for name, array in states[0].items():
        np.testing.assert_allclose(states[1][name], array, atol=1e-3, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "rule"), [(9, "multiple of the 2 replicas"), (2, "at least 2 on every replica")])
def test_pretrain__a_batch_that_replicas_cannot_share_is_refused(size, rule, tmp_path):
    settings = {"data": pictures(40), "size": 16, "epochs": 1, "run": tmp_path / "run", "strategy": "mirrored"}
    with pytest.raises(ValueError, match=rule):
        bk.pretrain(**settings, batch_size=size)
    assert size == 2 or not (tmp_path / "run").exists()
