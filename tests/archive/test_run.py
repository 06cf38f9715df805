"""Runs of an archive with real workers and a fake engine: each photo once, whatever dies."""

from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("pyarrow", reason="pip install 'facewatch[test]' for the tests of archives")

from facewatch.archive.driver import Driver, Stop
from facewatch.archive.manifest import RUN_TIME, Manifest
from facewatch.archive.pool import Died
from facewatch.archive.run import alone
from facewatch.archive.store import open_store
from facewatch.archive.verification import verify
from facewatch.errors import AlreadyRunning, EngineUnavailable, StoreUnavailable
from tests.archive.conftest import files_below
from tests.archive.thread_pool import ThreadPool


def rows_of(destination):
    return [row for table in Manifest(open_store(str(destination)), "").tables() for row in table.to_pylist()]


def run(plan, *, size=2, each_row=None, retry_failed=False, stop=None, pool_class=ThreadPool, **named):
    """Run a plan to its end; `each_row` is called with the pool and each row."""
    source, destination = open_store(plan.source), open_store(plan.destination)
    manifest = Manifest(destination, plan.run)
    pool = pool_class(plan, size)
    done = manifest.done(plan.key, retry_failed=retry_failed)
    on_row = (lambda row: each_row(pool, row)) if each_row else lambda _: None
    driver = Driver(plan, pool, manifest, source, done=done, on_row=on_row, **named)
    try:
        driver.run(stop)
    finally:
        pool.close()
        destination.clean()
    return driver.progress, pool


def test_every_photo_gets_its_copy_and_its_row(make_plan, photos, tmp_path):
    source = photos("a.jpg", "1974/b.png", "1974/summer/c.tif", "nobody-1.jpg")
    plan = make_plan(source, tmp_path / "out")
    progress, _ = run(plan)
    assert progress.outcomes == {"restored": 3, "without faces": 1}
    assert (tmp_path / "out/1974/summer/c.tif").read_bytes() == b"restored photo 1974/summer/c.tif"
    assert (tmp_path / "out/nobody-1.jpg").read_bytes() == b"photo nobody-1.jpg"
    assert files_below(tmp_path / "out") == {"a.jpg", "1974/b.png", "1974/summer/c.tif", "nobody-1.jpg"}
    assert {row["source"]: row["output"] for row in rows_of(tmp_path / "out")} == {
        name: name for name in ("a.jpg", "1974/b.png", "1974/summer/c.tif", "nobody-1.jpg")
    }


def test_what_is_no_photo_and_what_is_hidden_is_left_out(make_plan, photos, tmp_path):
    plan = make_plan(photos("a.jpg", "notes.txt", ".hidden/b.jpg", "c.jpg.part", "._d.jpg"), tmp_path / "out")
    run(plan)
    assert files_below(tmp_path / "out") == {"a.jpg"}


def test_a_second_run_does_nothing_and_a_new_photo_is_restored(make_plan, photos, tmp_path):
    run(make_plan(photos("a.jpg", "b.jpg"), tmp_path / "out"))
    photos("c.jpg")
    progress, pool = run(make_plan(tmp_path / "in", tmp_path / "out"))
    assert (progress.done_before, progress.finished) == (2, 1)
    assert [task.photo.name for _, tasks in pool.given for task in tasks] == ["c.jpg"]


def test_a_changed_photo_is_restored_beside_its_earlier_copy(make_plan, photos, tmp_path):
    run(make_plan(photos("a.jpg"), tmp_path / "out"))
    (tmp_path / "in/a.jpg").write_bytes(b"another photo")
    run(make_plan(tmp_path / "in", tmp_path / "out"))
    assert (tmp_path / "out/a.jpg").read_bytes() == b"restored photo a.jpg"
    assert (tmp_path / "out/a (2).jpg").read_bytes() == b"restored another photo"


