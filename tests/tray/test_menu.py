from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from facewatch.models.catalogue import page_of
from facewatch.settings.schema import parse
from facewatch.state.requests import Request
from facewatch.tray.download_menu import model_text
from facewatch.tray.menu import menu
from facewatch.tray.menu_items import (
    AcceptLicence,
    ChangeSetting,
    Open,
    OpenGallery,
    Pause,
    Quit,
    SendRequest,
    ShowInFolder,
    StartAtLogin,
    StartDaemon,
)
from facewatch.tray.notifications import Notification
from facewatch.tray.text import LONGEST_LINE, title
from facewatch.tray.view import Choice
from tests.tray.views import DONE, FAILED, NOW, every, find, lines, make_view, status

IDLE_MENU = """\
~All photos are done
~No problems >
~No photos yet
~No files of other kinds
~No downloads >
---
Open Facewatch
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
Weight: Strong (0.0) >
  (*) Strong (0.0, default)
  ( ) 0.1
  ( ) 0.2
  ( ) 0.3
  ( ) 0.4
  ( ) Balanced (0.5)
  ( ) 0.6
  ( ) 0.7
  ( ) Faithful (0.8)
  ( ) 0.9
  ( ) 1.0 (closest to the original)
Upscale: 1 x >
  (*) 1 x (original size)
  ( ) 2 x
  ( ) 3 x
  ( ) 4 x
---
~No recent photo >
~Recent >
~No failed photos >
Open inbox
Open restored
---
[ ] Start at login
Settings file
---
Quit Facewatch"""


def test_the_whole_menu_when_there_is_nothing_to_do():
    assert "\n".join(lines(menu(make_view()))) == IDLE_MENU


def first_rows(*arguments, **changes):
    """Return the texts of the rows above the first separator: state, problems, totals, downloads."""
    return [item.text for item in menu(make_view(*arguments, **changes))[:4]]


WORKING = status(
    "working",
    {"queued": 2, "running": 1},
    settling=1,
    current={"path": "/in/IMG_2041.jpg", "done": 2, "total": 4, "what": "faces"},
)
BATCH = {"done": 34, "total": 120, "seconds_left": 1500.0}

LOADING = {"state": "loading", "model": "builtin"}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (WORKING, "3 waiting, restoring IMG_2041.jpg (2 of 4 faces)"),
        (replace(WORKING, progress=BATCH),
         "34 of 120, about 25 minutes, restoring IMG_2041.jpg (2 of 4 faces)"),
        (replace(WORKING, progress={**BATCH, "seconds_left": None}),
         "34 of 120, restoring IMG_2041.jpg (2 of 4 faces)"),
        (status("working", {"queued": 3}), "3 waiting"),
        (status("paused", {"queued": 3}), "Paused, 3 waiting"),
        (status("idle", {"done": 9, "parked": 1, "poison": 1}), "Idle, 2 failed"),
        (status("idle", outcomes={"not supported": 1, "failed": 2}), "Idle, 1 not supported, 2 failed"),
        (status("idle", {"retry": 1}), "1 will retry"),
        (status("working", {"running": 1}, engine=LOADING), "Loading builtin"),
        (status("working", {"running": 1}, engine={"state": "loaded"}), "Working"),
        (status("working", {"queued": 2, "retry": 1}), "2 waiting, 1 will retry"),
        (status("idle", settling=2), "2 waiting"),
        (status("attention", troubles=["disk: no space left for /out/a.jpg"]), "Needs attention"),
        (status("stopped", pid=None), "Not running"),
    ],
)  # fmt: skip
def test_the_first_line_shows_state_and_progress(now, expected):
    assert first_rows(now)[0] == expected


def test_every_outcome_is_counted_apart():
    outcomes = {"restored": 12, "partly restored": 1, "unchanged": 3, "without faces": 2, "not supported": 5,
                "failed": 6}  # fmt: skip
    assert first_rows(status(outcomes=outcomes))[2] == (
        "12 restored, 1 partly restored, 3 unchanged, 2 without faces, 5 not supported, 6 failed"
    )


