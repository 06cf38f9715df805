"""The menu's entries about models that are not here: their downloads and licences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from facewatch.models import catalogue
from facewatch.state.requests import Request
from facewatch.tray.menu_items import (
    AcceptLicence,
    Item,
    Open,
    SendRequest,
    click,
    line,
    separator,
)
from facewatch.tray.text import LONGEST_LINE, download_line, format_size, one_line, shorten
from facewatch.tray.view import Choice, View


def download_items(view: View) -> Iterator[Item]:
    """Yield the state of each download, and what can be done about it."""
    for number, (name, download) in enumerate(view.status.downloads.items()):
        if number:
            yield separator(f"before {name}")
        yield from _items_of(name, download, view)


def model_text(choice: Choice) -> str:
    """Return a model's name with its size, its licence's limits, and how its file comes if it is not here."""
    notes = []
    if not choice.available:
        row = catalogue.BY_NAME.get(choice.name)
        way = "download" if row is None or row.checkpoint is None or row.checkpoint.url else "by browser"
        size = f" {format_size(choice.size_bytes)}" if choice.size_bytes else ""
        notes.append(f"{way}{size}" if row else "its file is missing")
    elif choice.size_bytes:
        notes.append(format_size(choice.size_bytes))
    if choice.non_commercial:
        notes.append("non-commercial")
    return f"{choice.name} ({', '.join(notes)})" if notes else choice.name


def _items_of(name: str, download: Mapping[str, Any], view: View) -> Iterator[Item]:
    state = download.get("state")
    yield line(f"{name} state", download_line(name, download, view.now))
    if state == "held":
        yield line(f"{name} sentence", shorten(download.get("sentence", ""), LONGEST_LINE))
        if download.get("terms_url"):
            yield click(f"{name} terms", "Read the terms", Open(download["terms_url"]))
        licence = download.get("licence", "its licence")
        accept = shorten(f"Accept {licence} and download", 80)
        yield click(f"{name} accept", accept, AcceptLicence(name))
    elif state in ("waiting", "cancelled"):
        if download.get("reason"):
            yield line(f"{name} reason", shorten(one_line(download["reason"]), LONGEST_LINE))
        if page := catalogue.page_of(name):
            yield click(f"{name} page", "Open the page of its file", Open(page))
        now = SendRequest(Request("download_now", model=name))
        yield click(f"{name} now", f"Try {name} now", now, enabled=view.running)
    if state in ("queued", "downloading", "waiting"):
        cancel = SendRequest(Request("download_cancel", model=name))
        yield click(f"{name} cancel", f"Cancel the download of {name}", cancel, enabled=view.running)
