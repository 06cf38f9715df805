"""Rows of recent photos that keep their places."""

from __future__ import annotations

from facewatch.tray.recent_rows import ROWS, RecentRows


def photo(number):
    return {"path": f"/in/{number}.jpg", "changed": float(number)}


def latest(upto, count=ROWS):
    return [photo(number) for number in range(upto, max(0, upto - count), -1)]


def test_while_photos_are_restored_only_the_oldest_row_changes():
    rows = RecentRows()
    before = rows.arrange(latest(20), working=True)
    for upto in range(21, 60):
        after = rows.arrange(latest(upto), working=True)
        changed = [row for row, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
        assert [before[row] for row in changed] == [min(before, key=lambda it: it["changed"])]
        assert sorted(after, key=lambda it: -it["changed"]) == latest(upto)
        before = after


def test_a_list_that_is_not_full_grows_at_its_end():
    rows = RecentRows()
    assert rows.arrange(latest(2), working=True) == [photo(2), photo(1)]
    assert rows.arrange(latest(4), working=True) == [photo(2), photo(1), photo(3), photo(4)]


def test_several_new_photos_at_once_take_the_rows_of_the_oldest_in_their_order():
    rows = RecentRows()
    rows.arrange(latest(10), working=True)
    after = rows.arrange(latest(13), working=True)
    assert after[:7] == latest(10, 7)
    assert after[7:] == [photo(11), photo(12), photo(13)]


def test_once_nothing_is_in_work_the_latest_come_first_again():
    rows = RecentRows()
    rows.arrange(latest(10), working=True)
    rows.arrange(latest(13), working=True)
    assert rows.arrange(latest(13), working=False) == latest(13)


def test_a_photo_that_is_restored_again_leaves_its_row():
    rows = RecentRows()
    rows.arrange(latest(3), working=True)
    again = {"path": "/in/2.jpg", "changed": 9.0}
    assert rows.arrange([again, photo(3), photo(1)], working=True) == [photo(3), again, photo(1)]
