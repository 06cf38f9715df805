"""Ray itself: one small cluster of this machine for all tests of this module."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("pyarrow", reason="pip install 'facewatch[test]' for the tests of archives")
if importlib.util.find_spec("ray") is None:  # the import itself waits until the cluster is set up
    pytest.skip("pip install 'facewatch[cluster]' for the tests with Ray, 240 MB", allow_module_level=True)

import psutil

from facewatch.archive.cluster import Cluster
from facewatch.archive.run import alone, run_archive
from facewatch.archive.store import open_store
from facewatch.archive.verification import verify
from facewatch.errors import EngineUnavailable
from tests.archive.conftest import files_below
from tests.archive.test_run import rows_of
from tests.conftest import ROOT

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", str(ROOT))  # actors import this checkout, and the tests
        patched.setenv("OMP_NUM_THREADS", "1")
        patched.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        joined = Cluster(None)
        joined.connect()
        yield joined
        joined.close()
    left = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    _, alive = psutil.wait_procs(left, timeout=20)
    assert alive == []


def restore(cluster, plan, **named):
    source, destination = open_store(plan.source), open_store(plan.destination)
    with alone(destination):
        return run_archive(cluster, plan, source, destination, gpus=False, remote=False, **named)


def actors():
    """Return the process ids of the workers' actors; other processes may end meanwhile."""
    found = []
    for each in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if each.cmdline()[:1] and each.cmdline()[0].startswith("ray::Worker"):
                found.append(each.pid)
    return found


def test_ray_listens_on_this_machine_only(cluster):
    assert {node["NodeManagerAddress"] for node in cluster.ray.nodes()} == {"127.0.0.1"}
    ours = psutil.Process().children(recursive=True)
    open_to_all = [
        (each.name(), connection.laddr.ip)
        for each in ours
        for connection in each.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
        and not connection.laddr.ip.removeprefix("::ffff:").startswith("127.")
    ]
    assert open_to_all == []


@pytest.mark.parametrize(("address", "advice"), [(None, "try again"), ("10.0.0.1:6379", "token")])
def test_a_ray_that_does_not_start_is_said_with_what_to_do(monkeypatch, address, advice):
    def fail(**_):
        raise Exception("The current node timed out during startup.")  # noqa: TRY002 - Ray's own

    joined = Cluster(address)
    joined.ray = SimpleNamespace(init=fail, shutdown=lambda: None)
    with pytest.raises(EngineUnavailable, match=rf"timed out during startup.*{advice}"):
        joined.connect()


def test_ray_answers_only_who_knows_the_token_of_the_run(cluster):
    address = cluster.ray.get_runtime_context().gcs_address
    other = {name: value for name, value in os.environ.items() if name != "RAY_AUTH_TOKEN"}
    join = f"import ray; ray.init(address={address!r}, log_to_driver=False)"
    for changes in ({"RAY_AUTH_TOKEN": "0" * 64}, {"RAY_AUTH_MODE": "disabled"}):
        asked = subprocess.run(
            [sys.executable, "-c", join], check=False, env=other | changes, capture_output=True, timeout=80
        )
        assert asked.returncode != 0
    assert not Path("~/.ray/auth_token").expanduser().exists()


def test_the_dashboard_answers_only_with_the_token(tmp_path):
    with_dashboard = (
        "import httpx; from facewatch.archive.cluster import Cluster; joined = Cluster(None);"
        "joined.connect(dashboard=True); version = f'{joined.dashboard}/api/version';"
        "asked = [httpx.get(version, headers=each).status_code for each in"
        " ({}, {'Authorization': f'Bearer {joined.token}'})]; joined.close(); print(*asked)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    asked = subprocess.run(
        [sys.executable, "-c", with_dashboard],
        check=True,
        env=environment,
        capture_output=True,
        text=True,
        timeout=85,
    )
    assert asked.stdout.split()[-2:] == ["401", "200"]


def test_a_killed_actor_costs_a_retry_and_leaves_nothing(cluster, make_plan, photos, tmp_path):
    names = {f"{number:02d}.jpg" for number in range(30)}
    killed: list[int] = []

    def kill(row):
        if not killed:
            killed.append(actors()[0])
            os.kill(killed[0], signal.SIGKILL)

    plan = make_plan(photos(*names, "crash-1.jpg"), tmp_path / "out")
    progress = restore(cluster, plan, workers=2, on_row=kill)
    assert killed
    assert progress.deaths == 1
    assert progress.outcomes == {"restored": 30, "failed": 1}
    assert files_below(tmp_path / "out") == names
    assert sorted(row["source"] for row in rows_of(tmp_path / "out")) == sorted([*names, "crash-1.jpg"])
    assert not verify(open_store(plan.source), open_store(plan.destination)).problems
    assert [path for path in Path(os.environ["TMPDIR"]).iterdir() if path.name.startswith("facewatch")] == []


def test_a_worker_that_cannot_start_says_why(cluster, make_plan, photos, tmp_path, monkeypatch):
    from facewatch.restoration.options import Setup

    monkeypatch.setattr("facewatch.archive.driver.wait_seconds", lambda _: 0.1)
    torn = Setup("broken", "yunet", "yunet", None, None, "cpu", None, 0.9)
    with pytest.raises(EngineUnavailable, match="no worker can start: the file is torn"):
        restore(cluster, make_plan(photos("a.jpg"), tmp_path / "out", setup=torn), workers=1)
