"""The menu's entries about photos: those finished last, and those that failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from facewatch.settings.weights import WORDS, format_number, format_weight, word_for
from facewatch.state.requests import Request
from facewatch.state.status import Status, photo_text
from facewatch.tray.download_menu import model_text
from facewatch.tray.menu_items import (
    Item,
    Open,
    OpenGallery,
    SendRequest,
    ShowInFolder,
    click,
    line,
    separator,
    submenu,
)
from facewatch.tray.text import LONGEST_LINE, one_line, shorten, wrapped
from facewatch.tray.view import View

FAILED_SHOWN = 10
OTHER_WEIGHTS = (0.2, 0.4, 0.6, 1.0)  # beside those of the words; the page has a slider for all


def photo_items(view: View) -> Iterator[Item]:
    """Yield the submenus of one recent photo, of all recent and of the failed photos."""
    yield _nearest_item(view)
    yield submenu("recent", "Recent", _recent_items(view))
    failed = view.status.failed
    entries: tuple[Item, ...] = ()
    if failed:
        retry = click("again", "Retry all", SendRequest(Request("retry_failed")), enabled=view.running)
        why = click("why", "Show all reasons", OpenGallery("problems"))
        log = click("log", "Open the log", Open(str(view.log)))
        entries = (*_failed_items(view, failed), separator("end"), retry, why, log)
    yield submenu("failed", _failed_text(view.status), entries)


def weights_in_words(default: float) -> list[float]:
    """Return a weight for each word, the model's default in place of the usual one."""
    return sorted({word_for(weight): weight for weight in (*WORDS.values(), default)}.values())


def number_text(weight: float) -> str:
    """Return a weight as a number, with its meaning at the ends: "0.0 (full restoration)"."""
    note = {0.0: " (full restoration)", 1.0: " (closest to the original)"}.get(weight, "")
    return f"{format_number(weight)}{note}"


def _failed_text(status: Status) -> str:
    """Return the row of the photos that the submenu lists: "Failed (1), will retry (2)"."""
    failed = status.outcomes.get("failed", 0)
    # An animation is not supported either, but it was copied, and is among the recent photos.
    refused = status.counts["parked"] + status.counts["poison"] - failed
    words = {"failed": failed, "not supported": refused, "will retry": status.counts["retry"]}
    text = ", ".join(f"{it} ({count})" for it, count in words.items() if count > 0) or "no failed photos"
    return f"{text[:1].upper()}{text[1:]}"


def _nearest_item(view: View) -> Item:
    """Return the first recent photo in a submenu of its own, one click nearer than the others.

    While photos are restored it stays that photo, as the recent rows do; later it is the last one.
    """
    for photo in view.status.recent[:1]:
        name = shorten(Path(photo["path"]).name, 50)
        return submenu("recent photo", f"Photo: {name}", _photo_actions(view, photo))
    return submenu("recent photo", "No recent photo", ())


def _recent_items(view: View) -> Iterator[Item]:
    """Yield the photos finished last, each with its actions."""
    for photo in view.status.recent:
        text = shorten(Path(photo["path"]).name, 50)
        if became := photo_text(photo):
            text = f"{text}: {shorten(became, LONGEST_LINE - len(text) - 2)}"
        yield submenu(f"{photo['path']} {photo['changed']}", text, _photo_actions(view, photo))


def _failed_items(view: View, failed: Sequence[Mapping[str, Any]]) -> Iterator[Item]:
    """Yield the failed photos, each with its reason."""
    for photo in failed[:FAILED_SHOWN]:
        path = Path(photo["path"])
        reason = wrapped(one_line(photo["reason"]) or "reason unknown")
        retry = " (will retry)" if photo["state"] == "retry" else ""
        again = SendRequest(Request("retry_failed", path))
        yield submenu(
            str(path),
            f"{shorten(path.name, 60)}{retry}",
            (
                *(line(f"reason {number}", row) for number, row in enumerate(reason)),
                click("again", "Retry now", again, enabled=view.running),
                click("original", "Open original", Open(str(path))),
                click("folder", "Show in folder", ShowInFolder(path)),
            ),
        )
    if len(failed) > FAILED_SHOWN:
        yield line("more", f"and {len(failed) - FAILED_SHOWN} more: `facewatch status` lists them")


def _photo_actions(view: View, photo: Mapping[str, Any]) -> Iterator[Item]:
    original = Path(photo["path"])
    restored = Path(photo["output"]) if photo["output"] else None
    yield line("about", _about(original, photo["report"] or {}))
    if restored is not None:
        yield click("restored", "Open restored", Open(str(restored)))
    yield click("original", "Open original", Open(str(original)))
    yield click("folder", "Show in folder", ShowInFolder(restored or original))
    if restored is not None:
        yield click("before after", "Before / after", OpenGallery(photo=original))
    yield separator("before models")
    yield from _redo_model_items(view, original)
    yield separator("before weights")
    yield from _redo_weight_items(view, photo)


def _about(original: Path, report: Mapping[str, Any]) -> str:
    """Return where a photo is and what restored it: "in holiday, codeformer, Balanced (0.6)"."""
    parts = [f"in {shorten(original.parent.name or str(original.parent), 30)}"]
    if "model" in report:
        parts += [str(report["model"]), format_weight(report.get("weight", 0.0))]
    return shorten(", ".join(parts), LONGEST_LINE)


def _redo_model_items(view: View, original: Path) -> Iterator[Item]:
    for choice in view.choices:
        request = Request("redo", original, model=choice.name)
        text = f"Redo with {model_text(choice)}"
        yield click(f"model {choice.name}", text, SendRequest(request), enabled=view.running)


def _redo_weight_items(view: View, photo: Mapping[str, Any]) -> Iterator[Item]:
    model = (photo["report"] or {}).get("model")  # that of its copy; None: the settings' own

    def entry(key: str, text: str, weight: float) -> Item:
        request = SendRequest(Request("redo", Path(photo["path"]), model=model, weight=weight))
        return click(key, text, request, enabled=view.running)

    for weight in sorted({*WORDS.values(), *OTHER_WEIGHTS}):
        shown = format_weight(weight) if weight in WORDS.values() else number_text(weight)
        yield entry(f"weight {format_number(weight)}", f"Redo {shown}", weight)
