"""Workers as actors of Ray, on this machine or on a cluster.

Ray restarts nothing by itself here: with its defaults a photo that kills its actor is tried for ever. The
driver starts another actor, and counts the deaths of each photo.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Mapping
from typing import Any

from facewatch.archive.pool import Answered, CannotStart, Died, Event, Ready
from facewatch.archive.types import Task, WorkPlan
from facewatch.archive.worker import Worker
from facewatch.errors import EngineUnavailable, FacewatchError, WrongUse

log = logging.getLogger(__name__)

MISSING = "an archive needs Ray: install it with pip install 'facewatch[cluster]'"
CONNECT_SECONDS = 10.0  # to the head of a cluster
END_SECONDS = 60.0  # for a worker to end its engine
MOST_CORES = 4  # of one worker without a GPU, unless the user says otherwise: more help one photo little
_STORE_BYTES = 200_000_000  # shared memory of Ray on this machine; only messages travel through it


def import_ray(*, alone: bool) -> Any:
    """Return the library. Raises WrongUse where it is not installed.

    alone  this machine only: Ray then listens on 127.0.0.1 and answers only who knows the token of this run;
           it takes these settings when it is first imported
    """
    if alone:
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # counts on Linux too
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # not in a file that others may read
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise WrongUse(MISSING) from error
    return ray


class Cluster:
    """A connection to Ray."""

    def __init__(self, address: str | None) -> None:
        """Take the address of a cluster, such as `10.0.0.1:6379`; None: this machine alone."""
        self._address = address
        self.ray = import_ray(alone=address is None)
        self.dashboard = ""  # address of Ray's own, once connected; empty without one

    def connect(self, *, dashboard: bool = False) -> None:
        """Connect, or start Ray on this machine, which then listens on 127.0.0.1 only.

        Raises EngineUnavailable when the cluster cannot be reached.
        """
        if self._address is not None:
            require_listener(self._address)
        quiet = {"logging_level": logging.WARNING, "log_to_driver": False, "configure_logging": False}
        try:
            if self._address is not None:
                joined = self.ray.init(address=self._address, **quiet)
            else:
                joined = self.ray.init(
                    address="local",
                    include_dashboard=dashboard,
                    object_store_memory=_STORE_BYTES,
                    _node_ip_address="127.0.0.1",
                    **quiet,
                )
        except Exception as error:  # a start that takes too long is a plain Exception
            self.ray.shutdown()
            if self._address is None:
                raise EngineUnavailable(
                    f"Ray cannot be started on this machine: {error}; a machine with other work may need "
                    "longer than Ray waits, so try again"
                ) from error
            raise EngineUnavailable(
                f"the cluster {self._address} cannot be used: {error}; check the address, `ray status` "
                "there, and that this machine has the cluster's token and RAY_AUTH_MODE=token "
                "(docs/archive.md)"
            ) from error
        self.dashboard = f"http://{joined.dashboard_url}" if joined.dashboard_url else ""

    def close(self) -> None:
        """Disconnect; a Ray that `connect` started ends."""
        self.ray.shutdown()

    def nodes(self) -> list[Mapping[str, float]]:
        """Return the resources of every machine that is there."""
        return [node["Resources"] for node in self.ray.nodes() if node["Alive"]]

    @property
    def token(self) -> str:
        """The token of a dashboard that this run starts; empty on a cluster, which has its own."""
        return "" if self._address else os.environ.get("RAY_AUTH_TOKEN", "")

    @property
    def words(self) -> str:
        """The cluster as text for people."""
        return f"the cluster {self._address}" if self._address else "this machine"

    @property
    def gpus(self) -> int:
        """Number of GPUs."""
        return sum(int(node.get("GPU", 0)) for node in self.nodes())

    def default_cores(self) -> int:
        """Return the cores of one worker without a GPU: those of the smallest machine, MOST_CORES at most."""
        found = [int(node.get("CPU", 0)) for node in self.nodes()]
        return max(1, min([MOST_CORES, *(count for count in found if count > 0)]))


def require_listener(address: str) -> None:
    """Raise EngineUnavailable if nothing listens at `host:port`; Ray itself would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):
        return  # "auto", or another word of Ray's
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise EngineUnavailable(
            f"the cluster {address} cannot be reached: {error}; check the address, and `ray status` there"
        ) from error