def test_files_of_other_kinds_are_counted():
    assert first_rows(status(passed_over={".gif": 12, "without suffix": 1}))[3] == (
        "13 files of kinds facewatch does not take: 12 .gif, 1 without suffix"
    )


CODEFORMER = "codeformer"
DOWNLOADING = {
    "state": "downloading",
    "done_bytes": 94_000_000,
    "total_bytes": 376_637_898,
    "seconds_left": 40.0,
}
FAILING = {
    "state": "waiting", "retry_at": NOW.timestamp() + 35,
    "reason": "Cannot reach github.com.\nCheck the connection",
}  # fmt: skip


@pytest.mark.parametrize(
    ("download", "row", "actions"),
    [
        (DOWNLOADING, "Downloading codeformer: 24 % of 377 MB, 40 s left", ["download_cancel"]),
        (FAILING, ("codeformer is not downloaded: Cannot reach github.com. Check the connection. "
         "Next try in 35 s"), ["download_now", "download_cancel"]),
        ({"state": "cancelled"}, "codeformer: download cancelled", ["download_now"]),
    ],
)  # fmt: skip
def test_a_download_has_a_row_with_its_actions(download, row, actions):
    shown = menu(make_view(status("working", {"queued": 1}, downloads={CODEFORMER: download})))
    downloads = find(shown, "downloads")
    assert downloads.text == row
    requests = [item.action.request for item in downloads.items if item.action]
    assert requests == [Request(kind, model=CODEFORMER) for kind in actions]


def test_a_model_whose_file_a_browser_must_fetch_has_an_entry_for_its_page():
    waiting = {"state": "waiting", "reason": "download its file with a browser"}
    shown = menu(make_view(status("working", downloads={"dfdnet": waiting})))
    page = next(item for item in find(shown, "downloads").items if item.key == "dfdnet page")
    assert page.action == Open(page_of("dfdnet"))
    usual = menu(make_view(status("working", downloads={CODEFORMER: FAILING})))
    assert not [item for item in find(usual, "downloads").items if item.key.endswith(" page")]


def test_rows_keep_their_places_whatever_happens():
    def places(*arguments, **changes):
        rows = menu(make_view(*arguments, **changes))
        keys = {"start": "run", "resume": "run", "pause": "run"}
        return [keys.get(item.key, item.key) for item in rows]

    usual = places()
    licence = {"state": "held", "licence": "S-Lab License 1.0", "terms_url": "x", "sentence": "y"}
    for now in (
        WORKING,
        status("stopped", pid=None),
        status("attention", troubles=["a", "b"], downloads={"gfpgan-1.4": DOWNLOADING, CODEFORMER: licence}),
        status(counts={"parked": 1}, failed=[FAILED], recent=[DONE]),
    ):
        assert places(now) == usual
    assert places(status("paused"), {"paused": True}) == usual


def test_many_problems_are_counted_and_long_ones_are_shortened():
    now = status("attention", troubles=["engine: " + "x" * 300, "b", "c", "d", "e", "f"])
    problems = find(menu(make_view(now)), "problems")
    assert problems.text.startswith("6 problems: engine: xxx")
    assert len(problems.text) <= 90
    assert "…" in problems.text
    assert [item.text for item in problems.items[-7:-2]] == ["b", "c", "d", "e", "f"]
    assert "".join(item.text for item in problems.items[:-7]).count("x") == 300
    assert problems.items[-1].action == Open("/home/a/facewatch.log")


def test_a_bad_edit_of_the_settings_is_shown_first():
    problem = "config.toml is not valid TOML: Expected '=' (at line 3, column 5)"
    assert first_rows(WORKING, problem=problem)[:2] == [
        "Needs attention, 3 waiting, restoring IMG_2041.jpg (2 of 4 faces)",
        problem,
    ]


def test_a_problem_of_several_lines_is_one_line_without_odd_signs():
    row = first_rows(status("attention", troubles=["models: first\n  second\n"]))[1]
    assert row == "models: first. second"


