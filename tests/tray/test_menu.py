from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from facewatch.settings.schema import parse
from facewatch.state.requests import Request
from facewatch.tray.menu import menu
from facewatch.tray.menu_items import (
    Accept,
    Choose,
    LeaveRequest,
    Login,
    Open,
    Pause,
    Quit,
    Show,
    ShowBeforeAfter,
    StartDaemon,
)
from tests.tray.views import DONE, FAILED, NOW, every, find, lines, scene, status

IDLE_MENU = """\
~All photos are done
---
Pause
Pause for a while >
  For 1 hour
  Until tomorrow
---
Model: gfpgan-1.4 >
  (*) gfpgan-1.4 (349 MB, non-commercial)
  ( ) restoreformer (download 291 MB)
  ( ) codeformer (download 377 MB, non-commercial)
  ( ) builtin
Weight: 0.0 >
  (*) 0.0 (more restoration, default)
  ( ) 0.1
  ( ) 0.2
  ( ) 0.3
  ( ) 0.4
  ( ) 0.5
  ( ) 0.6
  ( ) 0.7
  ( ) 0.8
  ( ) 0.9
  ( ) 1.0 (closer to the original)
Upscale: 1 x >
  (*) 1 x (as large as the original)
  ( ) 2 x
  ( ) 3 x
  ( ) 4 x
---
~Recent >
Open inbox
Open restored
---
[ ] Start at login
Settings file
---
Quit Facewatch"""


def test_the_whole_menu_when_there_is_nothing_to_do():
    assert "\n".join(lines(menu(scene()))) == IDLE_MENU


def heads(*arguments, **changes):
    """The lines above the first rule."""
    text = lines(menu(scene(*arguments, **changes)))
    return text[: text.index("---")]


WORKING = status(
    "working",
    {"queued": 2, "running": 1},
    settling=1,
    current={"path": "/in/IMG_2041.jpg", "done": 2, "total": 4, "what": "faces"},
)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (WORKING, ["~3 waiting, restoring IMG_2041.jpg (2 of 4 faces)"]),
        (status("working", {"queued": 3}), ["~3 waiting"]),
        (status("paused", {"queued": 3}), ["~Paused, 3 waiting"]),
        (status("idle", {"done": 9, "parked": 1, "poison": 1}), ["~Idle, 2 failed"]),
        (status("idle", {"retry": 1}), ["~1 waiting"]),
        (status("idle", settling=2), ["~2 waiting"]),
        (status("attention", troubles=["disk: no space left for /out/a.jpg"]),
         ["~Needs attention", "~disk: no space left for /out/a.jpg"]),
        (status("stopped", pid=None), ["~Not running", "Start Facewatch"]),
        (status("working", {"queued": 1}, downloads={
            "codeformer": {"state": "downloading", "done_bytes": 94_000_000, "total_bytes": 376_637_898}}),
         ["~1 waiting", "~downloading codeformer: 24 % of 377 MB"]),
        (status("working", {"queued": 1}, downloads={
            "codeformer": {"state": "waiting", "reason": "no connection", "retry_at": 5}}),
         ["~1 waiting", "~codeformer is not here yet: no connection"]),
    ],
)  # fmt: skip
def test_the_first_lines_say_what_is_going_on(now, expected):
    assert heads(now) == expected


def test_many_troubles_are_counted_and_long_ones_are_shortened():
    text = heads(status("attention", troubles=["engine: " + "x" * 300, "b", "c", "d", "e", "f"]))
    assert text[0] == "~Needs attention"
    assert len(text[1]) <= 91
    assert "…" in text[1]
    assert text[-1] == "~and 2 more"


def test_a_bad_edit_of_the_settings_is_shown_first():
    problem = "config.toml is not valid TOML: Expected '=' (at line 3, column 5)"
    assert heads(WORKING, problem=problem)[:2] == [
        "~Needs attention, 3 waiting, restoring IMG_2041.jpg (2 of 4 faces)", f"~{problem}"]  # fmt: skip