class RayPool:
    """Workers as actors, one a GPU, or one for so many cores."""

    def __init__(
        self,
        cluster: Cluster,
        plan: WorkPlan,
        models: Mapping[str, bytes],
        *,
        gpus: bool,
        workers: int | None = None,
        worker_class: type = Worker,
    ) -> None:
        """Take what the workers are made from.

        models   the bytes of the model files, for machines that have none
        gpus     each worker has one
        workers  how many to ask for, so that an autoscaler brings machines; None: as many as there is room
        """
        self._cluster = cluster
        self._ray = cluster.ray
        self._plan = plan
        self._models = self._ray.put(dict(models))
        self._gpus = gpus
        self._workers = workers
        self._class = self._ray.remote(worker_class).options(
            num_cpus=1 if gpus else plan.cores,
            num_gpus=1 if gpus else 0,
            max_restarts=0,
            max_task_retries=0,
        )
        self._actors: dict[str, Any] = {}
        self._starting: set[str] = set()
        self._calls: dict[Any, str] = {}  # reference of a call -> worker

    def capacity(self) -> int:
        """Return how many workers the machines have room for, or the number that was asked for."""
        if self._workers is not None:
            return self._workers
        if self._gpus:
            return self._cluster.gpus
        return sum(int(node.get("CPU", 0)) // self._plan.cores for node in self._cluster.nodes())

    def begin(self, worker: str) -> None:
        """Start an actor; it waits in Ray until a machine has room."""
        actor = self._class.remote(self._plan, worker)
        self._actors[worker] = actor
        self._starting.add(worker)
        self._calls[actor.start.remote(self._models)] = worker

    def give(self, worker: str, tasks: tuple[Task, ...]) -> None:
        """Call the actor."""
        self._calls[self._actors[worker].exchange.remote(tasks)] = worker

    def wait(self, seconds: float) -> list[Event]:
        """Return the events of the calls that have returned."""
        if not self._calls:
            return []
        calls = list(self._calls)
        ready, _ = self._ray.wait(calls, num_returns=1, timeout=seconds, fetch_local=False)
        if ready:
            ready, _ = self._ray.wait(calls, num_returns=len(calls), timeout=0, fetch_local=False)
        return [self._event(call) for call in ready]

    def _event(self, call: Any) -> Event:
        worker = self._calls.pop(call)
        starting = worker in self._starting
        self._starting.discard(worker)
        errors = self._ray.exceptions
        try:
            answer = self._ray.get(call)
        except errors.RayTaskError as error:
            self._kill(worker)
            cause = error.cause if isinstance(error.cause, FacewatchError) else error
            reason = str(cause).strip().splitlines()[-1]
            return CannotStart(worker, reason) if starting else Died(worker, reason)
        except errors.RayError as error:
            self._kill(worker)
            return Died(worker, str(error).strip().splitlines()[0])
        return Ready(worker, answer) if starting else Answered(worker, answer)

    def end(self, worker: str) -> None:
        """End an actor, by force if it does not end by itself."""
        actor = self._actors[worker]
        if worker not in self._starting:
            try:
                self._ray.get(actor.close.remote(), timeout=END_SECONDS)
            except self._ray.exceptions.RayError as error:
                log.warning("%s does not end by itself: %s", worker, error)
        self._kill(worker)

    def _kill(self, worker: str) -> None:
        self._starting.discard(worker)
        actor = self._actors.pop(worker, None)
        for call in [call for call, name in self._calls.items() if name == worker]:
            del self._calls[call]
        if actor is not None:
            self._ray.kill(actor)
