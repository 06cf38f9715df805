"""The menu and the notifications in German and French."""

from __future__ import annotations

import ast
import json
import re

import pytest

from facewatch.state.outcomes import OUTCOMES
from facewatch.tray.translations import LANGUAGES, translator
from tests.conftest import ROOT

TRAY = ROOT / "facewatch" / "tray"
german, french = translator("de").translate, translator("fr").translate


@pytest.mark.parametrize(
    ("english", "own"),
    [
        ("Open Facewatch", "Facewatch öffnen"),
        ("Idle", "Wartet auf Fotos"),
        ("Model: gfpgan-1.4", "Modell: gfpgan-1.4"),
        ("112 restored, 3 unchanged", "112 restauriert, 3 unverändert"),
        ("12 photos restored, 3 unchanged; 1 face no longer looks like the same person",
         "12 Fotos restauriert, 3 unverändert; 1 Gesicht sieht nicht mehr wie dieselbe Person aus"),
        ("Facewatch: 3 waiting, restoring a.jpg (2 of 4 faces)",
         "Facewatch: 3 warten, restauriert a.jpg (2 von 4 Gesichtern)"),
        ("34 of 120, about 25 minutes", "34 von 120, etwa 25 Minuten"),
        ("waiting while a program runs full screen", "wartet, solange ein Programm im Vollbild läuft"),
        ("waiting until the computer is unused for 5 minutes",
         "wartet, bis der Computer 5 Minuten unbenutzt ist"),
        ("Redo Balanced (0.5)", "Neu: Ausgewogen (0.5)"),
        ("Redo 0.2", "Neu: 0.2"),
        ("Redo 1.0 (closest to the original)", "Neu: 1.0 (am nächsten am Original)"),
        ("Redo with codeformer (non-commercial)", "Neu mit codeformer (nicht kommerziell)"),
        ("2 waiting, 1 will retry", "2 warten, 1 mit neuem Versuch"),
        ("Downloading codeformer: 45 % of 377 MB, 40 s left", "Lädt codeformer: 45 % von 377 MB, noch 40 s"),
        ("a_1.jpg: 4 of 4 faces restored, similarity 0.95 to 0.98",
         "a_1.jpg: 4 von 4 Gesichtern restauriert, Ähnlichkeit 0.95 bis 0.98"),
        ("a_1.webp: not restored: the WebP file is animated",
         "a_1.webp: nicht restauriert: die WebP-Datei ist animiert"),
        ("2 waiting, loading builtin", "2 warten, lädt builtin"),
        ("codeformer: waiting for download", "codeformer: wartet auf den Download"),
        ("Not supported (2), failed (1)", "Nicht unterstützt (2), fehlgeschlagen (1)"),
    ],
)  # fmt: skip
def test_texts_and_what_is_joined_from_them_are_translated(english, own):
    assert german(english) == own


@pytest.mark.parametrize("text", ["", "IMG_2041.jpg", "{0} {name}", "a: b; c, d", "the disk fell off, at 5"])
def test_other_texts_stay_as_they_are(text):
    assert german(text) == french(text) == text


def test_a_name_is_never_changed():
    assert german("restoring restoring {name}, 3 waiting.jpg").endswith("restoring {name}, 3 waiting.jpg")
    assert german("Open original, {x}.jpg: 1 of 1 face restored").endswith(
        "{x}.jpg: 1 von 1 Gesicht restauriert"
    )


def test_english_and_unknown_languages_are_english():
    for language in ("en", "nl"):
        assert translator(language).translate("Open Facewatch") == "Open Facewatch"


def test_both_languages_have_the_same_lines_with_the_same_places():
    de, fr = (json.loads((TRAY / "texts" / f"{it}.json").read_text("utf-8")) for it in LANGUAGES[1:])
    assert de.keys() == fr.keys()
    places = lambda text: sorted(re.findall(r"\{(\w+)\}", text))  # noqa: E731
    for english in de:
        assert places(english) == places(de[english]) == places(fr[english]), english


def test_every_outcome_has_a_line():
    for outcome in OUTCOMES:
        for text in (f"2 {outcome}", f"1 photo {outcome}", f"2 photos {outcome}"):
            assert german(text) != text, text
            assert french(text) != text, text


def test_every_fixed_text_of_the_menu_has_a_line():
    texts = {
        node.args[1].value
        for file in ("menu.py", "photo_menu.py", "download_menu.py")
        for node in ast.walk(ast.parse((TRAY / file).read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"click", "submenu", "tick", "line"}
        and isinstance(node.args[1], ast.Constant)
    }
    assert len(texts) > 15
    assert [text for text in texts if german(text) == text or french(text) == text] == []
