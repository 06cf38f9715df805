"""Files by what was opened: swapped names, links and pipes in a folder that others may write."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from pathlib import Path

import pytest

from facewatch.errors import BadCheckpoint, BadSettings, CannotWrite
from facewatch.models.records import Records
from facewatch.settings.store import Store
from facewatch.system.atomic import write_temporary
from facewatch.system.opened import NotRegular, open_folder, open_regular, read_small, sha256_of
from facewatch.system.publish import publish
from tests.faults.requirements import require_root

links = pytest.mark.skipif(sys.platform == "win32", reason="needs links and pipes")
OURS = hashlib.sha256(b"ours").hexdigest()


@pytest.fixture
def private(tmp_path):
    """A private file of the user's, with a copy's bytes."""
    file = tmp_path / "private" / "diary"
    file.parent.mkdir()
    file.write_bytes(b"ours")
    file.chmod(0o600)
    return file


@pytest.fixture
def shared(tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


@pytest.fixture
def readable(tmp_path):
    """The status of an original that everyone may read."""
    original = tmp_path / "original"
    original.write_bytes(b"photo")
    original.chmod(0o644)
    os.utime(original, (1_000_000_000, 1_000_000_000))
    return original.stat()


def put(kind: str, place: Path, private: Path) -> None:
    """Put something that is no file at `place`."""
    if sys.platform == "win32" and kind != "folder":
        pytest.skip("needs links and pipes")
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to({"link": private, "device": Path("/dev/zero"), "nowhere": place / "x"}[kind])


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "device", "nowhere"])
def test_what_is_no_file_is_neither_read_nor_waited_for(kind, shared, private):
    put(kind, shared / "a.jpg", private)
    with pytest.raises(OSError, match=r"a\.jpg"):
        sha256_of(shared / "a.jpg", follow=False)


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_link_that_may_be_followed_still_leads_to_a_file(kind, shared, private):
    put(kind, shared / "there", private)
    (shared / "a.jpg").symlink_to(shared / "there")
    with pytest.raises(NotRegular):
        open_regular(shared / "a.jpg", follow=True)


@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "device"])
def test_a_name_taken_by_what_is_no_file_is_passed_over(kind, shared, private):
    put(kind, shared / "a.jpg", private)
    temporary = write_temporary(shared, b"ours")
    final = publish(temporary, shared / "a.jpg", lambda _: None, lambda _: True, sha256=OURS)
    assert final == shared / "a (2).jpg"
    assert final.read_bytes() == b"ours"


@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "device"])
def test_a_temporary_swapped_for_what_is_no_file_changes_and_publishes_nothing(
    kind, shared, private, readable
):
    temporary, mode = write_temporary(shared, b"ours"), mode_of(private)
    temporary.unlink()
    put(kind, temporary, private)
    with pytest.raises(CannotWrite):
        publish(temporary, shared / "a.jpg", lambda _: None, sha256=OURS, original=readable)
    assert mode_of(private) == mode
    assert not os.path.lexists(shared / "a.jpg")


def test_a_temporary_swapped_for_another_file_is_not_published(shared, private, readable):
    temporary, mode = write_temporary(shared, b"ours"), mode_of(private)
    temporary.unlink()
    private.write_bytes(b"secret")
    os.link(private, temporary)
    with pytest.raises(CannotWrite, match="another file in the place"):
        publish(temporary, shared / "a.jpg", lambda _: None, sha256=OURS, original=readable)
    assert mode_of(private) == mode
    assert not (shared / "a.jpg").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems link by name, and check afterwards")
def test_a_swap_after_the_temporary_was_opened_does_not_matter(shared, readable):
    temporary = write_temporary(shared, b"ours")
    kept = shared / "kept"

    def swap(_: Path) -> None:
        temporary.rename(kept)
        temporary.write_bytes(b"theirs")

    final = publish(temporary, shared / "a.jpg", swap, sha256=OURS, original=readable)
    assert final.samefile(kept)
    assert (mode_of(final), final.stat().st_mtime_ns) == (0o644, readable.st_mtime_ns)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets no one delete an open file")
def test_where_links_go_only_by_name_a_swap_is_found_afterwards(shared, monkeypatch):
    temporary = write_temporary(shared, b"ours")

    def swap(_: Path) -> None:
        temporary.unlink()
        temporary.write_bytes(b"theirs")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    with pytest.raises(CannotWrite, match="another file in the place"):
        publish(temporary, shared / "a.jpg", swap, sha256=OURS)


@links
def test_a_folder_swapped_for_a_link_is_not_entered(shared, private):
    (shared / "1974").symlink_to(private.parent)
    with pytest.raises(OSError, match="1974"), open_folder(shared, shared / "1974"):
        pass


@links
@pytest.mark.needs_root
@pytest.mark.parametrize(("laid_by", "follows"), [(20_002, False), (20_001, True), (0, True)])
def test_a_link_leads_only_to_files_of_those_who_laid_it(shared, private, laid_by, follows):
    require_root()
    os.chown(private, 20_001, 20_001)
    (shared / "a.jpg.xmp").symlink_to(private)
    os.chown(shared / "a.jpg.xmp", laid_by, laid_by, follow_symlinks=False)
    if follows:
        assert sha256_of(shared / "a.jpg.xmp") == OURS
    else:
        with pytest.raises(NotRegular, match="another user"):
            sha256_of(shared / "a.jpg.xmp")


@links
@pytest.mark.needs_root
@pytest.mark.parametrize(
    ("times", "owner", "reads"), [(1, 20_001, b"new"), (100, 20_001, None), (100, 0, b"")]
)
def test_a_file_replaced_while_it_is_opened_is_opened_again(tmp_path, monkeypatch, times, owner, reads):
    require_root()
    file, left, plain = tmp_path / "config.toml", [times], os.open
    file.write_bytes(b"old")

    def replaced_meanwhile(path, *rest, **how):
        opened = plain(path, *rest, **how)
        if left[0]:
            left[0] -= 1
            new = tmp_path / f"new {left[0]}"
            os.close(plain(new, os.O_CREAT | os.O_WRONLY))
            if not left[0]:
                os.write(at := plain(new, os.O_WRONLY), b"new")
                os.close(at)
            os.chown(new, owner if left[0] % 2 else 0, 0)
            new.replace(file)
        return opened

    monkeypatch.setattr("facewatch.system.opened.os.open", replaced_meanwhile)
    if reads is None:
        with pytest.raises(NotRegular, match="again and again"):
            read_small(file, 100)
    else:
        assert read_small(file, 100) == reads


@links
def test_a_temporary_is_not_made_behind_a_link(shared, private):
    (shared / "sub").symlink_to(private.parent)
    with pytest.raises(CannotWrite):
        write_temporary(shared / "sub", b"ours", output=shared)
    assert [path.name for path in private.parent.iterdir()] == ["diary"]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["large", "pipe", "endless"])
def test_a_small_file_that_is_none_is_not_read(tmp_path, kind):
    file = tmp_path / "config.toml"
    if kind == "large":
        with file.open("wb") as sparse:
            sparse.truncate(5_000_000_000)
    else:
        put({"endless": "device"}.get(kind, kind), file, file)
    for read in (
        lambda: read_small(file, 1_000_000),
        lambda: Store(file).load(),
        lambda: Records(file).entries(),
    ):
        with pytest.raises((OSError, BadSettings, BadCheckpoint), match=r"larger than|not a regular file"):
            read()
