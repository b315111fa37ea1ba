"""Which processes train together, from what Kubernetes or SLURM say: read and checked before TensorFlow sees it."""

import json
import os
import re
import socket
from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

__all__ = ["Cluster"]

_EXAMPLE = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
_JOBS = ("chief", "worker")
# Where no one says otherwise, jobs on one machine should not meet at one port.
_FIRST_PORT, _PORTS = 20_000, 20_000


class Cluster(NamedTuple):
    """The processes that train together.

    Args:
        jobs: addresses, `host:port`, under `worker`, and one under `chief` where there is a chief.
        job: which of the two this process belongs to.
        index: its place there.
        told_by: where this comes from, for errors.

    Example:
    >>> cluster = Cluster.of_tf_config('''{"cluster": {"chief": ["a:2222"], "worker": ["b:2222", "c:2222"]},
    ...                                    "task": {"type": "worker", "index": 1}}''')
    >>> cluster.count, cluster.position, cluster.address
    (3, 2, 'c:2222')
    """

    jobs: dict[str, list[str]]
    job: str
    index: int
    told_by: str = "TF_CONFIG"

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> "Cluster | None":
        """What `TF_CONFIG` says, or SLURM where `srun` has started several tasks, or None."""
        if environment.get("TF_CONFIG"):
            return cls.of_tf_config(environment["TF_CONFIG"])
        if int(environment.get("SLURM_STEP_NUM_TASKS", 1)) > 1:
            return cls.of_slurm(environment)
        return None

    @classmethod
    def of_tf_config(cls, text: str) -> "Cluster | None":
        """The cluster in the JSON of `TF_CONFIG`, None where it names none; a ValueError for one that can't work."""
        try:
            told = json.loads(text)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise _malformed("it must be a JSON object", text)
        if not told.get("cluster"):
            return None
        cluster, task = told["cluster"], told.get("task")
        if not isinstance(cluster, dict) or not isinstance(task, dict) or not {"type", "index"} <= set(task):
            raise _malformed("`cluster` must list the processes of each job, `task` must have `type` and `index`", text)
        found = cls({job: cluster[job] for job in _JOBS if cluster.get(job)}, task["type"], _as_index(task["index"]))
        _check(found, cluster, text)
        return found

    @classmethod
    def of_slurm(cls, environment: Mapping[str, str] = os.environ) -> "Cluster":
        """One worker for each task of `srun`, at a port made of the job's number.

        Args:
            environment: says which task this is. Which hosts there are TensorFlow reads from that of this process.
        """
        first_port = _FIRST_PORT + int(environment.get("SLURM_JOB_ID", 0)) % _PORTS
        # Processors and GPUs are SLURM's to hand out: the resolver is asked for addresses alone. It would look for
        # GPUs where there are none.
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=first_port, gpus_per_node=2**10, gpus_per_task=1, auto_set_gpu=False
        )
        # It sorts hosts as text, SLURM counts: node9 comes before node10.
        addresses = sorted(resolver.cluster_spec().as_dict()["worker"], key=_counted)
        cluster = cls({"worker": addresses}, "worker", int(environment["SLURM_PROCID"]), "SLURM")
        here, meant = environment.get("SLURMD_NODENAME"), cluster.address.rpartition(":")[0]
        if here is not None and here != meant:
            raise ValueError(
                "SLURM must number tasks node by node: start them with `srun --distribution=block`. Received: task "
                f"{cluster.index} on {here}, where {meant} was expected"
            )
        return cluster

    @property
    def addresses(self) -> list[str]:
        """Everybody's, the chief's first."""
        return [address for job in _JOBS for address in self.jobs.get(job, [])]

    @property
    def count(self) -> int:
        """Number of processes."""
        return len(self.addresses)

    @property
    def position(self) -> int:
        """Place of this process among all of them; number 0 is the chief."""
        return self.index + (len(self.jobs.get("chief", [])) if self.job == "worker" else 0)

    @property
    def address(self) -> str:
        """Where this process listens."""
        return self.jobs[self.job][self.index]

    def resolver(self) -> tf.distribute.cluster_resolver.ClusterResolver:
        """The same for a strategy."""
        return tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec(self.jobs),
            task_type=self.job,
            task_id=self.index,
            num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
            rpc_layer="grpc",
        )

    def check_port(self) -> None:
        """Refuses a port at which another program listens."""
        port = int(self.address.rpartition(":")[2])
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError as error:
                raise ValueError(
                    f"`{self.told_by}` must give this process a free port: another program listens at {port}, or it "
                    f"may not be used ({error.strerror}). Received: {self.address}"
                ) from None


def _check(cluster: Cluster, told: dict[str, Any], text: str) -> None:
    if "ps" in told:
        raise _malformed("parameter servers do not work with Keras 3, so it must name workers only", text)
    lists = list(cluster.jobs.values())
    if not lists or not all(isinstance(names, list) and all(map(_is_address, names)) for names in lists):
        raise _malformed("`cluster` must hold lists of host:port under `worker` and, if there is one, `chief`", text)
    if len(cluster.jobs.get("chief", [])) > 1 or len(set(cluster.addresses)) < cluster.count:
        raise _malformed("`cluster` must name each process once, and one chief at most", text)
    if cluster.job not in cluster.jobs or not 0 <= cluster.index < len(cluster.jobs[cluster.job]):
        raise _malformed("`task` must be one of those that `cluster` lists", text)


def _malformed(rule: str, text: str) -> ValueError:
    return ValueError(f"`TF_CONFIG` can't be used: {rule}, as in {_EXAMPLE}. Received: TF_CONFIG={text}")


def _is_address(name: object) -> bool:
    return (
        isinstance(name, str) and bool(re.fullmatch(r".+:\d{1,5}", name)) and 0 < int(name.rpartition(":")[2]) < 2**16
    )


def _as_index(index: object) -> int:
    # Some launchers write it as text.
    return int(index) if str(index).isdecimal() else -1


def _counted(address: str) -> list[str | int]:
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", address)]
