"""Files, drives, the registry and standard input as only Windows has them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from facewatch.cli.doctor.folders import long_paths
from facewatch.cli.doctor.types import Machine
from facewatch.errors import CannotWrite, FacewatchError, Unreadable
from facewatch.system import atomic, mounts
from facewatch.system.autostart import windows
from facewatch.system.canonical import path_within
from facewatch.system.mounts import Disks, Mount
from facewatch.system.opened import open_regular, sha256_of
from facewatch.system.publish import fit_name, publish
from facewatch.system.timeouts import TimedCalls
from facewatch.watcher import WatchedFolder
from facewatch.watcher.scan import walk

pytestmark = [
    pytest.mark.skipif(sys.platform != "win32", reason="Windows' own files, drives and registry"),
]
READ_AND_WRITE, EXISTING = 0xC0000000, 3  # winnt.h, fileapi.h


@contextmanager
def held_open(path: Path) -> Iterator[None]:
    """Hold a file as a program does that shares it with no one."""
    import ctypes

    kernel = ctypes.windll.kernel32
    kernel.CreateFileW.restype = ctypes.c_void_p
    handle = kernel.CreateFileW(str(path), READ_AND_WRITE, 0, None, EXISTING, 0, None)
    assert handle != ctypes.c_void_p(-1).value
    try:
        yield
    finally:
        kernel.CloseHandle(ctypes.c_void_p(handle))


def on_wine() -> bool:
    """Return True if this Windows is wine."""
    import ctypes

    return hasattr(ctypes.windll.ntdll, "wine_get_version")


def test_drives_are_listed_without_asking_them(monkeypatch):
    monkeypatch.setattr(mounts.psutil, "disk_partitions", lambda **_: pytest.fail("asked every drive"))
    assert "C:\\" in {mount.point for mount in mounts.mounted_file_systems()}
    assert Disks().unavailable_reason(Path("C:\\")) == ""


def test_a_share_by_its_name_stays_available_and_counts_as_one():
    disks, folder = Disks(mounted=lambda: [Mount("C:\\", "")]), Path(r"\\server\share\Scans")
    assert [disks.unavailable_reason(folder) for _ in range(2)] == ["", ""]
    assert [mount.remote for mount in disks.mounts(folder)] == [True]


def test_a_drive_that_goes_away_is_named_until_it_is_back():
    present = [Mount("C:\\", ""), Mount("Q:\\", "")]
    disks, folder = Disks(mounted=lambda: present), Path("Q:\\Scans")
    assert disks.unavailable_reason(folder) == ""
    gone = present.pop()
    assert "is not mounted at Q:\\" in disks.unavailable_reason(folder)
    assert disks.unavailable_reason(Path("C:\\Scans")) == ""
    present.append(gone)
    assert disks.unavailable_reason(folder) == ""


def test_a_photo_that_another_program_holds_is_tried_again(tmp_path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"photo")
    with held_open(photo), pytest.raises(PermissionError) as caught:
        open_regular(photo, follow=True)
    assert isinstance(atomic.unreadable_photo(caught.value), Unreadable)
    assert sha256_of(photo)


def test_a_write_waits_for_the_program_that_reads_the_file(tmp_path, monkeypatch):
    config, holding = tmp_path / "config.toml", held_open(tmp_path / "config.toml")
    config.write_bytes(b"old")
    holding.__enter__()
    monkeypatch.setattr(atomic.time, "sleep", lambda _: holding.__exit__(None, None, None))
    atomic.write_atomically(config, b"new")
    assert config.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [config]


def test_the_copy_of_a_read_only_photo_is_read_only_and_our_own_files_can_be_removed(tmp_path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"photo")
    photo.chmod(0o444)
    (tmp_path / "out").mkdir()
    temporary = atomic.write_temporary(tmp_path / "out", b"copy")
    digest = sha256_of(temporary)
    final = publish(
        temporary, tmp_path / "out" / "a.jpg", lambda _: None, sha256=digest, original=photo.stat()
    )
    assert not os.access(final, os.W_OK)
    assert final.stat().st_mtime_ns == photo.stat().st_mtime_ns
    assert atomic.remove_file(final)
    assert not list((tmp_path / "out").iterdir())
    photo.chmod(0o666)


@pytest.mark.parametrize("stem", ["a" * 300, "ü" * 300, "写" * 300, "🙂" * 200])
def test_the_longest_name_can_be_written(tmp_path, stem):
    name = fit_name(stem, ".jpg")
    if on_wine() and len(name.encode()) > 255:
        pytest.skip("wine's disk is one of Linux, whose names have 255 bytes")
    (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_behind_a_long_path_is_scanned(tmp_path):
    folder = tmp_path.joinpath(*["a long name of a folder, as scanners write" * 2] * 4)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        pytest.skip(f"this Windows has no long paths ({error.strerror})")
    (folder / "a.jpg").write_bytes(b"x")
    assert len(str(folder)) > 300
    found = []
    assert walk(WatchedFolder(tmp_path), tmp_path, found.append).unreadable == {}
    assert found == [folder / "a.jpg"]


@pytest.mark.parametrize(("allowed", "findings"), [(True, 0), (False, 1)])
def test_doctor_says_how_to_allow_long_paths(allowed, findings):
    found = list(long_paths(Machine(long_paths=lambda: allowed)))
    assert len(found) == findings
    assert all("LongPathsEnabled" in finding.text for finding in found)
    assert Machine().long_paths() in {True, False}


def test_a_junction_is_not_followed(tmp_path):
    import _winapi

    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.jpg").write_bytes(b"x")
    (tmp_path / "in").mkdir()
    try:
        _winapi.CreateJunction(str(tmp_path / "elsewhere"), str(tmp_path / "in" / "link"))
    except OSError as error:
        pytest.skip(f"this Windows has no junctions ({error.strerror})")
    found = []
    walk(WatchedFolder(tmp_path / "in"), tmp_path / "in", found.append)
    assert found == []


def test_the_run_key_of_the_registry_is_written_read_and_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(windows, "NAME", "Facewatch test")  # not the user's own entry
    registry = windows.UserRegistry()
    program = tmp_path / "with space" / "facewatchw.exe"
    program.parent.mkdir()
    program.touch()
    key = windows.RunKey([str(program), "run"], registry)
    assert key.state() == "off"
    key.enable()
    assert (key.state(), key.program()) == ("on", str(program))
    program.unlink()
    assert key.state() == "broken"
    key.disable()
    key.disable()
    assert (key.state(), key.program()) == ("off", None)


def test_nul_is_no_terminal():
    code = "from facewatch.cli.terminal import can_ask; import sys; print(sys.stdin.isatty(), can_ask())"
    run = subprocess.run(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["True", "False"]  # the first is why the second is needed


REFUSED = ["CON.jpg", "nul.jpg", "COM1.jpeg", "a .jpg", "a..jpg", "aux.photo.png"]


@pytest.mark.parametrize("name", [*REFUSED, "trailing dot.jpg.", "trailing space.jpg "])
def test_a_photo_whose_name_windows_refuses_is_read_or_named_and_never_taken_for_a_device(tmp_path, name):
    """Linux programs on a shared disk make such names; Windows itself reaches them by \\\\?\\ only."""
    try:
        Path(f"\\\\?\\{tmp_path}\\{name}").write_bytes(b"photo")
    except OSError as error:
        pytest.skip(f"this Windows makes no such file ({error.strerror})")
    found = []
    walk(WatchedFolder(tmp_path), tmp_path, found.append)
    for path in found:
        assert TimedCalls(30)(path, lambda path=path: opened_or_refused(path)) in {b"photo", None}


def opened_or_refused(path):
    """Return the content of a photo; None if it cannot be opened under its name."""
    try:
        with open_regular(path, follow=True) as stream:
            return stream.read()
    except (FacewatchError, OSError):
        return None


@pytest.mark.parametrize("name", ["a?.jpg", "a|b.jpg", 'a"b.jpg', "a<b>.jpg"])
def test_a_copy_whose_name_windows_refuses_is_an_error_and_leaves_nothing(tmp_path, name):
    temporary = atomic.write_temporary(tmp_path, b"copy")
    with pytest.raises(CannotWrite):
        publish(temporary, tmp_path / name, lambda _: None, sha256=sha256_of(temporary))
    assert [path.name for path in tmp_path.iterdir() if path != temporary] == []


def test_a_photo_renamed_in_case_only_is_found_under_its_new_name(tmp_path):
    (tmp_path / "scan.jpg").write_bytes(b"x")
    (tmp_path / "scan.jpg").rename(tmp_path / "Scan.JPG")
    if [path.name for path in tmp_path.iterdir()] == ["scan.jpg"]:
        pytest.skip("this Windows renames nothing where only the case changes")
    found = []
    walk(WatchedFolder(tmp_path), tmp_path, found.append)
    assert [path.name for path in found] == ["Scan.JPG"]
    assert path_within(tmp_path / "SCAN.jpg", tmp_path) is not None
