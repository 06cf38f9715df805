"""The worker with a real ledger and a process that stands in for the engine."""

from __future__ import annotations

import os
import sys
import threading

from facewatch.engine.process import EngineProcess
from facewatch.system.atomic import sha256_of


def test_a_photo_is_restored_once_and_its_original_left_alone(house):
    photo = house.drop("sub/a.jpg")
    os.utime(photo, ns=(1, 946_684_800_000_000_000))
    house.work()
    copy = house.output / "sub" / "a.jpg"
    assert copy.read_bytes() == b"restored photo"
    assert photo.read_bytes() == b"photo"
    assert copy.stat().st_mtime_ns == 946_684_800_000_000_000
    assert house.state("sub/a.jpg") == "done"
    house.inbox.put(photo)
    house.work()
    assert house.outputs() == ["sub/a.jpg"]


def test_a_photo_without_faces_is_copied_byte_for_byte(house):
    house.drop("nobody-1.jpg", b"a landscape")
    house.work()
    assert (house.output / "nobody-1.jpg").read_bytes() == b"a landscape"
    assert house.state("nobody-1.jpg") == "no_faces"


def test_a_photo_without_faces_can_be_skipped(house):
    house.raw["output"] = {"no_faces": "skip"}
    house.drop("nobody-1.jpg")
    house.work()
    assert house.outputs() == []
    assert house.state("nobody-1.jpg") == "no_faces"


def test_three_copies_of_one_photo_cost_one_restoration_and_give_three_copies(house):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        house.drop(name)
    house.work()
    assert house.outputs() == ["a.jpg", "b.jpg", "c.jpg"]
    inodes = {(house.output / name).stat().st_ino for name in house.outputs()}
    assert len(inodes) == 3
    assert [
        house.ledger.photo(house.inbox_folder / name).report["seconds"] for name in ("a.jpg", "b.jpg")
    ] == [0.01, 0.01]


def test_names_that_meet_in_the_output_do_not_collide(house):
    house.raw["output"] = {"suffix": "-x"}
    house.drop("a.jpg", b"one")
    house.work()
    (house.inbox_folder / "a.jpg").unlink()
    house.drop("a.jpg", b"two, which is longer")
    house.work()
    assert house.outputs() == ["a-x (2).jpg", "a-x.jpg"]


def test_our_own_copy_dropped_back_is_left_as_it_is(house):
    house.drop("a.jpg")
    house.work()
    house.drop("again.jpg", (house.output / "a.jpg").read_bytes())
    house.drop("own-tagged.jpg", b"tagged as ours")
    house.work()
    assert house.state("again.jpg") == "skipped"
    assert house.state("own-tagged.jpg") == "skipped"
    assert house.outputs() == ["a.jpg"]


def test_a_file_that_ends_early_waits_and_is_parked_at_last(house):
    house.drop("cut-1.jpg")
    house.work()
    assert house.state("cut-1.jpg") == "retry"
    for seconds in (30, 120, 600, 3600):
        house.clock.now += seconds + 1
        house.work()
    job = house.ledger.photo(house.inbox_folder / "cut-1.jpg")
    assert (job.state, job.attempts, job.error) == ("parked", 5, "TruncatedPhoto")
    assert "ends early" in job.reason


def test_a_photo_that_ends_the_engine_three_times_is_poison_and_the_others_come_out(house):
    house.drop("crash-1.jpg", b"bad")
    for number in range(5):
        house.drop(f"good-{number}.jpg", b"good %d" % number)
    house.work()
    for _ in range(2):
        house.clock.now += 61
        house.work()
    assert house.state("crash-1.jpg") == "poison"
    assert "exit code 7" in house.ledger.photo(house.inbox_folder / "crash-1.jpg").reason
    assert house.outputs() == [f"good-{number}.jpg" for number in range(5)]


def test_a_photo_that_changes_while_it_is_restored_is_restored_as_it_is_then(house):
    photo = house.drop("slow-1.jpg", b"first")
    threading.Timer(0.5, photo.write_bytes, [b"second, and longer"]).start()
    house.work()
    assert house.outputs() == ["slow-1.jpg"]
    assert (house.output / "slow-1.jpg").read_bytes() == b"restored second, and longer"


def test_a_photo_that_is_gone_is_no_failure(house):
    photo = house.drop("a.jpg")
    house.worker._take_in()
    house.worker._take_in()
    photo.unlink()
    house.work()
    assert house.state("a.jpg") == "gone"
    assert house.outputs() == []


def test_a_missing_model_is_asked_for_and_its_photos_wait(house):
    house.raw["model"] = "codeformer"
    house.files.missing = {"codeformer"}
    house.drop("a.jpg")
    house.work()
    assert house.state("a.jpg") == "queued"
    assert "codeformer" in house.wanted
    house.files.missing = set()
    house.work()
    assert house.state("a.jpg") == "done"


def test_a_pause_starts_no_photo(house):
    house.raw["paused"] = True
    house.drop("a.jpg")
    house.work()
    assert house.state("a.jpg") == "queued"
    house.raw["paused"] = False
    house.work()
    assert house.state("a.jpg") == "done"