def test_a_file_of_somebody_else_is_never_replaced(make_plan, photos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.jpg").write_bytes(b"mine")
    run(make_plan(photos("a.jpg"), tmp_path / "out"))
    assert (tmp_path / "out/a.jpg").read_bytes() == b"mine"
    assert [row["output"] for row in rows_of(tmp_path / "out")] == ["a (2).jpg"]


def test_a_copy_whose_row_was_lost_is_found_again(make_plan, photos, tmp_path):
    run(make_plan(photos("a.jpg", "b.jpg"), tmp_path / "out"))
    for part in (tmp_path / "out/.facewatch/manifest").iterdir():
        part.unlink()
    progress, _ = run(make_plan(tmp_path / "in", tmp_path / "out"))
    assert progress.finished == 2
    assert files_below(tmp_path / "out") == {"a.jpg", "b.jpg"}
    assert len(rows_of(tmp_path / "out")) == 2


def test_a_worker_that_dies_costs_a_retry_of_what_it_held(make_plan, photos, tmp_path):
    names = {f"{number:02d}.jpg" for number in range(24)}
    killed = []

    def kill(pool, row):
        if len(killed) < 3 and row.worker not in killed:
            killed.append(row.worker)
            pool.kill(row.worker)

    progress, _ = run(make_plan(photos(*names), tmp_path / "out"), each_row=kill)
    assert progress.deaths == len(killed) > 0
    assert Counter(row["source"] for row in rows_of(tmp_path / "out")) == Counter(names)
    assert files_below(tmp_path / "out") == names
    assert not verify(open_store(str(tmp_path / "in")), open_store(str(tmp_path / "out"))).problems


def test_a_photo_that_kills_three_engines_is_set_aside_with_its_reason(make_plan, photos, tmp_path):
    plan = make_plan(photos("a.jpg", "b.jpg", "crash-1.jpg", "c.jpg"), tmp_path / "out")
    progress, pool = run(plan)
    [row] = [row for row in rows_of(tmp_path / "out") if row["error"] == "Poison"]
    assert row["source"] == "crash-1.jpg"
    assert "died 3 times" in row["reason"]
    assert "exit code 7" in row["reason"]
    assert files_below(tmp_path / "out") == {"a.jpg", "b.jpg", "c.jpg"}
    assert progress.outcomes == {"restored": 3, "failed": 1}
    assert [task.photo.name for _, tasks in pool.given for task in tasks].count("crash-1.jpg") == 3


def test_a_photo_that_kills_three_workers_is_set_aside_and_none_beside_it(make_plan, photos, tmp_path):
    class Dying(ThreadPool):
        def give(self, worker, tasks):
            super().give(worker, tasks)
            if any("kills" in task.photo.name for task in tasks):
                self.kill(worker)

    plan = make_plan(photos(*(f"{each}.jpg" for each in range(6)), "kills.jpg"), tmp_path / "out")
    progress, _ = run(plan, pool_class=Dying)
    assert progress.outcomes == {"restored": 6, "failed": 1}
    assert progress.deaths == 3
    assert "set aside: a worker died 3 times with it" in next(iter(progress.causes))


def test_a_damaged_photo_fails_with_its_reason_and_once(make_plan, photos, tmp_path):
    run(make_plan(photos("cut-1.jpg", "a.jpg"), tmp_path / "out"))
    progress, _ = run(make_plan(tmp_path / "in", tmp_path / "out"))
    assert progress.finished == 0
    progress, _ = run(make_plan(tmp_path / "in", tmp_path / "out"), retry_failed=True)
    assert progress.causes == {"TruncatedPhoto: the file ends early": 1}


def test_a_network_that_fails_is_tried_three_times(make_plan, photos, tmp_path):
    _, pool = run(make_plan(photos("memory-1.jpg", "a.jpg"), tmp_path / "out"))
    assert [task.photo.name for _, tasks in pool.given for task in tasks].count("memory-1.jpg") == 3


def test_a_store_that_fails_for_a_while_costs_nothing(make_plan, photos, tmp_path, monkeypatch):
    from facewatch.archive.local_store import LocalStore

    put, failures = LocalStore.put_new, iter(range(6))

    def refuse(self, file, name, *rest):
        if next(failures, None) is not None:
            raise StoreUnavailable("503 Slow Down")
        return put(self, file, name, *rest)

    monkeypatch.setattr(LocalStore, "put_new", refuse)
    monkeypatch.setattr("facewatch.archive.task_queue.wait_seconds", lambda _: 0.01)
    names = {f"{number}.jpg" for number in range(5)}
    progress, _ = run(make_plan(photos(*names), tmp_path / "out"))
    assert progress.outcomes == {"restored": 5}
    assert files_below(tmp_path / "out") == names


def test_a_store_that_never_answers_ends_the_run_with_the_reason(make_plan, photos, tmp_path, monkeypatch):
    from facewatch.archive.local_store import LocalStore

    def refuse(self, file, name, *rest):
        raise StoreUnavailable("503 Slow Down")

    plan = make_plan(photos("a.jpg", "b.jpg"), tmp_path / "out")
    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "put_new", refuse)
        with pytest.raises(StoreUnavailable, match=r"503 Slow Down.*continues the run"):
            run(plan, patience_seconds=1.0)
    progress, _ = run(make_plan(tmp_path / "in", tmp_path / "out"))
    assert progress.outcomes == {"restored": 2}


def test_workers_that_cannot_start_end_the_run_with_the_reason(make_plan, photos, tmp_path, monkeypatch):
    from facewatch.restoration.options import Setup

    monkeypatch.setattr("facewatch.archive.driver.wait_seconds", lambda _: 0.01)
    torn = Setup("broken", "yunet", "yunet", None, None, "cpu", None, 0.9)
    with pytest.raises(EngineUnavailable, match="no worker can start: the file is torn"):
        run(make_plan(photos("a.jpg"), tmp_path / "out", setup=torn), size=1)


