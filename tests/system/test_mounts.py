"""Which disk a folder lies on, and when it is away."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from facewatch.system import mounts
from facewatch.system.mounts import Disks, Mount
from facewatch.system.timeouts import TimedCalls

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the places are POSIX paths")

ROOT = Mount("/", "ext4")


class System:
    """A table of mounts and a plan, to be changed."""

    def __init__(self, *mounted: Mount, planned: tuple[str, ...] = ()) -> None:
        self.table = [ROOT, *mounted]
        self.planned = set(planned)

    def disks(self, earlier=None, ask=None) -> Disks:
        return Disks(earlier, mounted=lambda: self.table, planned=lambda: self.planned, ask=ask)


def test_a_folder_is_there_until_the_disk_it_was_seen_on_is_not_mounted():
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


def test_a_place_that_the_systems_plan_names_must_be_mounted():
    disks = System(planned=("/mnt/nas", "/mnt/nas2")).disks()
    assert "/mnt/nas:" in disks.unavailable_reason(Path("/mnt/nas/Restored"))
    assert disks.unavailable_reason(Path("/mnt/nas"))
    assert not disks.unavailable_reason(Path("/mnt/nas3"))
    assert not disks.unavailable_reason(Path("/mnt"))


def test_a_disk_that_does_not_answer_is_away(tmp_path):
    silence = threading.Event()
    disks = Disks(mounted=lambda: [silence.wait(9) and ROOT], planned=set, ask=TimedCalls(0.05))
    assert "does not answer" in disks.unavailable_reason(tmp_path)
    silence.set()
    time.sleep(0.1)
    assert disks.unavailable_reason(tmp_path) == ""


def test_a_look_at_a_file_on_a_share_has_a_deadline_and_another_none(tmp_path):
    asked = []
    ask = lambda place, question: asked.append(place) or question()  # noqa: E731
    disks = System(Mount(str(tmp_path / "nas"), "nfs4")).disks(ask=ask)
    for name in ("nas", "here"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").write_bytes(b"x")
        disks.mounts(tmp_path / name)
        assert disks.stat(str(tmp_path / name / "a.jpg")).st_size == 1
    assert asked == [str(tmp_path / "nas")]


def test_a_planned_place_may_be_named_through_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    system = System(Mount(str(tmp_path / "real"), "ext4"), planned=(str(tmp_path / "link"),))
    assert not system.disks().unavailable_reason(tmp_path / "link" / "Restored")
    system.table.pop()
    assert system.disks().unavailable_reason(tmp_path / "link" / "Restored")


def test_a_disk_of_an_earlier_run_is_away_as_long_as_nothing_lies_at_its_place(tmp_path):
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


def test_a_disk_that_is_away_is_not_forgotten(tmp_path):
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
def test_what_another_hand_wrote_as_sightings_is_left_out(earlier):
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
def test_disks_of_this_machine_are_not(kind):
    assert not Mount("/x", kind).remote


def test_tables_are_read_with_their_escapes_and_without_what_is_no_place(tmp_path):
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


def test_this_machines_own_table_holds_its_root():
    assert any(mount.point == "/" for mount in mounts.mounted_file_systems())
    assert "/" not in mounts.fstab_mount_points()
    assert Disks(planned=set).unavailable_reason(Path.home()) == ""
