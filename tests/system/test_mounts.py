"""The disk of a folder, and folders whose disk is not mounted."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from facewatch.system import mounts
from facewatch.system.mounts import Disks, Mount
from facewatch.system.timeouts import TimedCalls

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the paths are POSIX paths")

ROOT = Mount("/", "ext4")


class System:
    """A mount table and an fstab that a test can change."""

    def __init__(self, *mounted: Mount, planned: tuple[str, ...] = ()) -> None:
        self.table = [ROOT, *mounted]
        self.planned = set(planned)

    def disks(self, earlier=None, ask=None) -> Disks:
        return Disks(earlier, mounted=lambda: self.table, planned=lambda: self.planned, ask=ask)


def test_a_folder_is_unavailable_while_the_disk_it_was_on_is_not_mounted():
    usb = Mount("/mnt/usb", "exfat")
    system = System(usb)
    disks = system.disks()
    folder = Path("/mnt/usb/Restored")
    assert not disks.unavailable_reason(folder)
    system.table.remove(usb)
    assert "/mnt/usb" in disks.unavailable_reason(folder)
    assert "/mnt/usb" in disks.unavailable_reason(folder)
    assert not disks.unavailable_reason(Path("/mnt/other"))
    system.table.append(usb)
    assert not disks.unavailable_reason(folder)


def test_a_mount_point_in_fstab_must_be_mounted():
    disks = System(planned=("/mnt/nas", "/mnt/nas2")).disks()
    assert "/mnt/nas:" in disks.unavailable_reason(Path("/mnt/nas/Restored"))
    assert disks.unavailable_reason(Path("/mnt/nas"))
    assert not disks.unavailable_reason(Path("/mnt/nas3"))
    assert not disks.unavailable_reason(Path("/mnt"))


def test_a_disk_that_does_not_answer_is_unavailable(tmp_path):
    silence = threading.Event()
    disks = Disks(mounted=lambda: [silence.wait(9) and ROOT], planned=set, ask=TimedCalls(0.05))
    assert "does not answer" in disks.unavailable_reason(tmp_path)
    silence.set()
    time.sleep(0.1)
    assert disks.unavailable_reason(tmp_path) == ""


def test_stat_has_a_timeout_on_a_share_and_none_elsewhere(tmp_path):
    asked = []
    ask = lambda place, call: asked.append(place) or call()  # noqa: E731
    disks = System(Mount(str(tmp_path / "nas"), "nfs4")).disks(ask=ask)
    for name in ("nas", "here"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").write_bytes(b"x")
        disks.mounts(tmp_path / name)
        assert disks.stat(str(tmp_path / name / "a.jpg")).st_size == 1
    assert asked == [str(tmp_path / "nas")]


def test_fstab_may_name_a_mount_point_through_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    system = System(Mount(str(tmp_path / "real"), "ext4"), planned=(str(tmp_path / "link"),))
    assert not system.disks().unavailable_reason(tmp_path / "link" / "Restored")
    system.table.pop()
    assert system.disks().unavailable_reason(tmp_path / "link" / "Restored")


def test_a_disk_of_an_earlier_run_is_needed_while_its_mount_point_is_empty(tmp_path):
    place = tmp_path / "usb"
    system = System(Mount(str(place), "ext4"))
    disks = system.disks()
    assert not disks.unavailable_reason(place / "Restored")
    kept = disks.known_mount_points()
    assert kept == {str(place / "Restored"): str(place)}
    system.table.pop()
    assert system.disks(kept).unavailable_reason(place / "Restored")
    place.mkdir()
    assert system.disks(kept).unavailable_reason(place / "Restored")
    (place / "Restored").mkdir()
    moved = system.disks(kept)
    assert not moved.unavailable_reason(place / "Restored")
    assert moved.known_mount_points() == {str(place / "Restored"): "/"}


def test_an_unmounted_disk_is_not_forgotten(tmp_path):
    kept = {str(tmp_path / "usb"): str(tmp_path / "usb")}
    disks = System().disks(kept)
    assert disks.unavailable_reason(tmp_path / "usb")
    assert disks.known_mount_points() == kept


def test_the_innermost_and_latest_mount_counts(tmp_path):
    place = str(tmp_path)
    disks = System(Mount(place, "autofs"), Mount(place, "nfs4"), Mount(f"{place}/x", "ext4")).disks()
    here, *below = disks.mounts(tmp_path)
    assert here.kind == "nfs4"
    assert [mount.kind for mount in below] == ["ext4"]
    assert disks.mounts(tmp_path / "x" / "y") == [Mount(f"{place}/x", "ext4")]


@pytest.mark.parametrize("earlier", [None, [], "x", {"/mnt/usb/Restored": 3}, {"/mnt/usb/Restored": None}])
def test_malformed_mount_points_of_an_earlier_run_are_ignored(earlier):
    disks = System().disks(earlier)
    assert not disks.unavailable_reason(Path("/mnt/usb/Restored"))
    assert disks.known_mount_points() == {"/mnt/usb/Restored": "/"}


@pytest.mark.parametrize(
    "kind",
    ["cifs", "smb3", "smbfs", "nfs", "nfs4", "9p", "afs", "virtiofs", "fuse.sshfs", "fuse.rclone", "davfs"],
)
def test_network_file_systems_are_remote(kind):
    assert Mount("/x", kind).remote


@pytest.mark.parametrize(
    "kind", ["ext4", "btrfs", "tmpfs", "apfs", "NTFS", "fuseblk", "fuse.mergerfs", "autofs"]
)
def test_local_file_systems_are_not_remote(kind):
    assert not Mount("/x", kind).remote


def test_a_table_is_read_with_its_escapes_and_without_lines_that_mount_nothing(tmp_path):
    table = tmp_path / "fstab"
    table.write_bytes(
        b"# <file system> <mount point>\n\n"
        b"UUID=1 / ext4 defaults 0 1\n"
        b"UUID=2 none swap sw 0 0\n"
        b"#/dev/sdb1 /mnt/off ext4 noauto 0 0\n"
        b"/dev/sdc1 /mnt/my\\040disk/ ext4 noauto 0 0\n"
        b"nas:/photos /mnt/\xff\xc3\xbc nfs4 _netdev 0 0\n"
        b"broken line\n"
    )
    found = list(mounts.read_table(table))
    assert found == [
        Mount("/", "ext4"),
        Mount("/mnt/my disk", "ext4"),
        Mount("/mnt/\udcffü", "nfs4"),
    ]
    assert list(mounts.read_table(tmp_path / "missing")) == []


def test_the_table_of_this_machine_has_its_root():
    assert any(mount.point == "/" for mount in mounts.mounted_file_systems())
    assert "/" not in mounts.fstab_mount_points()
    assert Disks(planned=set).unavailable_reason(Path.home()) == ""


def test_a_share_by_its_name_stays_available(tmp_path):
    disks = Disks(mounted=list, planned=set)  # as a share by its name on Windows: on no drive
    assert [disks.unavailable_reason(tmp_path) for _ in range(3)] == ["", "", ""]
    assert Disks(disks.known_mount_points(), mounted=list, planned=set).unavailable_reason(tmp_path) == ""
