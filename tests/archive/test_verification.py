"""Verification: every disagreement of source, manifest and destination is named."""

from __future__ import annotations

import pytest

pytest.importorskip("pyarrow", reason="pip install 'facewatch[test]' for the tests of archives")

from facewatch.archive.store import open_store
from facewatch.archive.verification import verify
from tests.archive.test_run import run


@pytest.fixture
def archive(make_plan, photos, tmp_path):
    run(make_plan(photos("a.jpg", "b.jpg", "sub/c.jpg", "nobody-1.jpg", "cut-1.jpg"), tmp_path / "out"))
    return tmp_path


def problems(folder):
    return verify(open_store(str(folder / "in")), open_store(str(folder / "out"))).problems


def test_a_finished_archive_agrees(archive):
    found = verify(open_store(str(archive / "in")), open_store(str(archive / "out")))
    assert (found.photos, found.copies, found.others, found.problems) == (5, 4, 0, {})
    assert found.outcomes == {"restored": 3, "without faces": 1, "failed": 1}


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda at: (at / "out/a.jpg").unlink(), "is in the manifest and not in the destination"),
        (lambda at: (at / "out/a.jpg").write_bytes(b"x"), "is another file than the one that was written"),
        (lambda at: (at / "in/new.jpg").write_bytes(b"x"), "has no row in the manifest"),
        (lambda at: (at / "in/a.jpg").unlink(), "has a row, and is no longer in the source"),
        (lambda at: (at / "out/sub/.facewatch-1-x.tmp").write_bytes(b"x"), "is an unfinished file"),
    ],
)
def test_what_was_spoiled_is_named(archive, spoil, kind):
    spoil(archive)
    assert problems(archive) == {kind: 1}


def test_a_photo_that_changed_is_named(archive):
    (archive / "in/a.jpg").write_bytes(b"changed since")
    assert set(problems(archive)) == {
        "changed after its row was written",
        "does not have the bytes that were restored",
    }


def test_files_of_others_in_the_destination_are_counted_and_no_problem(archive):
    (archive / "out/mine.txt").write_text("mine", "utf-8")
    found = verify(open_store(str(archive / "in")), open_store(str(archive / "out")))
    assert (found.others, found.problems) == (1, {})