def test_settings_that_were_never_readable_leave_a_menu_that_leads_to_the_file():
    shown = menu(replace(scene(problem="config.toml: wrong"), settings=None))
    assert [item.key for item in shown if item.kind != "separator"] == [
        "state", "trouble 0", "recent", "login", "settings file", "quit"]  # fmt: skip


def test_a_licence_is_asked_for_with_its_sentence_and_its_terms():
    held = {"state": "held", "licence": "S-Lab License 1.0", "terms_url": "https://example.org/terms",
            "sentence": "Non-commercial purposes only."}  # fmt: skip
    shown = menu(scene(status("working", {"queued": 1}, downloads={"codeformer": held})))
    assert shown[0].text == "Needs attention, 1 waiting"
    question = find(shown, "licence codeformer")
    assert lines((question,)) == [
        "codeformer waits: its licence has to be accepted >",
        "  ~Non-commercial purposes only.",
        "  Read the terms",
        "  Accept S-Lab License 1.0, and download",
    ]
    assert find(question.items, "terms").action == Open("https://example.org/terms")
    assert find(question.items, "accept").action == Accept("codeformer")


def test_pausing_offers_its_spans_and_a_pause_offers_its_end():
    shown = menu(scene())
    assert find(shown, "pause").action == Pause("until resumed")
    assert find(shown, "pause for", "1 hour").action == Pause("for 1 hour")
    assert find(shown, "pause for", "tomorrow").action == Pause("until tomorrow")
    paused = menu(scene(status("paused"), {"paused": True}))
    assert find(paused, "resume").action == Pause("no longer")
    assert not {"pause", "pause for"} & {item.key for item in paused}


def test_a_pause_with_an_end_says_when():
    local = NOW.astimezone()
    soon, later = local + timedelta(minutes=30), local + timedelta(days=2)
    assert heads(status("paused"), {"paused": soon}) == [f"~Paused until {soon:%H:%M}"]
    assert heads(status("paused"), {"paused": later}) == [f"~Paused until {later:%a} {later:%H:%M}"]


def test_a_model_brings_its_own_weight_and_its_own_default():
    shown = menu(scene(settings={"model": "codeformer", "weights": {"codeformer": 0.3}}))
    weights = find(shown, "weight")
    assert weights.text == "Weight: 0.3"
    assert [item.text for item in weights.items if item.checked] == ["0.3"]
    assert [item.text for item in weights.items if "default" in item.text] == ["0.6 (default)"]
    assert find(weights.items, "0.7").action == Choose("weights.codeformer", 0.7)


@pytest.mark.parametrize("weight", [0, 0.1, 0.3, 0.65, 0.7, 1])
def test_exactly_one_radio_is_on_whatever_the_weight(weight):
    shown = menu(scene(settings={"weights": {"gfpgan-1.4": weight}}))
    for key in ("model", "weight", "upscale"):
        assert sum(item.checked for item in find(shown, key).items) == 1
    assert len({item.key for item in find(shown, "weight").items}) == (12 if weight == 0.65 else 11)


def test_a_model_whose_file_has_gone_stays_the_one_that_is_chosen():
    settings = parse({"model": "mine"}, "test", ["mine"])
    model = find(menu(replace(scene(), settings=settings)), "model")
    assert [item.text for item in model.items if item.checked] == ["mine (its file is missing)"]


def test_a_folder_with_a_model_of_its_own_is_not_hidden():
    folders = [{"input": "/in", "output": "/out"}, {"input": "/b", "output": "/c", "model": "builtin"}]
    shown = menu(scene(settings={"folders": folders}))
    assert find(shown, "model").items[-1].text == "1 folder has a model of its own"
    assert [item.action for item in find(shown, "inbox folders").items] == [Open("/in"), Open("/b")]
    assert [item.action for item in find(shown, "restored folders").items] == [
        Open("/out"), Open("/c")]  # fmt: skip