def test_a_config_file_that_was_never_readable_can_be_opened_from_the_menu():
    shown = menu(replace(make_view(problem="config.toml: wrong"), settings=None))
    assert [item.key for item in shown if item.kind != "separator"] == [
        "state", "problems", "totals", "passed over", "downloads", "open", "recent photo", "recent", "failed",
        "login", "settings file", "quit",
    ]  # fmt: skip


def test_a_licence_question_shows_its_sentence_and_its_terms():
    held = {"state": "held", "licence": "S-Lab License 1.0", "terms_url": "https://example.org/terms",
            "sentence": "Non-commercial purposes only."}  # fmt: skip
    shown = menu(make_view(status("working", {"queued": 1}, downloads={"codeformer": held})))
    assert shown[0].text == "Needs attention, 1 waiting"
    question = find(shown, "downloads")
    assert lines((question,)) == [
        "codeformer: licence approval needed >",
        "  ~codeformer: licence approval needed",
        "  ~Non-commercial purposes only.",
        "  Read the terms",
        "  Accept S-Lab License 1.0 and download",
    ]
    assert find(question.items, "codeformer terms").action == Open("https://example.org/terms")
    assert find(question.items, "codeformer accept").action == AcceptLicence("codeformer")


def test_the_menu_offers_to_pause_and_while_paused_to_resume():
    shown = menu(make_view())
    assert find(shown, "pause").action == Pause("until resumed")
    assert find(shown, "pause for", "1 hour").action == Pause("for 1 hour")
    assert find(shown, "pause for", "tomorrow").action == Pause("until tomorrow")
    paused = menu(make_view(status("paused"), {"paused": True}))
    assert find(paused, "resume").action == Pause("no longer")
    assert "pause" not in {item.key for item in paused}
    assert not find(paused, "pause for").enabled


def test_a_pause_with_an_end_shows_the_time():
    local = NOW.astimezone()
    soon, later = local + timedelta(minutes=30), local + timedelta(days=2)
    assert first_rows(status("paused"), {"paused": soon})[0] == f"Paused until {soon:%H:%M}"
    assert first_rows(status("paused"), {"paused": later})[0] == f"Paused until {later:%a} {later:%H:%M}"


def test_each_model_has_its_own_weight_and_default():
    shown = menu(make_view(settings={"model": "codeformer", "weights": {"codeformer": 0.3}}))
    weights = find(shown, "weight")
    assert weights.text == "Weight: Strong (0.3)"
    assert [item.text for item in weights.items if item.checked] == ["0.3"]
    assert [item.text for item in weights.items if "(" in item.text] == [
        "Strong (0.0)", "Balanced (0.6, default)", "Faithful (0.8)", "1.0 (closest to the original)",
    ]  # fmt: skip
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
    assert [item.action for item in actions.items[1:5]] == [
        Open("/out/IMG_1.jpg"),
        Open("/in/IMG_1.jpg"),
        ShowInFolder(Path("/out/IMG_1.jpg")),
        OpenGallery(photo=Path("/in/IMG_1.jpg")),
    ]
    model = find(actions.items, "model builtin")
    assert model.text == "Redo with builtin"
    assert model.action == SendRequest(Request("redo", Path("/in/IMG_1.jpg"), model="builtin"))
    missing = find(actions.items, "model codeformer")
    assert missing.text == "Redo with codeformer (download 377 MB, non-commercial)"
    assert missing.enabled  # the photo is restored once the model is downloaded
    assert find(actions.items, "weight 0.5").text == "Redo Balanced (0.5)"
    assert find(actions.items, "weight 1.0").text == "Redo 1.0 (closest to the original)"
    weight = find(actions.items, "weight 0.5")
    assert weight.action == SendRequest(Request("redo", Path("/in/IMG_1.jpg"), weight=0.5))


def test_a_model_that_only_a_browser_can_download_is_said_to_come_so():
    assert model_text(Choice("vqfr-1", False, None, False)) == "vqfr-1 (by browser)"
    assert model_text(Choice("gpen-1024", False, None, True)) == "gpen-1024 (by browser, non-commercial)"
    assert model_text(Choice("gfpgan-1.2", False, None, True)) == "gfpgan-1.2 (download, non-commercial)"


