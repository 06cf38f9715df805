"""The worker with a real ledger and a fake engine process."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import threading
from datetime import datetime, timedelta

from facewatch.engine.process import EngineProcess
from facewatch.restoration.codecs.metadata import xmp
from facewatch.restoration.codecs.photo import Provenance
from facewatch.state.reports import report_summary
from facewatch.system.fingerprint import Fingerprint
from facewatch.system.opened import sha256_of
from facewatch.worker import output


def test_a_photo_is_restored_once_and_its_original_left_alone(harness):
    photo = harness.drop("sub/a.jpg")
    os.utime(photo, ns=(1, 946_684_800_000_000_000))
    harness.work()
    copy = harness.output / "sub" / "a.jpg"
    assert copy.read_bytes() == b"restored photo"
    assert photo.read_bytes() == b"photo"
    assert copy.stat().st_mtime_ns == 946_684_800_000_000_000
    assert harness.state("sub/a.jpg") == "done"
    harness.inbox.put(harness.inbox_folder, photo)
    harness.work()
    assert harness.outputs() == ["sub/a.jpg"]


def test_a_photo_without_faces_is_copied_byte_for_byte(harness):
    harness.drop("nobody-1.jpg", b"a landscape")
    harness.work()
    assert (harness.output / "nobody-1.jpg").read_bytes() == b"a landscape"
    assert harness.state("nobody-1.jpg") == "no_faces"


def test_a_photo_without_faces_can_be_skipped(harness):
    harness.raw["output"] = {"no_faces": "skip"}
    harness.drop("nobody-1.jpg")
    harness.work()
    assert harness.outputs() == []
    assert harness.state("nobody-1.jpg") == "no_faces"


def test_three_copies_of_one_photo_cost_one_restoration_and_give_three_copies(harness):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        harness.drop(name)
    harness.work()
    assert harness.outputs() == ["a.jpg", "b.jpg", "c.jpg"]
    inodes = {(harness.output / name).stat().st_ino for name in harness.outputs()}
    assert len(inodes) == 3
    assert [
        harness.ledger.photo(harness.inbox_folder / name).report["seconds"] for name in ("a.jpg", "b.jpg")
    ] == [0.01, 0.01]


def test_equal_names_in_the_output_do_not_collide(harness):
    harness.raw["output"] = {"suffix": "-x"}
    harness.drop("a.jpg", b"one")
    harness.work()
    (harness.inbox_folder / "a.jpg").unlink()
    harness.drop("a.jpg", b"two, which is longer")
    harness.work()
    assert harness.outputs() == ["a-x (2).jpg", "a-x.jpg"]


def test_our_own_copy_dropped_back_is_skipped(harness):
    harness.drop("a.jpg")
    harness.work()
    harness.drop("again.jpg", (harness.output / "a.jpg").read_bytes())
    harness.drop("own-tagged.jpg", b"tagged as ours")
    harness.work()
    assert harness.state("again.jpg") == "skipped"
    assert harness.state("own-tagged.jpg") == "skipped"
    assert harness.outputs() == ["a.jpg"]
    shown = {job.path.name: job.reason for job in harness.ledger.skips(folders=[harness.inbox_folder])}
    assert shown == {"again.jpg": "skipped: this file was made by facewatch", "own-tagged.jpg": "ours"}


def test_our_own_copy_is_restored_when_the_user_asks_for_it(harness):
    harness.drop("a.jpg")
    harness.work()
    photo = harness.drop("again.jpg", (harness.output / "a.jpg").read_bytes())
    harness.work()
    assert harness.state("again.jpg") == "skipped"
    wishes = {"model": None, "weight": None}
    harness.ledger.queue(photo, harness.inbox_folder, Fingerprint.of(photo.stat()), wishes)
    harness.work()
    assert harness.state("again.jpg") == "done"
    assert harness.outputs() == ["a.jpg", "again (builtin 0).jpg"]


def test_a_truncated_file_waits_and_is_parked_in_the_end(harness):
    harness.drop("cut-1.jpg")
    harness.work()
    assert harness.state("cut-1.jpg") == "retry"
    for seconds in (30, 120, 600, 3600):
        harness.clock.now += seconds + 1
        harness.work()
    job = harness.ledger.photo(harness.inbox_folder / "cut-1.jpg")
    assert (job.state, job.attempts, job.error) == ("parked", 5, "TruncatedPhoto")
    assert "ends early" in job.reason


def test_a_photo_that_crashes_the_engine_three_times_is_poison_and_the_others_are_restored(harness):
    harness.drop("crash-1.jpg", b"bad")
    for number in range(5):
        harness.drop(f"good-{number}.jpg", b"good %d" % number)
    harness.work()
    for _ in range(2):
        harness.clock.now += 61
        harness.work()
    assert harness.state("crash-1.jpg") == "poison"
    assert "exit code 7" in harness.ledger.photo(harness.inbox_folder / "crash-1.jpg").reason
    assert harness.outputs() == [f"good-{number}.jpg" for number in range(5)]


def test_a_photo_that_changes_while_it_is_restored_is_restored_again(harness):
    photo = harness.drop("slow-1.jpg", b"first")
    threading.Timer(0.5, photo.write_bytes, [b"second, and longer"]).start()
    harness.work()
    assert harness.outputs() == ["slow-1.jpg"]
    assert (harness.output / "slow-1.jpg").read_bytes() == b"restored second, and longer"


def test_a_deleted_photo_is_no_failure(harness):
    photo = harness.drop("a.jpg")
    harness.worker._take_in()
    harness.worker._take_in()
    photo.unlink()
    harness.work()
    assert harness.state("a.jpg") == "gone"
    assert harness.outputs() == []


def test_a_missing_model_is_requested_and_its_photos_wait(harness):
    harness.raw["model"] = "codeformer"
    harness.files.missing = {"codeformer"}
    harness.drop("a.jpg")
    harness.work()
    assert harness.state("a.jpg") == "queued"
    assert "codeformer" in harness.wanted
    harness.files.missing = set()
    harness.work()
    assert harness.state("a.jpg") == "done"


def test_a_pause_starts_no_photo(harness):
    harness.raw["paused"] = True
    harness.drop("a.jpg")
    harness.work()
    assert harness.state("a.jpg") == "queued"
    harness.raw["paused"] = False
    harness.work()
    assert harness.state("a.jpg") == "done"


def test_outside_its_hours_no_photo_is_started(harness):
    soon = datetime.now().astimezone() + timedelta(hours=2)
    hours = f"{soon:%H:%M}-{soon + timedelta(hours=1):%H:%M}"
    harness.raw["engine"] = {**harness.raw.get("engine", {}), "when": hours}
    harness.drop("a.jpg")
    harness.work()
    assert harness.state("a.jpg") == "queued"
    harness.raw["engine"]["when"] = "always"
    harness.work()
    assert harness.state("a.jpg") == "done"


def test_a_photo_that_the_settings_leave_out_before_its_turn_is_not_restored(harness):
    harness.raw["paused"] = True
    photo = harness.drop("secret.jpg")
    harness.work()
    harness.raw["paused"] = False
    harness.excluded = {photo}
    harness.work()
    job = harness.ledger.photo(photo)
    assert (job.state, job.reason) == ("gone", "the settings leave this photo out now")
    assert harness.outputs() == []
    harness.ledger.queue(photo, harness.inbox_folder, job.fingerprint, {"weight": 0.5})  # a redo by the user
    harness.work()
    assert harness.outputs() == ["secret (builtin 0.5).jpg"]


def test_a_photo_that_changes_while_the_settings_leave_it_out_is_not_taken_in_again(harness):
    photo = harness.drop("slow-1.jpg", b"first")

    def change():
        harness.excluded = {photo}
        photo.write_bytes(b"second, and longer")

    threading.Timer(0.5, change).start()
    harness.work()
    assert harness.state("slow-1.jpg") == "gone"
    assert harness.outputs() == []


def test_a_photo_that_was_left_out_for_a_while_is_restored_when_a_scan_brings_it_back(harness):
    photo = harness.drop("a.jpg")
    harness.worker._take_in()
    harness.worker._take_in()
    harness.excluded = {photo}
    harness.work()
    assert harness.state("a.jpg") == "gone"
    harness.excluded = set()
    harness.inbox.put(harness.inbox_folder, photo)
    harness.work()
    assert harness.state("a.jpg") == "done"


def test_an_engine_that_cannot_load_blames_no_photo(harness):
    harness.raw["model"] = "codeformer"
    harness.worker._engine._make = lambda setup, seconds: EngineProcess(
        setup, timeout_seconds=seconds, command=[sys.executable, "-c", "raise SystemExit('no driver')"]
    )
    harness.drop("a.jpg")
    harness.work()
    job = harness.ledger.photo(harness.inbox_folder / "a.jpg")
    assert (job.state, job.attempts) == ("retry", 0)
    assert "no driver" in harness.ledger.fact("troubles")[f"engine for {harness.inbox_folder}"]["text"]


def test_another_model_is_another_engine_and_another_weight_is_not(harness):
    harness.drop("a.jpg", b"1")
    harness.work()
    harness.raw["weights"] = {"builtin": 0.5}
    harness.drop("b.jpg", b"2")
    harness.work()
    assert len(harness.engines) == 1
    harness.raw["model"] = "codeformer"
    harness.drop("c.jpg", b"3")
    harness.work()
    assert [engine.setup.model for engine in harness.engines] == ["builtin", "codeformer"]
    assert not harness.engines[0].alive


def test_an_idle_engine_is_ended(harness):
    harness.drop("a.jpg")
    harness.work()
    assert harness.engines[0].alive
    harness.clock.now += 601
    harness.work()
    assert not harness.engines[0].alive


def test_stopping_returns_the_photo_in_work_uncounted(harness):
    harness.drop("hang-1.jpg")
    threading.Timer(1.0, harness.worker.stop).start()
    harness.worker.run()
    job = harness.ledger.photo(harness.inbox_folder / "hang-1.jpg")
    assert (job.state, job.attempts) == ("queued", 0)


def test_the_recorded_hash_is_that_of_the_copy(harness):
    harness.drop("a.jpg")
    harness.work()
    job = harness.ledger.photo(harness.inbox_folder / "a.jpg")
    assert job.output_sha256 == sha256_of(job.output)
    assert job.report["summary"] == "1 of 1 face restored"


def test_a_file_in_the_way_of_an_output_folder_stops_that_photo_only(harness):
    harness.output.mkdir()
    (harness.output / "k.jpg").write_bytes(b"the user's own")
    harness.drop("k.jpg/x.jpg")
    harness.drop("a.jpg", b"another")
    harness.work()
    assert harness.state("k.jpg/x.jpg") == "retry"
    assert "in the way" in harness.ledger.photo(harness.inbox_folder / "k.jpg" / "x.jpg").reason
    assert harness.state("a.jpg") == "done"


def test_several_photos_are_in_the_engine_at_once_and_each_is_restored_once(harness):
    harness.window = 3
    for number in range(10):
        harness.drop(f"{number}.jpg", b"photo %d" % number)
    most = 0
    while harness.worker.turn() or len(harness.inbox):
        most = max(most, len(harness.worker._in_flight))
    assert most == 2  # a third has just finished when the turn ends
    assert harness.outputs() == [f"{number}.jpg" for number in range(10)]
    assert harness.ledger.counts()["done"] == 10


def test_duplicates_of_a_photo_in_the_engine_wait_for_it_and_cost_nothing(harness):
    harness.window = 3
    for name in ("slow-1.jpg", "b.jpg", "c.jpg"):
        harness.drop(name)
    harness.work()
    assert harness.outputs() == ["b.jpg", "c.jpg", "slow-1.jpg"]
    reports = [
        harness.ledger.photo(harness.inbox_folder / name).report for name in ("slow-1.jpg", "b.jpg", "c.jpg")
    ]
    assert reports[0] == reports[1] == reports[2]


def test_a_photo_that_waits_for_the_engine_returns_to_the_queue_when_a_pause_begins(harness):
    harness.window = 3
    harness.drop("slow-1.jpg")
    harness.drop("duplicate.jpg")
    for _ in range(4):
        harness.worker.turn()
    assert harness.state("duplicate.jpg") == "running"
    harness.raw["paused"] = True
    harness.work()
    assert (harness.state("slow-1.jpg"), harness.state("duplicate.jpg")) == ("done", "queued")


def test_stopping_returns_every_photo_in_the_engine_and_leaves_no_temporary(harness):
    harness.window = 3
    for name in ("hang-1.jpg", "a.jpg", "b.jpg", "hang-1 copy.jpg"):
        harness.drop(name, name[:5].encode())
    threading.Timer(1.0, harness.worker.stop).start()
    harness.worker.run()
    counts = harness.ledger.counts()
    assert (counts["queued"], counts["running"]) == (4, 0)
    assert all(job.attempts == 0 for job in harness.ledger._jobs(""))
    assert not list(harness.output.rglob(".facewatch-*"))


def test_sidecars_travel_with_the_copy_of_their_photo(harness):
    for name in ("a.jpg.xmp", "a.xmp", "a.jpg.json", "other.xmp"):
        (harness.inbox_folder / name).write_bytes(name.encode())
    harness.drop("a.jpg")
    harness.work()
    assert harness.outputs() == ["a.jpg", "a.jpg.json", "a.jpg.xmp", "a.xmp"]
    assert (harness.output / "a.jpg.xmp").read_bytes() == b"a.jpg.xmp"


def test_the_report_names_a_sidecar_that_cannot_be_copied(harness, monkeypatch):
    (harness.inbox_folder / "a.xmp").write_bytes(b"rating")

    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(output, "copy_to_temporary", fail)
    harness.drop("a.jpg")
    harness.work()
    assert harness.outputs() == ["a.jpg"]
    report = harness.ledger.photo(harness.inbox_folder / "a.jpg").report
    words = "the sidecar a.xmp, which cannot be copied (Input/output error); copy it by hand"
    assert words in report["lost"]
    assert f"not kept: {words}" in report_summary(report)


def test_googles_sidecars_travel_under_the_name_of_their_photo(harness):
    for name in ("a.jpg(1).json", "b.jpg.supplemental-metadata.json"):
        (harness.inbox_folder / name).write_bytes(name.encode())
    for name in ("a(1).jpg", "b-edited.jpg"):
        harness.drop(name, b"\xff\xd8\xff\xe0" + name.encode())
    harness.work()
    assert harness.outputs() == [
        "a(1).jpg", "a(1).jpg.json", "b-edited.jpg", "b-edited.jpg.supplemental-metadata.json",
    ]  # fmt: skip


def test_a_file_without_suffix_is_restored_if_its_content_is_a_photo(harness):
    harness.drop("photo", b"\xff\xd8\xff\xe0 photo")
    harness.drop("Makefile", b"all: run")
    harness.work()
    assert harness.state("photo") == "done"
    assert harness.state("Makefile") == "skipped"
    assert "no suffix of a photo" in harness.ledger.photo(harness.inbox_folder / "Makefile").reason
    assert len(harness.outputs()) == 1


def test_only_the_last_attempt_takes_the_file_for_settled(harness):
    harness.drop("cut-1.jpg")
    harness.work()
    sent = [harness.sent_settled()]
    for seconds in (30, 120, 600, 3600):
        harness.clock.now += seconds + 1
        harness.work()
        sent.append(harness.sent_settled())
    assert sent == [False, False, False, False, True]


def copy_of(data: bytes) -> bytes:
    """Return a copy whose tags name a photo with these bytes as its source."""
    return xmp.restored(None, Provenance("builtin", 0, "1", hashlib.sha256(data).hexdigest()), (4, 3))


def test_a_whole_copy_of_a_lost_ledger_ends_its_photo(harness):
    harness.output.mkdir()
    (harness.output / "a.jpg").write_bytes(copy_of(b"photo"))
    harness.drop("a.jpg")
    harness.work()
    assert harness.outputs() == ["a.jpg"]
    job = harness.ledger.photo(harness.inbox_folder / "a.jpg")
    assert (job.state, job.output_sha256) == ("done", sha256_of(harness.output / "a.jpg"))


def test_half_a_copy_of_a_lost_ledger_stays_and_its_photo_is_restored(harness, caplog):
    harness.output.mkdir()
    (harness.output / "a.jpg").write_bytes(copy_of(b"photo") + b"cut off")
    harness.drop("a.jpg")
    harness.work()
    assert harness.outputs() == ["a (2).jpg", "a.jpg"]
    assert (harness.output / "a (2).jpg").read_bytes() == b"restored photo"
    assert "a.jpg is not whole" in caplog.text
