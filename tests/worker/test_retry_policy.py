"""The retry policy for photos that could not be restored."""

from __future__ import annotations

import pytest

from facewatch import errors
from facewatch.worker.retry_policy import FailureStreak, decide


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (errors.BadPhoto, "park"),
        (errors.PhotoTooLarge, "park"),
        (errors.OwnOutput, "skip"),
        (errors.SourceChanged, "look again"),
        (errors.SourceGone, "look again"),
        (errors.DiskFull, "give back"),
        (errors.EngineUnavailable, "later"),
        (errors.BadCheckpoint, "later"),
        (errors.TruncatedPhoto, "retry"),
        (errors.Unreadable, "retry"),
        (errors.CannotWrite, "retry"),
        (errors.ModelAwaited, "later"),
        (errors.TooManyOpenFiles, "later"),
        (errors.EngineFailed, "retry"),
        (errors.OutOfMemory, "retry"),
        (errors.TooLittleMemory, "retry"),
        (errors.NetworkFailed, "retry"),
        (errors.DeviceFailed, "retry"),
        (errors.Unexpected, "retry"),
    ],
)
def test_every_error_has_its_decision(error, what):
    assert decide(error("why"), attempts=1).what == what


def test_a_truncated_file_is_retried_ever_later_then_parked():
    decisions = [decide(errors.TruncatedPhoto("cut short"), attempts) for attempts in range(1, 6)]
    assert [decision.after_seconds for decision in decisions] == [30, 120, 600, 3600, 0]
    assert decisions[-1].what == "park"


def test_a_photo_that_crashes_three_engines_is_poison():
    decisions = [decide(errors.EngineFailed("died"), attempts) for attempts in (1, 2, 3)]
    assert [decision.what for decision in decisions] == ["retry", "retry", "poison"]
    assert all(decision.new_engine for decision in decisions)


def test_if_no_photo_is_to_blame_all_wait_and_the_place_is_shown():
    assert decide(errors.DiskFull("full"), 1).hold_place == "disk"
    assert decide(errors.EngineUnavailable("no device"), 1).rests


@pytest.mark.parametrize(
    "error",
    [
        errors.DeviceFailed("the card fell off the bus"),
        errors.OutOfMemory("a game has filled the card"),
    ],
)
def test_a_device_that_fails_on_every_photo_blames_none_of_them(error):
    decision = decide(error, 9, others_passed=False)
    assert (decision.what, decision.hold_place, decision.new_engine) == ("later", "engine", True)
    assert decide(error, 3, others_passed=True).what == "poison"


def test_a_photo_that_is_too_much_for_the_machine_is_to_blame_itself():
    decisions = [
        decide(errors.TooLittleMemory("600 megapixels"), attempts, others_passed=False)
        for attempts in range(1, 6)
    ]
    assert [decision.after_seconds for decision in decisions] == [30, 120, 600, 3600, 0]
    assert decisions[-1].what == "park"
    assert not any(decision.hold_place or decision.new_engine for decision in decisions)


def test_a_lack_of_file_handles_never_gives_a_photo_up():
    decision = decide(errors.TooManyOpenFiles("words"), 99)
    assert (decision.what, decision.hold_place, decision.new_engine) == ("later", None, True)


def test_photos_that_were_in_an_engine_that_ended_are_suspected_until_they_pass_or_are_given_up():
    streak = FailureStreak()
    assert not streak.suspecting
    streak.suspect([1, 2])
    streak.passed(1)
    assert streak.suspecting
    streak.gave_up(2)
    assert not streak.suspecting


def test_three_different_photos_failing_in_a_row_are_the_engines_fault():
    streak = FailureStreak()
    for photo in (1, 2, 2):
        streak.failed(photo, errors.EngineFailed("died"))
    assert not streak.down
    streak.failed(3, errors.OutOfMemory("too large"))
    assert streak.down
    assert decide(errors.EngineFailed("died"), 3, down=streak.down).what == "later"
    streak.passed(4)
    assert not streak.down
    assert streak.others_passed(1)
    assert not streak.others_passed(4)


def test_bad_photos_in_a_row_say_nothing_about_the_engine():
    streak = FailureStreak()
    for photo in range(9):
        streak.failed(photo, errors.BadPhoto("words"))
    assert not streak.down
