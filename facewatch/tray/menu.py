"""The menu as a pure function of what there is to show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from facewatch.models import catalogue
from facewatch.settings.schema import Settings
from facewatch.state.requests import Request
from facewatch.state.status import Status
from facewatch.tray import text as words
from facewatch.tray.menu_items import (
    Accept,
    Choose,
    Item,
    LeaveRequest,
    Login,
    Menu,
    Open,
    Pause,
    Quit,
    Show,
    ShowBeforeAfter,
    StartDaemon,
    click,
    line,
    radio,
    separator,
    submenu,
    tick,
)
from facewatch.tray.view import Choice, View

UPSCALES = (1, 2, 3, 4)


FAILED_SHOWN = 10
REDO_WEIGHTS = (0.0, 0.3, 0.5, 0.7, 1.0)
SHOWN_BY_BROWSERS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif"}


def menu(scene: View) -> Menu:
    """The whole menu."""
    settings = scene.settings
    items = [*_state(scene), separator("after state")]
    if settings is not None:
        items += [*_pausing(scene), separator("after pause"), *_choosing(scene, settings)]
        items.append(separator("after choices"))
    items += [*_photos(scene)]
    if settings is not None:
        items += [*_folders(settings)]
    items += [
        separator("after photos"),
        *_login(scene),
        click("settings file", "Settings file", Open(str(scene.config))),
        separator("before quit"),
        click("quit", "Quit Facewatch", Quit()),
    ]
    return tuple(items)


def _state(scene: View) -> Iterator[Item]:
    yield line("state", _capital(words.state_line(scene)))
    for number, text in enumerate(words.trouble_lines(scene)):
        yield line(f"trouble {number}", text)
    for name, download in scene.status.downloads.items():
        if download.get("state") == "held":
            yield _licence(name, download)
        else:
            yield line(f"download {name}", words.download_line(name, download))
    if not scene.running:
        yield click("start", "Start Facewatch", StartDaemon())


def _licence(name: str, download: dict[str, str]) -> Item:
    parts = [line("sentence", words.shortened(download.get("sentence", ""), words.LONGEST_LINE))]
    if download.get("terms_url"):
        parts.append(click("terms", "Read the terms", Open(download["terms_url"])))
    licence = download.get("licence", "its licence")
    parts.append(click("accept", words.shortened(f"Accept {licence}, and download", 80), Accept(name)))
    return submenu(f"licence {name}", words.download_line(name, download), parts)


def _pausing(scene: View) -> Iterator[Item]:
    assert scene.settings is not None
    if scene.settings.pausing(scene.now):
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


def _choosing(scene: View, settings: Settings) -> Iterator[Item]:
    yield submenu("model", f"Model: {settings.model}", _models(scene, settings))
    weight = settings.weight_of(settings.model)
    yield submenu("weight", f"Weight: {_number(weight)}", _weights(settings, weight))
    upscale = settings.restoration.upscale
    yield submenu(
        "upscale",
        f"Upscale: {upscale} x",
        (
            radio(
                str(factor),
                "1 x (as large as the original)" if factor == 1 else f"{factor} x",
                Choose("restoration.upscale", factor),
                checked=factor == upscale,
            )
            for factor in UPSCALES
        ),
    )


def _models(scene: View, settings: Settings) -> Iterator[Item]:
    known = {choice.name: choice for choice in scene.choices}
    if settings.model not in known:  # its file has gone, and it is still what is chosen
        known[settings.model] = Choice(settings.model, here=False, size_bytes=None, non_commercial=False)
    for name, choice in known.items():
        yield radio(name, _model_text(choice), Choose("model", name), checked=name == settings.model)
    own = sum(folder.model is not None and folder.model != settings.model for folder in settings.folders)
    if own:
        yield line("own", f"{own} {'folder has a model' if own == 1 else 'folders have models'} of its own")


def _model_text(choice: Choice) -> str:
    notes = []
    if not choice.here:
        row = catalogue.BY_NAME.get(choice.name)
        size = f" {words.size(choice.size_bytes)}" if choice.size_bytes else ""
        notes.append(f"download{size}" if row else "its file is missing")
    elif choice.size_bytes:
        notes.append(words.size(choice.size_bytes))
    if choice.non_commercial:
        notes.append("non-commercial")
    return f"{choice.name} ({', '.join(notes)})" if notes else choice.name


def _weights(settings: Settings, weight: float) -> Iterator[Item]:
    row = catalogue.BY_NAME.get(settings.model)
    default = row.default_weight if row else 0.0
    tenths = {step / 10 for step in range(11)} | {weight}  # a weight set by hand is shown as it is
    for value in sorted(tenths):
        notes = [{0.0: "more restoration", 1.0: "closer to the original"}.get(value, "")]
        notes += ["default"] if value == default else []
        told = ", ".join(note for note in notes if note)
        text = f"{_number(value)} ({told})" if told else _number(value)
        yield radio(_number(value), text, Choose(f"weights.{settings.model}", value), checked=value == weight)


def _photos(scene: View) -> Iterator[Item]:
    yield submenu("recent", "Recent", recent_items(scene))
    failed = scene.status.failed
    if failed:
        again = click("again", "Try all again", LeaveRequest(Request("retry_failed")), enabled=scene.running)
        log = click("log", "Open the log", Open(str(scene.log)))
        entries = (*failed_items(failed), separator("end"), again, log)
        yield submenu("failed", _failed_text(scene.status), entries)


def _failed_text(status: Status) -> str:
    given_up = words.count_failed(status)
    return f"Failed ({given_up})" if given_up else f"To be tried again ({status.counts['retry']})"


def _folders(settings: Settings) -> Iterator[Item]:
    inboxes = tuple(dict.fromkeys(folder.input for folder in settings.folders))
    outputs = tuple(dict.fromkeys(folder.output for folder in settings.folders))
    yield from _opening("inbox", "Open inbox", inboxes)
    yield from _opening("restored", "Open restored", outputs)


def _opening(key: str, text: str, folders: tuple[Path, ...]) -> Iterator[Item]:
    if len(folders) == 1:
        yield click(key, text, Open(str(folders[0])))
    elif folders:
        shown = ((str(folder), words.shortened(str(folder), 60)) for folder in folders)
        yield submenu(f"{key} folders", text, (click(path, label, Open(path)) for path, label in shown))


def _login(scene: View) -> Iterator[Item]:
    text = "Start at login" + (" (points at a missing program)" if scene.login == "broken" else "")
    yield tick("login", text, Login(scene.login != "on"), checked=scene.login != "off")


def _number(weight: float) -> str:
    return f"{weight:.1f}" if round(weight, 1) == weight else f"{weight:g}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def recent_items(scene: View) -> Iterator[Item]:
    """The photos finished last, each with what can be done about it."""
    for photo in scene.status.recent:
        text = words.shortened(Path(photo["path"]).name, 50)
        if photo["reason"]:
            text = f"{text}: {words.shortened(photo['reason'], 40)}"
        yield submenu(f"{photo['path']} {photo['changed']}", text, _deeds(scene, photo))


def failed_items(failed: Sequence[Mapping[str, Any]]) -> Iterator[Item]:
    """The photos that failed, each with its reason."""
    for photo in failed[:FAILED_SHOWN]:
        path = Path(photo["path"])
        reason = words.shortened(photo["reason"].partition("\n")[0], words.LONGEST_LINE)
        again = " (will be tried again)" if photo["state"] == "retry" else ""
        yield submenu(
            str(path),
            f"{words.shortened(path.name, 60)}{again}",
            (
                line("reason", reason or "no reason is known"),
                click("original", "Open original", Open(str(path))),
                click("folder", "Show in folder", Show(path)),
            ),
        )
    if len(failed) > FAILED_SHOWN:
        yield line("more", f"and {len(failed) - FAILED_SHOWN} more: `facewatch status` lists them")


def _deeds(scene: View, photo: Mapping[str, Any]) -> Iterator[Item]:
    original = Path(photo["path"])
    restored = Path(photo["output"]) if photo["output"] else None
    if restored is not None:
        yield click("restored", "Open restored", Open(str(restored)))
    yield click("original", "Open original", Open(str(original)))
    yield click("folder", "Show in folder", Show(restored or original))
    if restored is not None:
        shown = {original.suffix.lower(), restored.suffix.lower()} <= SHOWN_BY_BROWSERS
        yield click("contrast", "Before / after", ShowBeforeAfter(original, restored), enabled=shown)
    yield submenu("redo model", "Redo with another model", _redo_models(scene, original))
    yield submenu("redo weight", "Redo with another weight", _redo_weights(scene, original))


def _redo_models(scene: View, original: Path) -> Iterator[Item]:
    for choice in scene.choices:
        yield click(
            choice.name,
            choice.name if choice.here else f"{choice.name} (has to be downloaded first)",
            LeaveRequest(Request("redo", original, model=choice.name)),
            enabled=scene.running and choice.here,
        )


def _redo_weights(scene: View, original: Path) -> Iterator[Item]:
    for weight in REDO_WEIGHTS:
        text = {0.0: "0.0 (more restoration)", 1.0: "1.0 (closer to the original)"}.get(weight, f"{weight}")
        request = Request("redo", original, weight=weight)
        yield click(f"{weight}", text, LeaveRequest(request), enabled=scene.running)
