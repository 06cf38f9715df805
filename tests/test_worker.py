"""The worker with a real ledger and a process that stands in for the engine."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from facewatch.board import Board
from facewatch.engine.handle import EngineHandle
from facewatch.files import sha256_of
from facewatch.inbox import Inbox
from facewatch.ledger import Ledger
from facewatch.readiness import Readiness
from facewatch.settings import parse
from facewatch.worker import Worker

FAKE = [sys.executable, str(Path(__file__).parent / "engine" / "fake_engine.py")]


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Files:
    """Model files that are there, or not."""

    def __init__(self):
        self.missing = set()

    def state(self, name):
        return "missing" if name in self.missing else "present"

    def find(self, name):
        return Path("/models") / name

    def is_own(self, name):
        return False

    def digest(self, name):
        return f"digest of {name}"


class House:
    """A worker and all around it, without threads of its own."""

    def __init__(self, home, **output):
        self.inbox_folder, self.output = home / "in", home / "out"
        self.inbox_folder.mkdir()
        self.clock = Clock()
        folder = {"input": str(self.inbox_folder), "output": str(self.output)}
        self.raw = {"model": "builtin", "folders": [folder], "output": output}
        self.files = Files()
        self.wanted = []
        self.engines = []
        self.ledger = Ledger.open(home / "ledger.sqlite3", now=self.clock)
        self.worker = self.new_worker()

    def new_worker(self):
        self.inbox = Inbox(0, clock=self.clock)
        board = Board(self.ledger, now=self.clock)
        probe = lambda _: "cpu"  # noqa: E731
        return Worker(
            inbox=self.inbox,
            ledger=self.ledger,
            board=board,
            settings=lambda: parse(self.raw, "test"),
            checkpoints=lambda: self.files,
            readiness=Readiness(lambda: self.files, board, self.wanted.append, probe, clock=self.clock),
            root_of=lambda _: self.inbox_folder,
            make_engine=self.make_engine,
            clock=self.clock,
        )

    def make_engine(self, setup, timeout_seconds):
        self.engines.append(EngineHandle(setup, timeout_seconds=timeout_seconds, command=FAKE))
        return self.engines[-1]

    def drop(self, name, data=b"photo"):
        path = self.inbox_folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.inbox.put(path)
        return path

    def work(self, turns=50):
        for _ in range(turns):
            if not self.worker.turn() and not len(self.inbox):
                return
        raise AssertionError("the worker never came to rest")

    def state(self, name):
        return self.ledger.photo(self.inbox_folder / name).state

    def outputs(self):
        return sorted(str(path.relative_to(self.output)) for path in self.output.rglob("*") if path.is_file())


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.worker.stop()
    house.worker.run()
    house.ledger.close()


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


def test_an_engine_that_cannot_load_blames_no_photo(house):
    house.raw["model"] = "codeformer"
    house.worker._engine._make = lambda setup, seconds: EngineHandle(
        setup, timeout_seconds=seconds, command=[sys.executable, "-c", "raise SystemExit('no driver')"]
    )
    house.drop("a.jpg")
    house.work()
    job = house.ledger.photo(house.inbox_folder / "a.jpg")
    assert (job.state, job.attempts) == ("queued", 0)
    assert "no driver" in house.ledger.fact("troubles")["engine"]["text"]


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
