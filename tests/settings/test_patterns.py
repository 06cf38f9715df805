"""Patterns for the names of photos, and names that are always ignored."""

from __future__ import annotations

import pytest

from facewatch.errors import BadSettings
from facewatch.settings.patterns import compile_pattern, is_ignored, matches


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*.jpg", "a.jpg"),
        ("*.jpg", "deep/er/A.JPG"),
        ("img_?.png", "x/img_1.png"),
        ("holiday/*.jpg", "holiday/a.jpg"),
        ("/holiday/*.jpg", "holiday/a.jpg"),
        ("holiday/", "holiday/2020/a.jpg"),
        ("**/raw/*", "raw/a.tif"),
        ("**/raw/*", "x/y/raw/a.tif"),
        ("a/**/b.jpg", "a/b.jpg"),
        ("a/**/b.jpg", "a/x/y/b.jpg"),
        ("a/**", "a/x/y/b.jpg"),
        ("[a-c]*.jpg", "b1.jpg"),
        ("[!a-c]*.jpg", "d1.jpg"),
        ("[]]x.jpg", "]x.jpg"),
        ("[^x].jpg", "^.jpg"),
        ("a[[]1].jpg", "a[1].jpg"),
        ("(1)+.jpg", "(1)+.jpg"),
    ],
)
def test_a_pattern_matches(pattern, path):
    assert matches([pattern], path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*.jpg", "a.png"),
        ("holiday/*.jpg", "holiday/2020/a.jpg"),
        ("holiday/*.jpg", "x/holiday/a.jpg"),
        ("**/raw/*", "draw/a.tif"),
        ("img_?.png", "img_10.png"),
        ("[!a-c]*.jpg", "b1.jpg"),
        ("a[!x]b/c.jpg", "a/b/c.jpg"),
        ("a.jpg", "aXjpg"),
    ],
)
def test_a_pattern_does_not_match(pattern, path):
    assert not matches([pattern], path)


def test_many_stars_take_no_longer_than_the_name():
    pattern = "**/" + "*a" * 30 + "b.jpg"
    assert not matches([pattern], "a" * 250 + ".jpg")
    assert matches([pattern], "x/" + "a" * 250 + "b.jpg")


@pytest.mark.parametrize("pattern", ["", "[z-a].jpg"])
def test_an_invalid_pattern_is_refused(pattern):
    with pytest.raises(BadSettings):
        compile_pattern(pattern)


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
def test_ordinary_names_are_not_ignored(name):
    assert not is_ignored(name)
