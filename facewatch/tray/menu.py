"""The menu, as a pure function of the view."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from facewatch.models import catalogue
from facewatch.settings.schema import Settings
from facewatch.state.requests import Request
from facewatch.state.status import Status, passed_over_text
from facewatch.tray.menu_items import (
    AcceptLicence,
    ChangeSetting,
    Item,
    Menu,
    Open,
    Pause,
    Quit,
    SendRequest,
    ShowBeforeAfter,
    ShowInFolder,
    StartAtLogin,
    StartDaemon,
    click,
    line,
    radio,
    separator,
    submenu,
    tick,
)
from facewatch.tray.text import (
    LONGEST_LINE,
    count_failed,
    download_line,
    format_size,
    shorten,
    state_line,
    trouble_lines,
)
from facewatch.tray.view import Choice, View

UPSCALES = (1, 2, 3, 4)
FAILED_SHOWN = 10
REDO_WEIGHTS = (0.0, 0.3, 0.5, 0.7, 1.0)
SHOWN_BY_BROWSERS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif"}


def menu(view: View) -> Menu:
    """Return the whole menu."""
    settings = view.settings
    items = [*_state_items(view), separator("after state")]
    if settings is not None:
        items += [*_pause_items(view), separator("after pause"), *_setting_items(view, settings)]
        items.append(separator("after choices"))
    items += _photo_items(view)
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
    for number, text in enumerate(trouble_lines(view)):
        yield line(f"trouble {number}", text)
    if view.status.passed_over:
        yield line("passed over", shorten(passed_over_text(view.status), LONGEST_LINE))
    for name, download in view.status.downloads.items():
        if download.get("state") == "held":
            yield _licence_item(name, download)
        else:
            yield line(f"download {name}", download_line(name, download))
    if not view.running:
        yield click("start", "Start Facewatch", StartDaemon())


def _licence_item(name: str, download: dict[str, str]) -> Item:
    parts = [line("sentence", shorten(download.get("sentence", ""), LONGEST_LINE))]
    if download.get("terms_url"):
        parts.append(click("terms", "Read the terms", Open(download["terms_url"])))
    licence = download.get("licence", "its licence")
    parts.append(click("accept", shorten(f"Accept {licence} and download", 80), AcceptLicence(name)))
    return submenu(f"licence {name}", download_line(name, download), parts)


def _pause_items(view: View) -> Iterator[Item]:
    assert view.settings is not None
    if view.settings.pausing(view.now):
        yield click("resume", "Resume", Pause("no longer"))
        return
    yield click("pause", "Pause", Pause("until resumed"))
    yield submenu(
        "pause for",
        "Pause for a while",
        (
            click("1 hour", "For 1 hour", Pause("for 1 hour")),
            click("tomorrow", "Until tomorrow", Pause("until tomorrow")),
        ),
    )


def _setting_items(view: View, settings: Settings) -> Iterator[Item]:
    yield submenu("model", f"Model: {settings.model}", _model_items(view, settings))
    weight = settings.weight_of(settings.model)
    yield submenu("weight", f"Weight: {_format_weight(weight)}", _weight_items(settings, weight))
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
        yield radio(name, _model_text(choice), ChangeSetting("model", name), checked=name == settings.model)
    own = sum(folder.model is not None and folder.model != settings.model for folder in settings.folders)
    if own:
        yield line("own", f"{own} {'folder has a model' if own == 1 else 'folders have models'} of its own")


def _model_text(choice: Choice) -> str:
    notes = []
    if not choice.available:
        row = catalogue.BY_NAME.get(choice.name)
        size = f" {format_size(choice.size_bytes)}" if choice.size_bytes else ""
        notes.append(f"download{size}" if row else "its file is missing")
    elif choice.size_bytes:
        notes.append(format_size(choice.size_bytes))
    if choice.non_commercial:
        notes.append("non-commercial")
    return f"{choice.name} ({', '.join(notes)})" if notes else choice.name


def _weight_items(settings: Settings, weight: float) -> Iterator[Item]:
    row = catalogue.BY_NAME.get(settings.model)
    default = row.default_weight if row else 0.0
    tenths = {step / 10 for step in range(11)} | {weight}  # a weight set by hand is listed too
    for value in sorted(tenths):
        notes = [{0.0: "more restoration", 1.0: "closer to the original"}.get(value, "")]
        notes += ["default"] if value == default else []
        note = ", ".join(note for note in notes if note)
        number = _format_weight(value)
        text = f"{number} ({note})" if note else number
        action = ChangeSetting(f"weights.{settings.model}", value)
        yield radio(number, text, action, checked=value == weight)


def _photo_items(view: View) -> Iterator[Item]:
    yield submenu("recent", "Recent", _recent_items(view))
    failed = view.status.failed
    if failed:
        retry = click("again", "Retry all", SendRequest(Request("retry_failed")), enabled=view.running)
        log = click("log", "Open the log", Open(str(view.log)))
        entries = (*_failed_items(failed), separator("end"), retry, log)
        yield submenu("failed", _failed_text(view.status), entries)


def _failed_text(status: Status) -> str:
    failed = count_failed(status)
    return f"Failed ({failed})" if failed else f"Will retry ({status.counts['retry']})"


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


def _format_weight(weight: float) -> str:
    return f"{weight:.1f}" if round(weight, 1) == weight else f"{weight:g}"


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]


def _recent_items(view: View) -> Iterator[Item]:
    """Yield the photos finished last, each with its actions."""
    for photo in view.status.recent:
        text = shorten(Path(photo["path"]).name, 50)
        if photo["reason"]:
            text = f"{text}: {shorten(photo['reason'], 40)}"
        yield submenu(f"{photo['path']} {photo['changed']}", text, _photo_actions(view, photo))


def _failed_items(failed: Sequence[Mapping[str, Any]]) -> Iterator[Item]:
    """Yield the failed photos, each with its reason."""
    for photo in failed[:FAILED_SHOWN]:
        path = Path(photo["path"])
        reason = shorten(photo["reason"].partition("\n")[0], LONGEST_LINE)
        retry = " (will retry)" if photo["state"] == "retry" else ""
        yield submenu(
            str(path),
            f"{shorten(path.name, 60)}{retry}",
            (
                line("reason", reason or "reason unknown"),
                click("original", "Open original", Open(str(path))),
                click("folder", "Show in folder", ShowInFolder(path)),
            ),
        )
    if len(failed) > FAILED_SHOWN:
        yield line("more", f"and {len(failed) - FAILED_SHOWN} more: `facewatch status` lists them")


def _photo_actions(view: View, photo: Mapping[str, Any]) -> Iterator[Item]:
    original = Path(photo["path"])
    restored = Path(photo["output"]) if photo["output"] else None
    if restored is not None:
        yield click("restored", "Open restored", Open(str(restored)))
    yield click("original", "Open original", Open(str(original)))
    yield click("folder", "Show in folder", ShowInFolder(restored or original))
    if restored is not None:
        shown = {original.suffix.lower(), restored.suffix.lower()} <= SHOWN_BY_BROWSERS
        yield click("before after", "Before / after", ShowBeforeAfter(original, restored), enabled=shown)
    yield submenu("redo model", "Redo with another model", _redo_model_items(view, original))
    yield submenu("redo weight", "Redo with another weight", _redo_weight_items(view, original))


def _redo_model_items(view: View, original: Path) -> Iterator[Item]:
    for choice in view.choices:
        yield click(
            choice.name,
            choice.name if choice.available else f"{choice.name} (not downloaded)",
            SendRequest(Request("redo", original, model=choice.name)),
            enabled=view.running and choice.available,
        )


def _redo_weight_items(view: View, original: Path) -> Iterator[Item]:
    for weight in REDO_WEIGHTS:
        text = {0.0: "0.0 (more restoration)", 1.0: "1.0 (closer to the original)"}.get(weight, f"{weight}")
        request = Request("redo", original, weight=weight)
        yield click(f"{weight}", text, SendRequest(request), enabled=view.running)