def test_recent_photos_can_be_opened_shown_compared_and_redone():
    deeds = find(menu(scene(status(recent=[DONE]))), "recent", "/in/IMG_1.jpg 5.0")
    assert deeds.text == "IMG_1.jpg: 2 of 2 faces restored"
    assert [item.action for item in deeds.items[:4]] == [
        Open("/out/IMG_1.jpg"),
        Open("/in/IMG_1.jpg"),
        Show(Path("/out/IMG_1.jpg")),
        ShowBeforeAfter(Path("/in/IMG_1.jpg"), Path("/out/IMG_1.jpg")),
    ]
    model = find(deeds.items, "redo model", "builtin")
    assert model.action == LeaveRequest(Request("redo", Path("/in/IMG_1.jpg"), model="builtin"))
    assert not find(deeds.items, "redo model", "codeformer").enabled  # has to be downloaded first
    weight = find(deeds.items, "redo weight", "0.5")
    assert weight.action == LeaveRequest(Request("redo", Path("/in/IMG_1.jpg"), weight=0.5))


def test_a_photo_without_a_copy_offers_none():
    deeds = find(menu(scene(status(recent=[{**DONE, "output": None}]))), "recent", "/in/IMG_1.jpg 5.0")
    assert [item.key for item in deeds.items] == ["original", "folder", "redo model", "redo weight"]


def test_pages_are_not_offered_for_pictures_that_browsers_do_not_show():
    raw = {**DONE, "path": "/in/a.heic"}
    assert not find(menu(scene(status(recent=[raw]))), "recent", "/in/a.heic 5.0", "contrast").enabled


def test_failed_photos_say_why_and_can_be_tried_again():
    shown = menu(scene(status(counts={"parked": 1}, failed=[FAILED])))
    assert lines((find(shown, "failed"),)) == [
        "Failed (1) >",
        "  broken.jpg >",
        "    ~the file is cut off",
        "    Open original",
        "    Show in folder",
        "  ---",
        "  Try all again",
        "  Open the log",
    ]
    assert find(shown, "failed", "again").action == LeaveRequest(Request("retry_failed"))
    assert find(shown, "failed", "log").action == Open("/home/a/facewatch.log")


def test_a_photo_that_is_tried_again_by_itself_is_told_apart():
    shown = menu(scene(status(counts={"retry": 1}, failed=[{**FAILED, "state": "retry"}])))
    assert lines((find(shown, "failed"),))[:2] == [
        "To be tried again (1) >", "  broken.jpg (will be tried again) >"]  # fmt: skip


def test_what_needs_the_daemon_is_grey_without_it():
    shown = menu(scene(status("stopped", pid=None, recent=[DONE], failed=[FAILED])))
    asks = [item for item in every(shown) if isinstance(item.action, LeaveRequest)]
    assert asks
    assert not any(item.enabled for item in asks)
    assert find(shown, "start").action == StartDaemon()


@pytest.mark.parametrize(
    ("login", "line", "wanted"),
    [
        ("off", "[ ] Start at login", True),
        ("on", "[x] Start at login", False),
        ("broken", "[x] Start at login (points at a missing program)", True),
    ],
)
def test_the_login_tick_shows_what_is_so(login, line, wanted):
    item = find(menu(scene(login=login)), "login")
    assert lines((item,)) == [line]
    assert item.action == Login(wanted)


def test_the_ends_of_the_menu():
    shown = menu(scene())
    assert find(shown, "settings file").action == Open("/home/a/config.toml")
    assert find(shown, "quit").action == Quit()
    assert find(shown, "inbox").action == Open("/in")
    assert find(shown, "restored").action == Open("/out")


def test_keys_are_unique_among_neighbours_and_everything_that_can_be_clicked_does_something():
    shown = menu(scene(status(recent=[DONE, {**DONE, "changed": 4.0}], failed=[FAILED])))
    for items in (shown, *(item.items for item in every(shown))):
        keys = [item.key for item in items]
        assert len(keys) == len(set(keys))
    for item in every(shown):
        assert (item.action is not None) == (item.kind in ("click", "radio", "tick")), item


def test_names_that_are_no_text_do_no_harm():
    odd = {**DONE, "path": "/in/a\udcff\nb & <c>_%.jpg"}
    text = find(menu(scene(status(recent=[odd]))), "recent").items[0].text
    assert text.encode("utf-8")
    assert text.startswith("a??b & <c>_%.jpg")
