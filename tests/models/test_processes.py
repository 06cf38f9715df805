"""Downloads beside another process, after a kill, and onto a full disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from facewatch.errors import DiskFull
from facewatch.models.catalogue import Model
from tests.models.fault_server import FaultServer, content
from tests.models.rows import make_model_files, served

SIZE = 2_000_000
ROOT = Path(__file__).resolve().parent.parent.parent


def start(server: FaultServer, model: Model, folder: Path) -> subprocess.Popen[str]:
    checkpoint = model.checkpoint
    assert checkpoint is not None
    facts = [server.base, str(checkpoint.sha256), str(checkpoint.size_bytes), str(folder)]
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    command = [sys.executable, "-m", "tests.models.download_process", *facts]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)


def wait_for(condition, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def test_two_processes_download_a_file_once(server: FaultServer, tmp_path: Path):
    model = served(server, size=SIZE)
    server.slow("/toy.pth", 0.005)
    server.log()
    processes = [start(server, model, tmp_path) for _ in range(2)]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out.strip()) == (0, str(tmp_path / "toy.pth")), err
    assert [(entry["first"], entry["sent"]) for entry in server.log()] == [(0, SIZE)]
    assert (tmp_path / "toy.pth").read_bytes() == content(SIZE, 1)


def test_after_a_kill_no_byte_is_downloaded_twice(server: FaultServer, tmp_path: Path):
    model = served(server, size=SIZE)
    server.slow("/toy.pth", 0.02)
    part = tmp_path / "toy.pth.part"
    kept = [0]
    server.log()
    for target_bytes in (200_000, 700_000, 1_200_000):
        process = start(server, model, tmp_path)
        wait_for(lambda target=target_bytes: size_of(part) > target)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kept.append(size_of(part))
        assert not (tmp_path / "toy.pth").exists()
    server.slow("/toy.pth", 0)
    make_model_files(tmp_path, model).fetch("toy", lambda _: None, lambda: False)
    assert (tmp_path / "toy.pth").read_bytes() == content(SIZE, 1)
    assert kept == sorted(set(kept))
    offsets: list[int] = []
    wait_for(lambda: offsets.extend(entry["first"] for entry in server.log()) or len(offsets) == 4, 5)
    assert sorted(offsets) == kept


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "facewatch-test", str(folder)]
    if sys.platform != "linux" or subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root on Linux")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.needs_root
def test_a_full_disk_fails_before_a_byte_is_downloaded(server: FaultServer, small_disk: Path):
    with pytest.raises(DiskFull, match=r"toy needs 2\.0 MB in"):
        make_model_files(small_disk, served(server, size=SIZE)).fetch("toy", lambda _: None, lambda: False)
    assert not list(small_disk.glob("*.part"))


@pytest.mark.needs_root
def test_a_disk_that_fills_up_meanwhile_keeps_the_received_bytes(server: FaultServer, small_disk: Path):
    model = served(server, size=SIZE)
    server.log()
    with pytest.raises(DiskFull, match="no space left"):
        make_model_files(small_disk, model, free=lambda _: 1 << 40).fetch(
            "toy", lambda _: None, lambda: False
        )
    kept = size_of(small_disk / "toy.pth.part")
    assert kept > 500_000
    assert not (small_disk / "toy.pth").exists()
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    make_model_files(small_disk, model).fetch("toy", lambda _: None, lambda: False)
    assert (small_disk / "toy.pth").read_bytes() == content(SIZE, 1)
    wait_for(lambda: any(entry["first"] == kept for entry in server.log()), 5)
