"""Names that are never taken."""

from __future__ import annotations

import pytest

from facewatch.settings.patterns import is_ignored


@pytest.mark.parametrize(
    "name",
    [
        "._IMG_1.jpg",
        ".DS_Store",
        "Thumbs.db",
        "THUMBS.DB",
        "desktop.ini",
        "@eaDir",
        ".stversions",
        ".hidden.jpg",
        "a.jpg.part",
        "a.jpg.crdownload",
        "a.jpg.Download",
        "a.tmp",
        "a.filepart",
        ".syncthing.a.jpg.tmp",
        "~syncthing~a.jpg",
        ".facewatch-1f2e.jpg",
    ],
)
def test_temporary_hidden_and_system_names_are_ignored(name):
    assert is_ignored(name)


@pytest.mark.parametrize(
    "name", ["a.jpg", "part.jpg", "tmp", "Sommer .part 2.jpg", "~a.jpg", "Ünï.png", "a.db.jpg"]
)
def test_ordinary_names_are_not(name):
    assert not is_ignored(name)