def test_workers_that_die_while_they_start_are_begun_with_waits_and_the_reason_is_said(
    make_plan, photos, tmp_path
):
    class DyingAtStart(ThreadPool):
        def begin(self, worker):
            self.begun.append(worker)
            self._events.put(Died(worker, "out of memory"))

    pools = []

    def make_pool(plan, size):
        pools.append(DyingAtStart(plan, size))
        return pools[0]

    with pytest.raises(StoreUnavailable, match=r"the last reason: .* died: out of memory"):
        run(make_plan(photos("a.jpg"), tmp_path / "out"), size=1, pool_class=make_pool, patience_seconds=2.0)
    assert 1 <= len(pools[0].begun) <= 3


def test_a_machine_with_another_version_restores_nothing_and_is_named(
    make_plan, photos, tmp_path, monkeypatch
):
    monkeypatch.setattr("facewatch.archive.driver.wait_seconds", lambda _: 0.01)
    with pytest.raises(EngineUnavailable, match=r"started with 0\.1: install the same version"):
        run(make_plan(photos("a.jpg"), tmp_path / "out", version="0.1"), size=1)


def test_a_run_that_is_stopped_finishes_what_is_in_work_and_goes_on_later(make_plan, photos, tmp_path):
    names = {f"{number:02d}.jpg" for number in range(40)}
    stop = Stop()

    def ask(pool, row):
        stop.asked = True

    first, _ = run(make_plan(photos(*names), tmp_path / "out"), each_row=ask, stop=stop, size=1)
    assert 0 < first.finished < 40
    second, _ = run(make_plan(tmp_path / "in", tmp_path / "out"))
    assert first.finished + second.finished == 40
    assert Counter(row["source"] for row in rows_of(tmp_path / "out")) == Counter(names)


def test_more_workers_start_when_machines_join(make_plan, photos, tmp_path):
    def grow(pool, row):
        pool.size = 3

    names = [f"{number:02d}.jpg" for number in range(30)]
    _, pool = run(make_plan(photos(*names), tmp_path / "out"), each_row=grow, size=1)
    assert len(pool.begun) == 3


def test_names_that_are_no_text_travel_through_the_manifest(make_plan, photos, tmp_path):
    name = "caf\udce9.jpg"  # Latin-1 on a disk of UTF-8
    run(make_plan(photos(name, "bytes:a.jpg"), tmp_path / "out"))
    assert files_below(tmp_path / "out") == {name, "bytes:a.jpg"}
    assert not verify(open_store(str(tmp_path / "in")), open_store(str(tmp_path / "out"))).problems


def test_two_photos_with_the_same_bytes_get_two_copies(make_plan, photos, tmp_path):
    source = photos("a.jpg", "sub/a.jpg")
    (source / "sub/a.jpg").write_bytes((source / "a.jpg").read_bytes())
    run(make_plan(source, tmp_path / "out"))
    assert files_below(tmp_path / "out") == {"a.jpg", "sub/a.jpg"}


def test_a_clock_that_was_set_back_leaves_the_newer_rows_the_last_ones(make_plan, photos, tmp_path):
    source, destination = photos("a.jpg"), open_store(str(tmp_path / "out"))
    run(make_plan(source, tmp_path / "out", run="20990101T000000-ffffff"))
    (source / "a.jpg").write_bytes(b"another photo")
    later = f"{Manifest(destination, '').time_of_next_run():{RUN_TIME}}-000000"
    assert later == "20990101T000001-000000"
    run(make_plan(source, tmp_path / "out", run=later))
    assert not verify(open_store(str(source)), destination).problems


def test_a_second_run_into_the_same_folder_is_refused(tmp_path):
    destination = open_store(str(tmp_path / "out"))
    refused = pytest.raises(AlreadyRunning, match="another run writes into")
    with alone(destination), refused, alone(destination):
        pass
    with alone(destination):
        assert destination.exists(".facewatch/run.lock")


def test_the_last_rows_wait_for_a_store_that_fails(make_plan, photos, tmp_path, monkeypatch):
    from facewatch.archive.local_store import LocalStore

    put, failures = LocalStore.put_new, iter(range(3))

    def refuse(self, file, name, *rest):
        if "manifest" in name and next(failures, None) is not None:
            raise StoreUnavailable("503 Slow Down")
        return put(self, file, name, *rest)

    monkeypatch.setattr(LocalStore, "put_new", refuse)
    monkeypatch.setattr("facewatch.archive.driver.wait_seconds", lambda _: 0.01)
    run(make_plan(photos("a.jpg"), tmp_path / "out"))
    assert [row["source"] for row in rows_of(tmp_path / "out")] == ["a.jpg"]
