"""Which photo goes to which worker."""

from __future__ import annotations

from facewatch.archive.task_queue import TaskQueue
from facewatch.archive.types import Finished, Listed, Returned, Row


def photos(count):
    return iter([Listed(f"{number}.jpg", "1", 1) for number in range(count)])


def finished(task):
    fields = dict.fromkeys(Row.__dataclass_fields__, "")
    return Finished(task.number, Row(**{**fields, "output": "x"}))


def held_up(task):
    return Returned(task.number, "hold", "StoreUnavailable", "why")


def test_the_listing_is_read_only_as_far_as_photos_are_needed():
    listing = photos(1_000_000)
    queue = TaskQueue(listing)
    assert len(queue.take("w", 3, 0.0)) == 3
    assert next(listing).name == "3.jpg"


def test_a_worker_never_holds_more_than_it_wants():
    queue = TaskQueue(photos(10))
    queue.take("w", 3, 0.0)
    assert queue.take("w", 3, 0.0) == ()
    assert queue.held_by("w") == 3


def test_what_a_dead_worker_held_goes_alone_to_workers_that_hold_nothing():
    queue = TaskQueue(photos(10))
    held = queue.take("a", 3, 0.0)
    assert queue.died("a") == []
    [first] = queue.take("b", 5, 0.0)
    assert (first.number, first.deaths) == (held[0].number, 1)
    assert queue.take("b", 5, 0.0) == ()


def test_a_photo_that_was_held_by_three_dead_workers_is_named():
    queue = TaskQueue(photos(1))
    for worker in "abc":
        assert not queue.empty
        [task] = queue.take(worker, 1, 0.0)
        lost = queue.died(worker)
    assert [each.photo for each in lost] == [task.photo]
    assert queue.take("d", 1, 0.0) == ()
    assert queue.empty


def test_a_store_that_fails_for_two_photos_closes_the_queue_for_a_while():
    queue = TaskQueue(photos(10))
    tasks = queue.take("w", 2, 0.0)
    for task in tasks:
        queue.returned("w", held_up(task), 0.0)
    assert queue.stuck
    assert queue.take("w", 2, 0.5) == ()
    [probe] = queue.take("w", 2, 1.5)  # one photo tries whether the store is back
    assert queue.take("v", 2, 1.5) == ()
    queue.finished("w", finished(probe))
    assert not queue.stuck
    assert len(queue.take("w", 2, 1.5)) == 2


def test_one_photo_that_no_store_takes_fails_while_others_pass():
    queue = TaskQueue(photos(100))
    [bad] = queue.take("w", 1, 0.0)
    lost, now = None, 0.0
    while lost is None:
        lost = queue.returned("w", held_up(bad), now)
        [other] = queue.take("v", 1, now)
        queue.finished("v", finished(other))
        now += 100.0
        if lost is None:
            [bad] = [task for task in queue.take("w", 1, now) if task.holds]
    assert lost.photo == bad.photo
    assert lost.holds == 8


def test_a_photo_is_not_lost_to_a_store_that_fails_for_all():
    queue = TaskQueue(photos(1))
    now = 0.0
    for _ in range(50):
        [task] = queue.take("w", 1, now)
        assert queue.returned("w", held_up(task), now) is None
        now += 100.0
    assert not queue.empty


def test_many_photos_that_no_store_takes_keep_no_other_waiting():
    queue, now, bad, passed = TaskQueue(photos(100)), 0.0, 40, 0
    while passed < 60 and now < 600:
        for task in queue.take("w", 4, now):
            if task.number <= bad:
                queue.returned("w", held_up(task), now)
            else:
                queue.finished("w", finished(task))
                passed += 1
        now += 0.5
    assert passed == 60
