"""The language of the system."""

from __future__ import annotations

import pytest

from facewatch.system.language import posix_language, system_language


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({}, ""),
        ({"LANG": "de_AT.UTF-8"}, "de_AT.UTF-8"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "fr_FR.UTF-8"}, "fr_FR.UTF-8"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C.UTF-8"}, ""),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "fr:en"}, "fr"),
        ({"LANG": "C", "LANGUAGE": "fr"}, ""),
        ({"LC_ALL": "", "LANG": "fr_CA"}, "fr_CA"),
    ],
)
def test_the_language_is_found_as_gettext_finds_it(environment, name):
    assert posix_language(environment) == name


def test_a_language_has_two_letters():
    assert len(system_language()) == 2
