"""The recovery of photos whose commit a kill of the daemon interrupted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from facewatch.state.ledger import Ledger
from facewatch.system.atomic import write_temporary
from facewatch.system.fingerprint import Fingerprint
from facewatch.system.opened import sha256_of
from facewatch.worker import recovery
from facewatch.worker.recovery import STOPPED_ATTEMPTS, finish_if_published, recover_interrupted

TAIL = " before-after.jpg"


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    yield ledger
    ledger.close()


@pytest.fixture
def folders(tmp_path):
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    return tmp_path / "in", tmp_path / "out"


@pytest.fixture
def started(ledger, folders):
    """A photo in work."""
    photo = folders[0] / "a.jpg"
    photo.write_bytes(b"photo")
    ledger.queue(photo, folders[0], Fingerprint.of(photo.stat()))
    return ledger.start(ledger.next([folders[0]]))


def interrupt_commit(ledger, job, out: Path, *, linked: bool) -> tuple[Path, Path]:
    """Leave a commit as a kill does; return the copy's name and the comparison's temporary."""
    copy, extra = out / "a.jpg", write_temporary(out, b"before and after")
    temporary = write_temporary(out, b"restored")
    side_file = {"temporary": str(extra), "sha256": sha256_of(extra), "tail": TAIL}
    recorded = {"faces": [{"fate": "restored"}], "extras": [side_file]}
    assert ledger.committing(job, copy, sha256_of(temporary), temporary, recorded)
    if linked:
        temporary.rename(copy)
    return copy, extra


def test_a_side_file_gets_its_name_too(ledger, started, folders):
    copy, extra = interrupt_commit(ledger, started, folders[1], linked=True)
    (job,) = ledger.interrupted()
    recover_interrupted(ledger, job)
    assert (folders[1] / f"a{TAIL}").read_bytes() == b"before and after"
    assert not extra.exists()
    known = ledger.photo(started.path)
    assert (known.state, known.output) == ("done", copy)
    assert "extras" not in known.report


def test_a_side_file_that_has_its_name_is_skipped(ledger, started, folders):
    _, extra = interrupt_commit(ledger, started, folders[1], linked=True)
    (folders[1] / f"a{TAIL}").hardlink_to(extra)  # killed before the temporary was removed
    (job,) = ledger.interrupted()
    recover_interrupted(ledger, job)
    assert sorted(path.name for path in folders[1].iterdir()) == [f"a{TAIL}", "a.jpg"]


def test_a_copy_without_its_name_is_made_again(ledger, started, folders):
    interrupt_commit(ledger, started, folders[1], linked=False)
    (job,) = ledger.interrupted()
    recover_interrupted(ledger, job)
    assert ledger.photo(started.path).state == "retry"


def test_a_name_that_was_only_claimed_is_free_again(ledger, started, folders):
    copy, _ = interrupt_commit(ledger, started, folders[1], linked=False)
    copy.touch()  # on a disk without links and exclusive renames
    (job,) = ledger.interrupted()
    recover_interrupted(ledger, job)
    assert ledger.photo(started.path).state == "retry"
    assert not copy.exists()


def test_a_photo_in_work_at_every_end_is_blamed_in_the_end(ledger, started, folders):
    job = started
    for _ in range(STOPPED_ATTEMPTS - 1):
        recover_interrupted(ledger, job)
        job = ledger.start(ledger.next([folders[0]]))
    recover_interrupted(ledger, job)
    assert ledger.photo(started.path).state == "poison"


def test_only_a_copy_of_the_same_turn_ends_a_failed_photo(ledger, started, folders):
    interrupt_commit(ledger, started, folders[1], linked=True)
    ledger.queue(started.path, folders[0], started.fingerprint, {"weight": 0.5})
    assert not finish_if_published(ledger, started)
    again = ledger.start(ledger.next([folders[0]]))
    assert not finish_if_published(ledger, again)
    assert ledger.photo(started.path).state == "running"


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
def test_a_copy_swapped_for_a_link_gives_its_side_files_no_permissions(
    ledger, started, folders, tmp_path, monkeypatch
):
    interrupt_commit(ledger, started, folders[1], linked=True)
    (job,) = ledger.interrupted()
    other = tmp_path / "other"
    other.write_bytes(b"x")
    other.chmod(0o666)
    exists = recovery.copy_exists

    def swapped_afterwards(known):
        found = exists(known)
        known.output.unlink()
        known.output.symlink_to(other)
        return found

    monkeypatch.setattr(recovery, "copy_exists", swapped_afterwards)
    recover_interrupted(ledger, job)
    assert not (folders[1] / f"a{TAIL}").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
def test_a_copy_behind_a_link_is_not_the_copy(ledger, folders):
    (folders[0] / "sub").mkdir()
    photo = folders[0] / "sub" / "a.jpg"
    photo.write_bytes(b"photo")
    ledger.queue(photo, folders[0], Fingerprint.of(photo.stat()))
    job = ledger.start(ledger.next([folders[0]]))
    assert ledger.committing(job, folders[1] / "sub" / "a.jpg", sha256_of(photo), None, {"faces": []})
    (folders[1] / "sub").symlink_to(folders[0] / "sub")
    (interrupted,) = ledger.interrupted()
    recover_interrupted(ledger, interrupted)
    assert ledger.photo(photo).state == "retry"
    assert photo.read_bytes() == b"photo"