def test_a_photo_that_the_settings_leave_out_before_its_turn_is_not_restored(house):
    house.raw["paused"] = True
    photo = house.drop("secret.jpg")
    house.work()
    house.raw["paused"] = False
    house.excluded = {photo}
    house.work()
    job = house.ledger.photo(photo)
    assert (job.state, job.reason) == ("gone", "the settings leave this photo out now")
    assert house.outputs() == []
    house.ledger.queue(photo, house.inbox_folder, job.fingerprint, {"weight": 0.5})  # its user insists
    house.work()
    assert house.outputs() == ["secret.jpg"]


def test_a_photo_that_was_left_out_for_a_while_is_restored_when_a_scan_brings_it_back(house):
    photo = house.drop("a.jpg")
    house.worker._take_in()
    house.worker._take_in()
    house.excluded = {photo}
    house.work()
    assert house.state("a.jpg") == "gone"
    house.excluded = set()
    house.inbox.put(photo)
    house.work()
    assert house.state("a.jpg") == "done"


def test_an_engine_that_cannot_load_blames_no_photo(house):
    house.raw["model"] = "codeformer"
    house.worker._engine._make = lambda setup, seconds: EngineProcess(
        setup, timeout_seconds=seconds, command=[sys.executable, "-c", "raise SystemExit('no driver')"]
    )
    house.drop("a.jpg")
    house.work()
    job = house.ledger.photo(house.inbox_folder / "a.jpg")
    assert (job.state, job.attempts) == ("retry", 0)
    assert "no driver" in house.ledger.fact("troubles")[f"engine for {house.inbox_folder}"]["text"]


def test_another_model_is_another_engine_and_another_weight_is_not(house):
    house.drop("a.jpg", b"1")
    house.work()
    house.raw["weights"] = {"builtin": 0.5}
    house.drop("b.jpg", b"2")
    house.work()
    assert len(house.engines) == 1
    house.raw["model"] = "codeformer"
    house.drop("c.jpg", b"3")
    house.work()
    assert [engine.setup.model for engine in house.engines] == ["builtin", "codeformer"]
    assert not house.engines[0].alive


def test_an_idle_engine_is_ended(house):
    house.drop("a.jpg")
    house.work()
    assert house.engines[0].alive
    house.clock.now += 601
    house.work()
    assert not house.engines[0].alive


def test_stopping_gives_the_photo_in_work_back_uncounted(house):
    house.drop("hang-1.jpg")
    threading.Timer(1.0, house.worker.stop).start()
    house.worker.run()
    job = house.ledger.photo(house.inbox_folder / "hang-1.jpg")
    assert (job.state, job.attempts) == ("queued", 0)


def test_what_is_recorded_as_made_is_what_lies_there(house):
    house.drop("a.jpg")
    house.work()
    job = house.ledger.photo(house.inbox_folder / "a.jpg")
    assert job.output_sha256 == sha256_of(job.output)
    assert job.report["summary"] == "1 of 1 face restored"


def test_a_file_in_the_way_of_an_output_folder_stops_that_photo_only(house):
    house.output.mkdir()
    (house.output / "k.jpg").write_bytes(b"the user's own")
    house.drop("k.jpg/x.jpg")
    house.drop("a.jpg", b"another")
    house.work()
    assert house.state("k.jpg/x.jpg") == "retry"
    assert "in the way" in house.ledger.photo(house.inbox_folder / "k.jpg" / "x.jpg").reason
    assert house.state("a.jpg") == "done"


def test_several_photos_are_in_the_engine_at_once_and_each_comes_out_once(house):
    house.window = 3
    for number in range(10):
        house.drop(f"{number}.jpg", b"photo %d" % number)
    most = 0
    while house.worker.turn() or len(house.inbox):
        most = max(most, len(house.worker._in_flight))
    assert most == 2  # a third is on its way out when the turn ends
    assert house.outputs() == [f"{number}.jpg" for number in range(10)]
    assert house.ledger.counts()["done"] == 10


def test_copies_of_a_photo_in_the_engine_wait_for_it_and_cost_nothing(house):
    house.window = 3
    for name in ("slow-1.jpg", "b.jpg", "c.jpg"):
        house.drop(name)
    house.work()
    assert house.outputs() == ["b.jpg", "c.jpg", "slow-1.jpg"]
    reports = [
        house.ledger.photo(house.inbox_folder / name).report for name in ("slow-1.jpg", "b.jpg", "c.jpg")
    ]
    assert reports[0] == reports[1] == reports[2]


def test_a_photo_that_waits_for_the_engine_goes_back_when_a_pause_begins(house):
    house.window = 3
    house.drop("slow-1.jpg")
    house.drop("twin.jpg")
    for _ in range(4):
        house.worker.turn()
    assert house.state("twin.jpg") == "running"
    house.raw["paused"] = True
    house.work()
    assert (house.state("slow-1.jpg"), house.state("twin.jpg")) == ("done", "queued")


def test_stopping_gives_every_photo_in_the_engine_back_and_leaves_no_temporary(house):
    house.window = 3
    for name in ("hang-1.jpg", "a.jpg", "b.jpg", "hang-1 copy.jpg"):
        house.drop(name, name[:5].encode())
    threading.Timer(1.0, house.worker.stop).start()
    house.worker.run()
    counts = house.ledger.counts()
    assert (counts["queued"], counts["running"]) == (4, 0)
    assert all(job.attempts == 0 for job in house.ledger._jobs(""))
    assert not list(house.output.rglob(".facewatch-*"))