CLICKS = [
    ("another model", ChangeSetting("model", "codeformer")),
    ("a weight in words", ChangeSetting("weights.gfpgan-1.4", 0.8)),
    ("a weight by its number", ChangeSetting("weights.gfpgan-1.4", 0.3)),
    ("before and after", OpenGallery(photo=Path("/in/IMG_1.jpg"))),
    ("redo with another model", SendRequest(Request("redo", Path("/in/IMG_1.jpg"), model="codeformer"))),
    ("redo with another weight", SendRequest(Request("redo", Path("/in/IMG_1.jpg"), weight=0.8))),
    ("redo with a weight by its number", SendRequest(Request("redo", Path("/in/IMG_1.jpg"), weight=0.2))),
    ("all reasons of failed photos", OpenGallery("problems")),
]


def depth(items, wanted, above=0):
    """Return the clicks from an open menu to an entry, the nearest one that `wanted` agrees to."""
    found = [above + 1 for item in items if wanted(item)]
    found += [least for item in items if (least := depth(item.items, wanted, above + 1))]
    return min(found, default=0)


@pytest.mark.parametrize(("wish", "action"), CLICKS)
def test_a_frequent_wish_takes_three_clicks_with_that_on_the_icon(wish, action):
    shown = menu(make_view(status(recent=[DONE], failed=[FAILED])))
    assert 0 < 1 + depth(shown, lambda item: item.action == action and item.enabled) <= 3, wish


def test_why_a_photo_failed_takes_three_clicks_with_that_on_the_icon():
    shown = menu(make_view(status(recent=[DONE], failed=[FAILED])))
    assert 1 + depth(shown, lambda item: item.text == FAILED["reason"]) - 1 <= 3  # the last is only read


def test_the_recent_photo_of_the_first_level_is_the_first_of_the_recent_ones():
    other = {**DONE, "path": "/in/IMG_0.jpg", "output": "/out/IMG_0.jpg", "changed": 4.0}
    shown = menu(make_view(status(recent=[DONE, other])))
    assert find(shown, "recent photo").text == "Photo: IMG_1.jpg"
    assert find(shown, "recent photo").items == find(shown, "recent", "/in/IMG_1.jpg 5.0").items


def test_a_recent_photo_names_its_folder_its_model_and_its_weight():
    report = {"model": "codeformer", "weight": 0.6, "faces": []}
    photo = {**DONE, "path": "/in/holiday/IMG_1.jpg", "report": report}
    actions = find(menu(make_view(status(recent=[photo]))), "recent", "/in/holiday/IMG_1.jpg 5.0")
    assert actions.items[0].text == "in holiday, codeformer, Balanced (0.6)"


def test_a_photo_without_a_copy_has_no_actions_on_a_copy():
    actions = find(menu(make_view(status(recent=[{**DONE, "output": None}]))), "recent", "/in/IMG_1.jpg 5.0")
    assert [item.key for item in actions.items][:4] == ["about", "original", "folder", "before models"]


def test_before_and_after_is_shown_for_every_kind_of_picture():
    raw = {**DONE, "path": "/in/a.heic"}
    assert find(menu(make_view(status(recent=[raw]))), "recent", "/in/a.heic 5.0", "before after").enabled


def test_a_click_on_the_icon_itself_opens_the_gallery():
    assert [item.action for item in menu(make_view()) if item.default] == [OpenGallery()]


def test_failed_photos_show_their_reason_and_can_be_retried():
    shown = menu(make_view(status(counts={"parked": 1}, failed=[FAILED])))
    assert lines((find(shown, "failed"),)) == [
        "Failed (1) >",
        "  broken.jpg >",
        "    ~the file is cut off",
        "    Retry now",
        "    Open original",
        "    Show in folder",
        "  ---",
        "  Retry all",
        "  Show all reasons",
        "  Open the log",
    ]
    one = find(shown, "failed", "/in/broken.jpg", "again")
    assert one.action == SendRequest(Request("retry_failed", Path("/in/broken.jpg")))
    assert find(shown, "failed", "again").action == SendRequest(Request("retry_failed"))
    assert find(shown, "failed", "log").action == Open("/home/a/facewatch.log")


