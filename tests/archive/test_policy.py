"""What an error means for its photo."""

from __future__ import annotations

import pytest

from facewatch import errors
from facewatch.archive.policy import fate_of, is_final, wait_seconds


@pytest.mark.parametrize(
    ("name", "fate"),
    [
        ("StoreUnavailable", "hold"),
        ("DiskFull", "hold"),
        ("CannotWrite", "hold"),
        ("Unreadable", "hold"),
        ("EngineUnavailable", "hold"),
        ("EngineFailed", "suspect"),
        ("OutOfMemory", "again"),
        ("DeviceFailed", "again"),
        ("SourceChanged", "again"),
    ],
)
def test_a_photo_that_is_not_at_fault_does_not_fail_at_once(name, fate):
    error = getattr(errors, name)("why")
    assert fate_of(error) == fate
    assert not is_final(error, 0)
    assert is_final(error, 2) == (fate == "again")


@pytest.mark.parametrize("name", ["BadPhoto", "TruncatedPhoto", "PhotoTooLarge", "OwnOutput", "SourceGone"])
def test_a_photo_that_is_at_fault_fails_at_once(name):
    assert is_final(getattr(errors, name)("why"), 0)


def test_waits_grow_to_a_minute():
    assert [wait_seconds(count) for count in (1, 2, 3, 10, 5000)] == [1, 2, 4, 60, 60]
