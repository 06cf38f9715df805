"""The menu, as a pure function of the view."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from facewatch.models import catalogue
from facewatch.settings.schedule import PAUSED
from facewatch.settings.schema import Settings
from facewatch.settings.weights import format_number, format_weight, word_for
from facewatch.state.status import passed_over_text
from facewatch.tray.download_menu import download_items, model_text
from facewatch.tray.menu_items import (
    ChangeSetting,
    Item,
    Menu,
    Open,
    OpenGallery,
    Pause,
    Quit,
    StartAtLogin,
    StartDaemon,
    click,
    line,
    radio,
    separator,
    submenu,
    tick,
)
from facewatch.tray.photo_menu import number_text, photo_items, weights_in_words
from facewatch.tray.text import (
    LONGEST_LINE,
    downloads_line,
    shorten,
    state_line,
    totals_line,
    trouble_line,
    troubles,
    wrapped,
)
from facewatch.tray.view import Choice, View

UPSCALES = (1, 2, 3, 4)


def menu(view: View) -> Menu:
    """Return the whole menu.

    The rows of its first level are always the same ones, so that none moves under the mouse: what comes and
    goes has a row that is disabled while there is nothing.
    """
    settings = view.settings
    items = [*_state_items(view), separator("after state")]
    items.append(replace(click("open", "Open Facewatch", OpenGallery()), default=True))
    if settings is not None:
        items += [*_pause_items(view), separator("after pause"), *_setting_items(view, settings)]
        items.append(separator("after choices"))
    items += photo_items(view)
    if settings is not None:
        items += _folder_items(settings)
    items += [
        separator("after photos"),
        *_login_items(view),
        click("settings file", "Settings file", Open(str(view.config))),
        separator("before quit"),
        click("quit", "Quit Facewatch", Quit()),
    ]
    return tuple(items)


def _state_items(view: View) -> Iterator[Item]:
    yield line("state", _capitalize(state_line(view)))
    found = troubles(view)
    rows = [row for text in found for row in wrapped(text)]
    problems = [line(f"trouble {number}", row) for number, row in enumerate(rows)]
    ends = [separator("end"), click("log", "Open the log", Open(str(view.log)))] if problems else []
    yield submenu("problems", trouble_line(found), (*problems, *ends))
    yield line("totals", _capitalize(totals_line(view.status)))
    other_kinds = passed_over_text(view.status.passed_over) or "No files of other kinds"
    yield line("passed over", shorten(other_kinds, LONGEST_LINE))
    downloads = view.status.downloads
    yield submenu("downloads", downloads_line(downloads, view.now), download_items(view))


def _pause_items(view: View) -> Iterator[Item]:
    assert view.settings is not None
    paused = view.settings.pausing(view.now) or bool(view.status.rest)
    if not view.running:
        yield click("start", "Start Facewatch", StartDaemon())
    elif paused:
        by_user = view.settings.pausing(view.now) or view.status.rest == PAUSED
        yield click("resume", "Resume" if by_user else "Work now", Pause("no longer"))
    else:
        yield click("pause", "Pause", Pause("until resumed"))
    times = (
        click("1 hour", "For 1 hour", Pause("for 1 hour")),
        click("tomorrow", "Until tomorrow", Pause("until tomorrow")),
    )
    yield replace(submenu("pause for", "Pause for a while", times), enabled=view.running and not paused)


def _setting_items(view: View, settings: Settings) -> Iterator[Item]:
    wish = " (please choose)" if view.asks_model else ""
    yield submenu("model", f"Model: {settings.model}{wish}", _model_items(view, settings))
    weight = settings.weight_of(settings.model)
    yield submenu("weight", f"Weight: {format_weight(weight)}", _weight_items(settings, weight))
    upscale = settings.restoration.upscale
    yield submenu(
        "upscale",
        f"Upscale: {upscale} x",
        (
            radio(
                str(factor),
                "1 x (original size)" if factor == 1 else f"{factor} x",
                ChangeSetting("restoration.upscale", factor),
                checked=factor == upscale,
            )
            for factor in UPSCALES
        ),
    )


def _model_items(view: View, settings: Settings) -> Iterator[Item]:
    known = {choice.name: choice for choice in view.choices}
    if settings.model not in known:  # still chosen although its file has gone
        known[settings.model] = Choice(settings.model, available=False, size_bytes=None, non_commercial=False)
    for name, choice in known.items():
        yield radio(name, model_text(choice), ChangeSetting("model", name), checked=name == settings.model)
    own = sum(folder.model is not None and folder.model != settings.model for folder in settings.folders)
    if own:
        yield line("own", f"{own} {'folder has a model' if own == 1 else 'folders have models'} of its own")


def _weight_items(settings: Settings, weight: float) -> Iterator[Item]:
    """Yield a radio for each word and for each tenth, in one list: a number costs as few clicks as a word."""
    model = settings.model
    default = catalogue.BY_NAME[model].default_weight if model in catalogue.BY_NAME else 0.0
    words = weights_in_words(default)
    tenths = [step / 10 for step in range(11)]
    for value in sorted({*words, *tenths, weight}):  # a weight set by hand is listed too
        note = ", default" if value == default else ""
        number = f"{format_number(value)}{note}"
        text = f"{word_for(value)} ({number})" if value in words else number_text(value)
        yield radio(
            format_number(value), text, ChangeSetting(f"weights.{model}", value), checked=value == weight
        )


def _folder_items(settings: Settings) -> Iterator[Item]:
    inboxes = tuple(dict.fromkeys(folder.input for folder in settings.folders))
    outputs = tuple(dict.fromkeys(folder.output for folder in settings.folders))
    yield from _open_folder_items("inbox", "Open inbox", inboxes)
    yield from _open_folder_items("restored", "Open restored", outputs)


def _open_folder_items(key: str, text: str, folders: tuple[Path, ...]) -> Iterator[Item]:
    if len(folders) == 1:
        yield click(key, text, Open(str(folders[0])))
    elif folders:
        shown = ((str(folder), shorten(str(folder), 60)) for folder in folders)
        yield submenu(f"{key} folders", text, (click(path, label, Open(path)) for path, label in shown))


def _login_items(view: View) -> Iterator[Item]:
    text = "Start at login" + (" (points to a missing program)" if view.login == "broken" else "")
    yield tick("login", text, StartAtLogin(view.login != "on"), checked=view.login != "off")


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]
