from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from facewatch.settings.schema import parse
from facewatch.state.requests import Request
from facewatch.tray.menu import menu
from facewatch.tray.menu_items import (
    AcceptLicence,
    ChangeSetting,
    Open,
    Pause,
    Quit,
    SendRequest,
    ShowBeforeAfter,
    ShowInFolder,
    StartAtLogin,
    StartDaemon,
)
from tests.tray.views import DONE, FAILED, NOW, every, find, lines, make_view, status

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
  (*) 1 x (original size)
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
    assert "\n".join(lines(menu(make_view()))) == IDLE_MENU


def first_lines(*arguments, **changes):
    """Return the lines above the first separator."""
    text = lines(menu(make_view(*arguments, **changes)))
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
        (status("idle", passed_over={".gif": 12, "without suffix": 1}),
         ["~All photos are done",
          "~13 files of kinds facewatch does not take: 12 .gif, 1 without suffix"]),
        (status("stopped", pid=None), ["~Not running", "Start Facewatch"]),
        (status("working", {"queued": 1}, downloads={
            "codeformer": {"state": "downloading", "done_bytes": 94_000_000, "total_bytes": 376_637_898}}),
         ["~1 waiting", "~downloading codeformer: 24 % of 377 MB"]),
        (status("working", {"queued": 1}, downloads={
            "codeformer": {"state": "waiting", "reason": "no connection", "retry_at": 5}}),
         ["~1 waiting", "~codeformer is not downloaded: no connection"]),
    ],
)  # fmt: skip
def test_the_first_lines_show_state_and_progress(now, expected):
    assert first_lines(now) == expected


def test_many_troubles_are_counted_and_long_ones_are_shortened():
    text = first_lines(status("attention", troubles=["engine: " + "x" * 300, "b", "c", "d", "e", "f"]))
    assert text[0] == "~Needs attention"
    assert len(text[1]) <= 91
    assert "…" in text[1]
    assert text[-1] == "~and 2 more"


def test_a_bad_edit_of_the_settings_is_shown_first():
    problem = "config.toml is not valid TOML: Expected '=' (at line 3, column 5)"
    assert first_lines(WORKING, problem=problem)[:2] == [
        "~Needs attention, 3 waiting, restoring IMG_2041.jpg (2 of 4 faces)", f"~{problem}"]  # fmt: skip


def test_a_config_file_that_was_never_readable_can_be_opened_from_the_menu():
    shown = menu(replace(make_view(problem="config.toml: wrong"), settings=None))
    assert [item.key for item in shown if item.kind != "separator"] == [
        "state", "trouble 0", "recent", "login", "settings file", "quit"]  # fmt: skip


def test_a_licence_question_shows_its_sentence_and_its_terms():
    held = {"state": "held", "licence": "S-Lab License 1.0", "terms_url": "https://example.org/terms",
            "sentence": "Non-commercial purposes only."}  # fmt: skip
    shown = menu(make_view(status("working", {"queued": 1}, downloads={"codeformer": held})))
    assert shown[0].text == "Needs attention, 1 waiting"
    question = find(shown, "licence codeformer")
    assert lines((question,)) == [
        "codeformer: licence approval needed >",
        "  ~Non-commercial purposes only.",
        "  Read the terms",
        "  Accept S-Lab License 1.0 and download",
    ]
    assert find(question.items, "terms").action == Open("https://example.org/terms")
    assert find(question.items, "accept").action == AcceptLicence("codeformer")


def test_the_menu_offers_to_pause_and_while_paused_to_resume():
    shown = menu(make_view())
    assert find(shown, "pause").action == Pause("until resumed")
    assert find(shown, "pause for", "1 hour").action == Pause("for 1 hour")
    assert find(shown, "pause for", "tomorrow").action == Pause("until tomorrow")
    paused = menu(make_view(status("paused"), {"paused": True}))
    assert find(paused, "resume").action == Pause("no longer")
    assert not {"pause", "pause for"} & {item.key for item in paused}


def test_a_pause_with_an_end_shows_the_time():
    local = NOW.astimezone()
    soon, later = local + timedelta(minutes=30), local + timedelta(days=2)
    assert first_lines(status("paused"), {"paused": soon}) == [f"~Paused until {soon:%H:%M}"]
    assert first_lines(status("paused"), {"paused": later}) == [f"~Paused until {later:%a} {later:%H:%M}"]


def test_each_model_has_its_own_weight_and_default():
    shown = menu(make_view(settings={"model": "codeformer", "weights": {"codeformer": 0.3}}))
    weights = find(shown, "weight")
    assert weights.text == "Weight: 0.3"
    assert [item.text for item in weights.items if item.checked] == ["0.3"]
    assert [item.text for item in weights.items if "default" in item.text] == ["0.6 (default)"]
    assert find(weights.items, "0.7").action == ChangeSetting("weights.codeformer", 0.7)


@pytest.mark.parametrize("weight", [0, 0.1, 0.3, 0.65, 0.7, 1])
def test_exactly_one_radio_is_checked_for_any_weight(weight):
    shown = menu(make_view(settings={"weights": {"gfpgan-1.4": weight}}))
    for key in ("model", "weight", "upscale"):
        assert sum(item.checked for item in find(shown, key).items) == 1
    assert len({item.key for item in find(shown, "weight").items}) == (12 if weight == 0.65 else 11)