@pytest.mark.parametrize(("name", "mark"), [("ليلى.jpg", "\u200e"), ("IMG_1 ليلى.jpg", "")])
def test_a_name_from_right_to_left_does_not_turn_its_row(name, mark):
    shown = menu(make_view(status(recent=[{**DONE, "path": f"/in/{name}"}])))
    assert find(shown, "recent").items[0].text == f"{mark}{name}: 2 of 2 faces restored"


def test_a_long_reason_is_shown_whole():
    reason = "the PNG file is damaged: a checksum is wrong; copy it again, " + "or save it again " * 8
    shown = menu(make_view(status(counts={"parked": 1}, failed=[{**FAILED, "reason": reason}])))
    rows = [item.text for item in find(shown, "failed", "/in/broken.jpg").items if item.kind == "line"]
    assert " ".join(rows) == reason.strip()
    assert max(map(len, rows)) <= LONGEST_LINE


def test_a_photo_that_is_retried_automatically_is_marked():
    shown = menu(make_view(status(counts={"retry": 1}, failed=[{**FAILED, "state": "retry"}])))
    assert lines((find(shown, "failed"),))[:2] == [
        "Will retry (1) >", "  broken.jpg (will retry) >"]  # fmt: skip


def test_the_row_of_failed_photos_counts_those_that_it_lists():
    photos = [{**FAILED, "path": f"/in/{number}.jpg"} for number in range(3)]
    photos[1] |= {"error": "NotSupported"}
    photos[2] |= {"state": "retry"}
    copied_animations = 1
    outcomes = {"failed": 1, "not supported": 1 + copied_animations}
    shown = menu(make_view(status(counts={"parked": 2, "retry": 1}, outcomes=outcomes, failed=photos)))
    row = find(shown, "failed")
    assert row.text == "Failed (1), not supported (1), will retry (1)"
    assert len([item for item in row.items if item.kind == "submenu"]) == len(photos)


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
    assert text.startswith("a?\\nb & <c>_%.jpg")


HOSTILE = "a\x1b]0;owned\x07\x9b2J\u202egpj.exe\nb"


def test_no_name_in_menu_or_notification_holds_commands_or_turns_its_letters():
    odd = {**DONE, "path": f"/in/{HOSTILE}/{HOSTILE}.jpg", "reason": HOSTILE}
    view = make_view(
        status(recent=[odd], failed=[{**FAILED, **odd}], troubles=[HOSTILE], passed_over={f".{HOSTILE}": 1}),
        choices=(Choice(HOSTILE, available=True, size_bytes=1, non_commercial=False),),
    )
    shown = menu(view)
    texts = [item.text for items in (shown, *(item.items for item in every(shown))) for item in items]
    bubble = Notification(HOSTILE, HOSTILE, "error", ((HOSTILE, Quit()),))
    texts += [bubble.title, bubble.text.replace("\n", ""), bubble.actions[0][0], title(view)]
    assert any("owned" in text for text in texts)
    for text in texts:
        assert not any(sign in text for sign in "\x1b\x07\x9b\u202e\n"), text


@pytest.mark.parametrize(
    ("rest", "settings", "words"),
    [
        ("waiting until 22:00", {}, "Work now"),
        ("waiting for mains power", {}, "Work now"),
        ("waiting while a program runs full screen", {}, "Work now"),
        ("paused", {"paused": True}, "Resume"),
        ("waiting until 22:00", {"paused": True}, "Resume"),
        ("", {}, "Pause"),
    ],
)
def test_photos_that_wait_for_their_time_can_be_restored_now(rest, settings, words):
    shown = menu(make_view(status("paused" if rest else "idle", rest=rest), settings))
    assert any(item.text == words for item in shown)
