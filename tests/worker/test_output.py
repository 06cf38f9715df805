"""Output folders, and the publishing of finished copies."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from types import SimpleNamespace

import pytest

from facewatch.engine.messages import RestoreResult
from facewatch.errors import CannotWrite, DiskFull, SourceChanged, SourceGone
from facewatch.system.atomic import write_temporary
from facewatch.system.fingerprint import Fingerprint
from facewatch.system.opened import open_regular, sha256_of
from facewatch.system.publish import copy_attributes
from facewatch.worker.output import (
    LARGEST_SIDECAR_BYTES,
    FinishedCopy,
    discard_result,
    name_for,
    output_folder,
    publish_copy,
    publish_sidecars,
    take_result,
)


def answer(temporary=None, sha256=None, extras=()):
    return RestoreResult(1, temporary, sha256, ".png", [], 0.1, list(extras))


def photo_in(folder):
    folder.mkdir(parents=True)
    (folder / "a.jpg").write_bytes(b"photo")
    return folder / "a.jpg"


def finished(temporary):
    return FinishedCopy(temporary, sha256_of(temporary), temporary.suffix)


def side_file(temporary, tail):
    return {"temporary": str(temporary), "sha256": sha256_of(temporary), "tail": tail}


def give_attributes(copy, status):
    with open_regular(copy, follow=False) as file:
        copy_attributes(file, copy, status)


def test_sub_folders_are_mirrored(tmp_path):
    source = photo_in(tmp_path / "in" / "1974" / "summer")
    folder = output_folder(source, tmp_path / "in", tmp_path / "out")
    assert folder == tmp_path / "out" / "1974" / "summer"
    assert folder.is_dir()


def test_an_output_that_is_a_file_is_an_error_that_names_it(tmp_path):
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(CannotWrite, match="out"):
        output_folder(tmp_path / "in" / "sub" / "a.jpg", tmp_path / "in", tmp_path / "out")


def test_an_output_folder_whose_name_a_file_has_is_an_error_that_names_it(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "k.jpg").write_bytes(b"in the way")
    with pytest.raises(CannotWrite, match=r"k\.jpg is in the way"):
        output_folder(tmp_path / "in" / "k.jpg" / "x.jpg", tmp_path / "in", tmp_path / "out")


def test_an_output_that_is_a_link_is_followed(tmp_path):
    (tmp_path / "large disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "large disk")
    source = photo_in(tmp_path / "in" / "1974")
    assert output_folder(source, tmp_path / "in", tmp_path / "out") == tmp_path / "out" / "1974"
    assert (tmp_path / "large disk" / "1974").is_dir()


def test_a_path_that_leads_out_of_the_output_is_refused(tmp_path):
    photo_in(tmp_path / "in" / "1974")
    source = photo_in(tmp_path / "foreign")
    with pytest.raises(CannotWrite, match=r"contains \.\., which leads out of"):
        output_folder(tmp_path / "in" / ".." / "foreign" / source.name, tmp_path / "in", tmp_path / "out")
    with pytest.raises(CannotWrite):
        output_folder(tmp_path / "in" / "1974" / ".." / "a.jpg", tmp_path / "in", tmp_path / "out")
    assert [path.name for path in (tmp_path / "foreign").iterdir()] == ["a.jpg"]


@pytest.mark.parametrize("link", ["1974", "1974/summer"])
def test_a_link_below_the_output_is_not_followed_and_nothing_is_created_behind_it(tmp_path, link):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / link).parent.mkdir(parents=True)
    (tmp_path / "out" / link).symlink_to(tmp_path / "elsewhere")
    source = photo_in(tmp_path / "in" / "1974" / "summer" / "lake")
    with pytest.raises(CannotWrite, match=r"is a link to .*elsewhere.*nothing is written through links"):
        output_folder(source, tmp_path / "in", tmp_path / "out")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_dangling_link_below_the_output_is_in_the_way(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "1974").symlink_to(tmp_path / "nowhere")
    with pytest.raises(CannotWrite, match="1974"):
        output_folder(photo_in(tmp_path / "in" / "1974"), tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_replaced_by_a_link_while_its_photo_is_restored_gets_nothing(tmp_path):
    source = photo_in(tmp_path / "in" / "1974")
    folder = output_folder(source, tmp_path / "in", tmp_path / "out")
    temporary = write_temporary(folder, b"restored")
    moved = folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(moved)
    with pytest.raises(CannotWrite, match="is a link to"):
        publish_copy(finished(temporary), source, folder / "a.jpg", lambda _: None, output=tmp_path / "out")
    assert [path.name for path in moved.iterdir()] == [temporary.name]


def test_a_photo_that_would_not_fit_is_refused_before_it_is_restored(tmp_path, monkeypatch):
    source = photo_in(tmp_path / "in")
    free = SimpleNamespace(total=100_000, used=0, free=1_004)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(DiskFull):
        output_folder(source, tmp_path / "in", tmp_path / "out")
    free.free += 1
    output_folder(source, tmp_path / "in", tmp_path / "out")


def test_a_deleted_photo_gets_no_folder(tmp_path):
    with pytest.raises(SourceGone):
        output_folder(tmp_path / "in" / "a.jpg", tmp_path / "in", tmp_path / "out")


def test_an_original_that_vanishes_at_the_last_moment_is_reported_as_gone(tmp_path):
    with pytest.raises(SourceGone):
        publish_copy(
            finished(write_temporary(tmp_path, b"restored")),
            tmp_path / "a.jpg",
            tmp_path / "b.jpg",
            lambda _: None,
        )


def test_an_original_that_changed_gets_no_copy(tmp_path):
    source = photo_in(tmp_path / "in")
    before = Fingerprint.of(source.stat())
    temporary = write_temporary(tmp_path, b"restored")
    source.write_bytes(b"another photo")
    with pytest.raises(SourceChanged):
        publish_copy(finished(temporary), source, tmp_path / "b.jpg", lambda _: None, expected=before)
    assert not (tmp_path / "b.jpg").exists()


def test_a_photo_that_was_not_restored_is_copied_byte_for_byte(tmp_path):
    source = tmp_path / "a.JPG"
    source.write_bytes(b"no face in it")
    temporary, sha256, suffix = take_result(answer(), source, tmp_path)
    assert temporary.read_bytes() == b"no face in it"
    assert (sha256, suffix) == (sha256_of(source), ".JPG")


def test_side_files_follow_the_name_of_their_copy(tmp_path):
    source = tmp_path / "a.jpg"
    source.write_bytes(b"photo")
    (tmp_path / "b.png").write_bytes(b"taken")
    main, extra = write_temporary(tmp_path, b"restored"), write_temporary(tmp_path, b"comparison")
    extras = [side_file(extra, " before-after.jpg")]
    final = publish_copy(finished(main), source, tmp_path / "b.png", lambda _: None, extras)
    assert final.name == "b (2).png"
    assert (tmp_path / "b (2) before-after.jpg").read_bytes() == b"comparison"
    assert not list(tmp_path.glob(".facewatch-*"))


def test_an_existing_copy_is_adopted_with_its_side_files(tmp_path):
    source = photo_in(tmp_path / "in")
    out = tmp_path / "out"
    out.mkdir()
    for _ in range(2):
        main, extra = write_temporary(out, b"restored"), write_temporary(out, b"comparison")
        extras = [side_file(extra, " before-after.jpg")]
        publish_copy(finished(main), source, out / "a.jpg", lambda _: None, extras, adopt=lambda _: True)
    assert sorted(path.name for path in out.iterdir()) == ["a before-after.jpg", "a.jpg"]


@pytest.mark.parametrize("stem", ["a" * 251, "ü" * 125])
def test_a_long_name_leaves_room_for_the_tails_of_side_files(tmp_path, stem):
    source = tmp_path / f"{stem}.jpg"
    source.write_bytes(b"photo")
    out = tmp_path / "out"
    out.mkdir()
    for number in range(2):
        wanted = name_for(source, out, "-restored", ".webp")
        extras = [
            side_file(write_temporary(out, b"%d" % number), tail)
            for tail in (" before-after.jpg", " face 1 cropped.png", " face 1 restored.png")
        ]
        publish_copy(
            finished(write_temporary(out, b"copy %d" % number)), source, wanted, lambda _: None, extras
        )
    ends = ["-restored.webp", " before-after.jpg", " face 1 cropped.png", " face 1 restored.png"]
    ends += ["-restored (2).webp"]
    found = [path.name for path in out.iterdir()]
    assert len(found) == 8
    assert all(any(name.endswith(end) for name in found) for end in ends)


def test_an_unused_result_is_removed(tmp_path):
    main, extra = write_temporary(tmp_path, b"restored"), write_temporary(tmp_path, b"comparison")
    discard_result(answer(str(main), "0", [{"temporary": str(extra), "tail": ""}]))
    assert list(tmp_path.iterdir()) == []


def test_a_side_file_that_cannot_be_written_is_logged_and_leaves_the_copy_as_it_is(tmp_path, caplog):
    source = photo_in(tmp_path / "in")
    main, extra = write_temporary(tmp_path, b"restored"), write_temporary(tmp_path, b"comparison")
    extras = [side_file(extra, f" {'x' * 250}.jpg")]
    final = publish_copy(finished(main), source, tmp_path / "a.jpg", lambda _: None, extras)
    assert final == tmp_path / "a.jpg"
    assert not list(tmp_path.glob(".facewatch-*"))
    assert "File name too long" in caplog.text


def test_a_copy_takes_its_originals_times_and_permissions(tmp_path):
    original = photo_in(tmp_path / "in")
    original.chmod(0o604)
    os.utime(original, ns=(1_000_000_000, 946_684_800_000_000_000))
    copy = write_temporary(tmp_path, b"restored")
    give_attributes(copy, original.stat())
    assert copy.stat().st_mtime_ns == 946_684_800_000_000_000
    assert stat.S_IMODE(copy.stat().st_mode) == 0o604


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
def test_a_disk_without_permissions_and_times_gets_its_copies_anyway(tmp_path, monkeypatch, number):
    def refused(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fchmod", refused)
    monkeypatch.setattr(os, "utime", refused)
    copy = write_temporary(tmp_path, b"restored")
    give_attributes(copy, tmp_path.stat())
    number = errno.EIO
    with pytest.raises(CannotWrite, match="Input/output error"):
        give_attributes(copy, tmp_path.stat())


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
def test_sidecars_are_not_written_behind_a_link(tmp_path):
    source = photo_in(tmp_path / "in" / "sub")
    source.with_suffix(".xmp").write_bytes(b"notes")
    private, output = tmp_path / "private", tmp_path / "out"
    private.mkdir()
    output.mkdir()
    (output / "sub").symlink_to(private)  # just after the copy got its name
    assert publish_sidecars(source, output / "sub" / "a.jpg", output)[0] == []
    assert list(private.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no permissions for others there")
def test_a_sidecar_keeps_its_permissions_and_times(tmp_path):
    source, output = tmp_path / "a.jpg", tmp_path / "out"
    output.mkdir()
    sidecar = source.with_suffix(".xmp")
    sidecar.write_text("about a.jpg", "utf-8")
    sidecar.chmod(0o664)
    os.utime(sidecar, (1_000_000_000, 1_000_000_000))
    assert publish_sidecars(source, output / "a.jpg", output)[1] == []
    copied = (output / "a.xmp").stat()
    assert (copied.st_mode & 0o777, copied.st_mtime) == (0o664, 1_000_000_000)


def test_a_sidecar_as_large_as_a_film_is_named_and_not_copied(tmp_path, caplog):
    source = photo_in(tmp_path / "in")
    with source.with_suffix(".xmp").open("wb") as sidecar:
        sidecar.truncate(LARGEST_SIDECAR_BYTES + 1)
    output = tmp_path / "out"
    output.mkdir()
    notes, failed = publish_sidecars(source, output / "a.jpg", output)
    assert (notes, len(failed)) == ([], 1)
    assert list(output.iterdir()) == []
    assert "larger than 100 MB" in failed[0]
    assert f"{source.stem}.xmp" in caplog.text
