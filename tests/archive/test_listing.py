"""Sources with links that lead nowhere, and folders that cannot be listed: the rest is restored."""

from __future__ import annotations

import os

import pytest

pytest.importorskip("pyarrow", reason="pip install 'facewatch[test]' for the tests of archives")

from facewatch.archive.store import open_store
from facewatch.archive.verification import verify
from facewatch.errors import StoreUnavailable
from tests.archive.conftest import files_below
from tests.archive.test_run import rows_of, run


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
@pytest.mark.parametrize("target", ["nowhere.jpg", "x.jpg"])
def test_a_link_that_leads_nowhere_fails_and_stops_no_other(make_plan, photos, tmp_path, target):
    source = photos("a.jpg", "sub/b.jpg")
    (source / "x.jpg").symlink_to(target)
    progress, _ = run(make_plan(source, tmp_path / "out"))
    assert progress.causes == {"BadPhoto: it is a link that leads nowhere": 1}
    assert files_below(tmp_path / "out") == {"a.jpg", "sub/b.jpg"}
    assert not verify(open_store(str(source)), open_store(str(tmp_path / "out"))).problems


def test_a_photo_that_is_deleted_while_it_is_listed_is_left_out(photos):
    store = open_store(str(photos("a.jpg", "b.jpg")))
    listing = store.photos()
    [gone] = {"a.jpg", "b.jpg"} - {next(listing).name}  # the system has given both names already
    store.remove(gone)
    assert list(listing) == []


def test_a_folder_that_cannot_be_listed_is_named_when_all_others_are_done(
    make_plan, photos, tmp_path, monkeypatch
):
    scan = os.scandir

    def refuse(path):
        if str(path).endswith(("locked", "closed")):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    source = photos("a.jpg", "locked/b.jpg", "closed/c.jpg", "open/d.jpg")
    plan = make_plan(source, tmp_path / "out")
    with monkeypatch.context() as patched:
        patched.setattr("os.scandir", refuse)
        progress, _ = run(plan)
    assert "cannot be listed: Permission denied, and 1 more folders" in progress.unlisted
    assert files_below(tmp_path / "out") == {"a.jpg", "open/d.jpg"}
    progress, _ = run(make_plan(source, tmp_path / "out"))
    assert (progress.done_before, progress.finished, progress.unlisted) == (2, 2, "")
    assert len(rows_of(tmp_path / "out")) == 4


def test_a_source_of_which_nothing_can_be_listed_ends_the_run(make_plan, photos, tmp_path):
    plan = make_plan(photos("a.jpg"), tmp_path / "out")
    (tmp_path / "in").rename(tmp_path / "away")
    with pytest.raises(StoreUnavailable, match="no longer there"):
        run(plan)