def test_a_model_whose_file_has_gone_stays_chosen():
    settings = parse({"model": "mine"}, "test", ["mine"])
    model = find(menu(replace(make_view(), settings=settings)), "model")
    assert [item.text for item in model.items if item.checked] == ["mine (its file is missing)"]


def test_the_menu_counts_folders_with_a_model_of_their_own():
    folders = [{"input": "/in", "output": "/out"}, {"input": "/b", "output": "/c", "model": "builtin"}]
    shown = menu(make_view(settings={"folders": folders}))
    assert find(shown, "model").items[-1].text == "1 folder has a model of its own"
    assert [item.action for item in find(shown, "inbox folders").items] == [Open("/in"), Open("/b")]
    assert [item.action for item in find(shown, "restored folders").items] == [
        Open("/out"), Open("/c")]  # fmt: skip


def test_recent_photos_can_be_opened_shown_compared_and_redone():
    actions = find(menu(make_view(status(recent=[DONE]))), "recent", "/in/IMG_1.jpg 5.0")
    assert actions.text == "IMG_1.jpg: 2 of 2 faces restored"
    assert [item.action for item in actions.items[:4]] == [
        Open("/out/IMG_1.jpg"),
        Open("/in/IMG_1.jpg"),
        ShowInFolder(Path("/out/IMG_1.jpg")),
        ShowBeforeAfter(Path("/in/IMG_1.jpg"), Path("/out/IMG_1.jpg")),
    ]
    model = find(actions.items, "redo model", "builtin")
    assert model.action == SendRequest(Request("redo", Path("/in/IMG_1.jpg"), model="builtin"))
    assert not find(actions.items, "redo model", "codeformer").enabled  # not downloaded
    weight = find(actions.items, "redo weight", "0.5")
    assert weight.action == SendRequest(Request("redo", Path("/in/IMG_1.jpg"), weight=0.5))


def test_a_photo_without_a_copy_has_no_actions_on_a_copy():
    actions = find(menu(make_view(status(recent=[{**DONE, "output": None}]))), "recent", "/in/IMG_1.jpg 5.0")
    assert [item.key for item in actions.items] == ["original", "folder", "redo model", "redo weight"]


def test_before_and_after_is_disabled_for_pictures_that_browsers_do_not_show():
    raw = {**DONE, "path": "/in/a.heic"}
    assert not find(menu(make_view(status(recent=[raw]))), "recent", "/in/a.heic 5.0", "before after").enabled


def test_failed_photos_show_their_reason_and_can_be_retried():
    shown = menu(make_view(status(counts={"parked": 1}, failed=[FAILED])))
    assert lines((find(shown, "failed"),)) == [
        "Failed (1) >",
        "  broken.jpg >",
        "    ~the file is cut off",
        "    Open original",
        "    Show in folder",
        "  ---",
        "  Retry all",
        "  Open the log",
    ]
    assert find(shown, "failed", "again").action == SendRequest(Request("retry_failed"))
    assert find(shown, "failed", "log").action == Open("/home/a/facewatch.log")


def test_a_photo_that_is_retried_automatically_is_marked():
    shown = menu(make_view(status(counts={"retry": 1}, failed=[{**FAILED, "state": "retry"}])))
    assert lines((find(shown, "failed"),))[:2] == [
        "Will retry (1) >", "  broken.jpg (will retry) >"]  # fmt: skip


def test_requests_are_disabled_without_a_daemon():
    shown = menu(make_view(status("stopped", pid=None, recent=[DONE], failed=[FAILED])))
    requests = [item for item in every(shown) if isinstance(item.action, SendRequest)]
    assert requests
    assert not any(item.enabled for item in requests)
    assert find(shown, "start").action == StartDaemon()


@pytest.mark.parametrize(
    ("login", "line", "enabled"),
    [
        ("off", "[ ] Start at login", True),
        ("on", "[x] Start at login", False),
        ("broken", "[x] Start at login (points to a missing program)", True),
    ],
)
def test_the_login_tick_shows_the_state_of_the_autostart_entry(login, line, enabled):
    item = find(menu(make_view(login=login)), "login")
    assert lines((item,)) == [line]
    assert item.action == StartAtLogin(enabled)


def test_the_entries_at_the_end_of_the_menu():
    shown = menu(make_view())
    assert find(shown, "settings file").action == Open("/home/a/config.toml")
    assert find(shown, "quit").action == Quit()
    assert find(shown, "inbox").action == Open("/in")
    assert find(shown, "restored").action == Open("/out")


def test_keys_are_unique_among_siblings_and_every_clickable_entry_has_an_action():
    shown = menu(make_view(status(recent=[DONE, {**DONE, "changed": 4.0}], failed=[FAILED])))
    for items in (shown, *(item.items for item in every(shown))):
        keys = [item.key for item in items]
        assert len(keys) == len(set(keys))
    for item in every(shown):
        assert (item.action is not None) == (item.kind in ("click", "radio", "tick")), item


def test_invalid_and_unprintable_file_names_are_shown():
    odd = {**DONE, "path": "/in/a\udcff\nb & <c>_%.jpg"}
    text = find(menu(make_view(status(recent=[odd]))), "recent").items[0].text
    assert text.encode("utf-8")
    assert text.startswith("a??b & <c>_%.jpg")
