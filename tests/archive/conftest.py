"""Fixtures: a plan for the fake engine, folders of photos, and a server of S3 on loopback."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from facewatch.archive.store import open_store
from facewatch.archive.types import WorkPlan
from facewatch.restoration.options import Setup
from facewatch.settings.schema import Settings
from facewatch.worker.recipe import resolve
from tests.conftest import ROOT

if TYPE_CHECKING:
    from benchmarks.s3_server import S3Server
    from tests.archive.sftp_server import SftpServer

NEEDS_STORES = "pip install 'facewatch[test]' for the tests of stores"
FAKE = (sys.executable, str(ROOT / "tests" / "engine" / "fake_engine.py"), "2")


def plan_of(source: object, destination: object, **changes: object) -> WorkPlan:
    """Return a plan for the fake engine."""
    settings = Settings(model="builtin")
    about = {
        "source": open_store(str(source)).address,
        "destination": open_store(str(destination)).address,
        "recipe": resolve(settings.plan(None), settings.engine, lambda _: "cpu"),
        "key": "k" * 64,
        "setup": Setup("builtin", "yunet", "yunet", None, None, "cpu", None, 0.9),
        "digests": {},
        "cores": 1,
        "engine_command": FAKE,
    }
    return WorkPlan(**(about | changes))


@pytest.fixture
def make_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., WorkPlan]:
    """Return a function that makes a plan; every run of it has another name and the same key."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # workers in this process set it
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "scratch").mkdir()
    runs = iter(range(1, 1000))

    def make(source: object, destination: object, **changes: object) -> WorkPlan:
        return plan_of(source, destination, **({"run": f"20260101T000000-{next(runs):06d}"} | changes))

    return make


@pytest.fixture
def photos(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a folder with photos of these names."""

    def make(*names: str) -> Path:
        folder = tmp_path / "in"
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(f"photo {name}".encode("utf-8", "surrogateescape"))
        return folder

    return make


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """Return a server of S3 on loopback."""
    for module in ("s3fs", "moto.server"):
        pytest.importorskip(module, reason=NEEDS_STORES)
    from benchmarks.s3_server import S3Server

    running = S3Server()
    running.start()
    yield running
    running.close()


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of a new bucket."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 2)  # both wait for 12 seconds otherwise
    return s3_server.new_bucket()


@pytest.fixture
def sftp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SftpServer]:
    """Return a server of SFTP on loopback, whose key this user knows."""
    pytest.importorskip("paramiko", reason=NEEDS_STORES)
    from tests.archive.sftp_server import SftpServer

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "served").mkdir()
    running = SftpServer(tmp_path / "served", tmp_path / ".ssh/known_hosts")
    yield running
    running.close()


def files_below(folder: Path) -> set[str]:
    """Return the names of all files below a folder, but for the manifest, the lock and the report."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    own = tuple(f".facewatch/{name}" for name in ("manifest/", "run.lock", "report-"))
    return {name for name in found if not name.startswith(own)}
