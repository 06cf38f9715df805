"""Patterns for the names of photos."""

from __future__ import annotations

import pytest

from facewatch.errors import BadSettings
from facewatch.settings.patterns import compiled, matches


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
def test_a_pattern_takes(pattern, path):
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
def test_a_pattern_leaves(pattern, path):
    assert not matches([pattern], path)


@pytest.mark.parametrize("pattern", ["", "[z-a].jpg"])
def test_a_pattern_that_means_nothing_is_refused(pattern):
    with pytest.raises(BadSettings):
        compiled(pattern)
