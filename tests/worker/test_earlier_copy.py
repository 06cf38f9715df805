"""Replaced and rejected copies go to the trash, and nothing else does."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from facewatch.errors import CannotWrite
from facewatch.restoration.options import FaceChoice
from facewatch.state.requests import Request
from facewatch.system.fingerprint import Fingerprint
from facewatch.system.opened import sha256_of
from facewatch.worker import earlier_copy
from facewatch.worker.earlier_copy import mark, redo_options, undo


@pytest.fixture
def trash(tmp_path, monkeypatch):
    """A trash; a test may make it refuse."""
    folder = tmp_path / "trash"
    folder.mkdir()

    def move(file, sha256, _):
        if not file.exists() or sha256_of(file, follow=False) != sha256:
            return False
        if (folder / "refuse").exists():
            raise CannotWrite(f"{file} cannot be moved to the trash")
        taken = (folder / file.name).exists()
        file.rename(folder / (f"{file.name}.2" if taken else file.name))
        return True

    def find(file, sha256):
        held = (folder / file.name, folder / f"{file.name}.2")
        return next((it for it in held if it.exists() and sha256_of(it, follow=False) == sha256), None)

    def back(file, sha256, _):
        return find(file, sha256).rename(file)

    monkeypatch.setattr(earlier_copy, "move_to_trash", move)
    monkeypatch.setattr(earlier_copy, "find_in_trash", find)
    monkeypatch.setattr(earlier_copy, "bring_back", back)
    return folder


@pytest.fixture
def photo(harness):
    """A restored photo."""
    path = harness.drop("a.jpg")
    harness.work()
    return path


def redo(harness, path, **wanted):
    job = harness.ledger.photo(path)
    options = redo_options(Request("redo", path, **wanted), job)
    harness.ledger.queue(path, harness.inbox_folder, Fingerprint.of(path.stat()), options)
    harness.work()


def test_a_replaced_copy_goes_to_the_trash_and_the_new_one_gets_its_name(harness, photo, trash):
    first = (harness.output / "a.jpg").read_bytes()
    redo(harness, photo, weight=0.5, replace=True)
    assert harness.outputs() == ["a.jpg"]
    assert (trash / "a.jpg").read_bytes() == first
    assert harness.ledger.photo(photo).output == harness.output / "a.jpg"


def test_a_replaced_redo_leaves_the_first_copy(harness, photo, trash):
    redo(harness, photo, weight=0.5)
    redo(harness, photo, weight=0.25, replace=True)
    assert harness.outputs() == ["a (builtin 0.25).jpg", "a.jpg"]
    assert [file.name for file in trash.iterdir()] == ["a (builtin 0.5).jpg"]


def test_without_replace_the_earlier_copy_stays(harness, photo, trash):
    redo(harness, photo, weight=0.5)
    assert harness.outputs() == ["a (builtin 0.5).jpg", "a.jpg"]
    assert list(trash.iterdir()) == []


def test_a_copy_that_the_user_has_edited_stays(harness, photo, trash):
    (harness.output / "a.jpg").write_bytes(b"edited by hand")
    redo(harness, photo, weight=0.5, replace=True)
    assert harness.outputs() == ["a (builtin 0.5).jpg", "a.jpg"]
    assert (harness.output / "a.jpg").read_bytes() == b"edited by hand"


def test_a_copy_that_cannot_be_moved_stays_and_the_photo_is_restored(harness, photo, trash):
    (trash / "refuse").touch()
    redo(harness, photo, weight=0.5, replace=True)
    assert harness.outputs() == ["a (builtin 0.5).jpg", "a.jpg"]
    assert harness.state("a.jpg") == "done"


def test_a_redo_that_fails_leaves_the_earlier_copy(harness, trash):
    path = harness.drop("a.jpg")
    harness.work()
    path.rename(path.with_name("device-x.jpg"))
    moved = path.with_name("device-x.jpg")
    harness.ledger.queue(
        moved,
        harness.inbox_folder,
        Fingerprint.of(moved.stat()),
        {"replaces": {"path": str(harness.output / "a.jpg"), "sha256": "0" * 64}},
    )
    for _ in range(3):
        harness.work()
        harness.clock.now += 4000
    assert (harness.output / "a.jpg").exists()
    assert list(trash.iterdir()) == []


def test_a_second_wish_to_replace_still_knows_the_copy(harness, photo):
    job = harness.ledger.photo(photo)
    first = redo_options(Request("redo", photo, replace=True), job)
    harness.ledger.queue(photo, harness.inbox_folder, Fingerprint.of(photo.stat()), first)
    started = harness.ledger.start(harness.ledger.photo(photo))
    harness.ledger.record_hash(started, "1" * 64, "recipe")
    again = redo_options(Request("redo", photo, replace=True), harness.ledger.photo(photo))
    assert again["replaces"] == first["replaces"]
    assert redo_options(Request("redo", photo, replace=True), None) == {"model": None, "weight": None}


def test_the_choices_for_faces_reach_the_engine_and_the_report(harness, photo):
    choices = (FaceChoice((1.0, 2.0, 3.0, 4.0), None),)
    redo(harness, photo, weight=0.5, faces=choices)
    assert harness.orders[-1].faces == choices
    report = harness.ledger.photo(photo).report
    assert report["choices"] == [{"box": [1.0, 2.0, 3.0, 4.0], "weight": None}]


def test_choices_make_another_recipe(harness, photo):
    before = harness.ledger.photo(photo).recipe
    redo(harness, photo)
    assert harness.ledger.photo(photo).recipe == before
    redo(harness, photo, faces=(FaceChoice((1.0, 2.0, 3.0, 4.0), 0.5),))
    assert harness.ledger.photo(photo).recipe != before


def test_a_rejected_copy_goes_to_the_trash_and_the_photo_is_not_restored_again(harness, photo, trash):
    mark(harness.ledger, Request("mark", photo, marks=("rejected",)))
    assert harness.outputs() == []
    assert (trash / "a.jpg").exists()
    job = harness.ledger.photo(photo)
    assert (job.state, job.output, job.report["marks"]) == ("done", None, ["rejected"])
    os.utime(photo, (1, 1))  # found again by a scan
    harness.inbox.put(harness.inbox_folder, photo)
    harness.work()
    assert harness.outputs() == []
    redo(harness, photo)
    assert harness.outputs() == ["a (builtin 0).jpg"]


def test_a_verdict_changes_neither_copy_nor_time(harness, photo, trash):
    before = harness.ledger.photo(photo)
    harness.clock.now += 100
    mark(harness.ledger, Request("mark", photo, marks=("accepted", "favourite")))
    after = harness.ledger.photo(photo)
    assert after.report["marks"] == ["accepted", "favourite"]
    assert (after.output, after.changed, after.report["faces"]) == (
        before.output,
        before.changed,
        before.report["faces"],
    )
    mark(harness.ledger, Request("mark", photo, marks=()))
    assert harness.ledger.photo(photo).report["marks"] == []
    assert harness.outputs() == ["a.jpg"]


def test_a_copy_that_cannot_be_rejected_is_not_marked(harness, photo, trash):
    (trash / "refuse").touch()
    with pytest.raises(CannotWrite):
        mark(harness.ledger, Request("mark", photo, marks=("rejected",)))
    assert "marks" not in harness.ledger.photo(photo).report
    assert harness.outputs() == ["a.jpg"]


def test_a_favourite_stays_one_when_it_is_redone(harness, photo):
    mark(harness.ledger, Request("mark", photo, marks=("accepted", "favourite")))
    redo(harness, photo, weight=0.5)
    assert harness.ledger.photo(photo).report["marks"] == ["favourite"]


def test_a_verdict_about_a_photo_that_is_not_known_is_none(harness, tmp_path):
    mark(harness.ledger, Request("mark", tmp_path / "b.jpg", marks=("rejected",)))
    assert harness.ledger.photo(tmp_path / "b.jpg") is None


def test_a_rejection_is_taken_back(harness, photo, trash):
    before, data = harness.ledger.photo(photo), (harness.output / "a.jpg").read_bytes()
    mark(harness.ledger, Request("mark", photo, marks=("rejected", "favourite")))
    undo(harness.ledger, photo)
    after = harness.ledger.photo(photo)
    assert (harness.output / "a.jpg").read_bytes() == data
    assert list(trash.iterdir()) == []
    assert (after.output, after.output_sha256, after.recipe) == (
        before.output,
        before.output_sha256,
        before.recipe,
    )
    assert "rejected" not in after.report["marks"]
    undo(harness.ledger, photo)  # nothing is left to undo
    assert harness.outputs() == ["a.jpg"]


def test_a_replaced_copy_comes_back_and_the_new_one_goes(harness, photo, trash):
    before, first = harness.ledger.photo(photo), (harness.output / "a.jpg").read_bytes()
    redo(harness, photo, weight=0.5, replace=True)
    second = (harness.output / "a.jpg").read_bytes()
    harness.clock.now += 100
    undo(harness.ledger, photo)
    assert (harness.output / "a.jpg").read_bytes() == first
    assert [file.read_bytes() for file in trash.iterdir()] == [second]
    after = harness.ledger.photo(photo)
    assert (after.state, after.output, after.recipe) == (before.state, before.output, before.recipe)
    assert after.report["weight"] == 0
    assert after.changed > before.changed  # its pictures are other ones now


def test_an_added_copy_goes_and_the_earlier_one_is_the_copy_again(harness, photo, trash):
    redo(harness, photo, weight=0.5)
    undo(harness.ledger, photo)
    assert harness.outputs() == ["a.jpg"]
    assert harness.ledger.photo(photo).output == harness.output / "a.jpg"


def test_a_redo_that_made_the_same_file_is_undone_too(harness, photo, trash):
    redo(harness, photo, weight=0.0, replace=True)
    undo(harness.ledger, photo)
    assert harness.outputs() == ["a.jpg"]
    assert harness.ledger.photo(photo).output == harness.output / "a.jpg"


def test_nothing_changes_where_the_earlier_copy_is_not_in_the_trash(harness, photo, trash):
    redo(harness, photo, weight=0.5, replace=True)
    for file in trash.iterdir():
        file.unlink()  # emptied
    with pytest.raises(CannotWrite, match="not in the trash"):
        undo(harness.ledger, photo)
    assert harness.outputs() == ["a.jpg"]
    assert harness.ledger.photo(photo).report["weight"] == 0.5


def test_a_photo_that_waits_again_has_nothing_to_undo(harness, photo, trash):
    redo(harness, photo, weight=0.5, replace=True)
    options = redo_options(Request("redo", photo, weight=0.2), harness.ledger.photo(photo))
    harness.ledger.queue(photo, harness.inbox_folder, Fingerprint.of(photo.stat()), options)
    undo(harness.ledger, photo)
    assert harness.ledger.photo(photo).state == "queued"
    assert harness.outputs() == ["a.jpg"]


def test_the_files_made_with_a_copy_go_and_come_with_it(harness, trash):
    path = harness.drop("a.jpg")
    path.with_name("a.jpg.json").write_text("{}", "utf-8")
    harness.work()
    assert harness.outputs() == ["a.jpg", "a.jpg.json"]
    mark(harness.ledger, Request("mark", path, marks=("rejected",)))
    assert harness.outputs() == []
    undo(harness.ledger, path)
    assert harness.outputs() == ["a.jpg", "a.jpg.json"]


def test_a_file_beside_the_copy_that_the_user_changed_stays(harness, trash):
    path = harness.drop("a.jpg")
    path.with_name("a.jpg.json").write_text("{}", "utf-8")
    harness.work()
    (harness.output / "a.jpg.json").write_text('{"title": "mine"}', "utf-8")
    (harness.output / "a.xmp").write_text("mine too", "utf-8")
    mark(harness.ledger, Request("mark", path, marks=("rejected",)))
    assert harness.outputs() == ["a.jpg.json", "a.xmp"]


def test_a_duplicate_does_not_take_the_verdict_over(harness, photo, trash):
    mark(harness.ledger, Request("mark", photo, marks=("favourite",)))
    harness.drop("b.jpg")  # the same bytes
    harness.work()
    assert "marks" not in harness.ledger.photo(photo.with_name("b.jpg")).report


def test_a_face_with_a_model_of_its_own_brings_that_model_along(harness, photo, trash):
    box = (1.0, 2.0, 3.0, 4.0)
    redo(
        harness,
        photo,
        weight=0.5,
        faces=(FaceChoice(box, 0.2, "codeformer"), FaceChoice(box, 0.3, "builtin")),
    )
    assert harness.engines[-1].setup.others == ("codeformer",)
    assert "codeformer" in harness.engines[-1].setup.files
    assert [face.model for face in harness.orders[-1].faces] == ["codeformer", None]
    choices = harness.ledger.photo(photo).report["choices"]
    assert [choice.get("model") for choice in choices] == ["codeformer", None]


def test_an_original_that_is_kept_brings_no_model_along(harness, photo, trash):
    redo(harness, photo, faces=(FaceChoice((1.0, 2.0, 3.0, 4.0), None, "codeformer"),))
    assert harness.engines[-1].setup.others == ()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("act", ["reject", "replace"])
def test_an_original_behind_a_link_in_the_output_is_no_copy_to_throw_away(harness, trash, act):
    harness.inbox_folder.joinpath("sub").mkdir()
    path = harness.drop("sub/a.jpg")
    harness.work()
    job = harness.ledger.photo(path)
    path.write_bytes(job.output.read_bytes())  # as of a photo that was copied unchanged
    shutil.rmtree(harness.output / "sub")
    (harness.output / "sub").symlink_to(harness.inbox_folder / "sub")  # somebody shares the output folder
    if act == "reject":
        with pytest.raises(CannotWrite, match="links"):
            mark(harness.ledger, Request("mark", path, marks=("rejected",)))
    else:
        redo(harness, path, weight=0.5, replace=True)
    assert path.exists()
    assert list(trash.iterdir()) == []
