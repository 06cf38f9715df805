"""Views to draw menus of, and menus as text."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from facewatch.settings.schema import parse
from facewatch.state.ledger.jobs import STATES
from facewatch.state.status import Status
from facewatch.tray.menu_items import Item, Menu
from facewatch.tray.view import Choice, View

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=timezone.utc)
CHOICES = (
    Choice("gfpgan-1.4", available=True, size_bytes=348632874, non_commercial=True),
    Choice("restoreformer", available=False, size_bytes=290785322, non_commercial=False),
    Choice("codeformer", available=False, size_bytes=376637898, non_commercial=True),
    Choice("builtin", available=True, size_bytes=None, non_commercial=False),
)
IDLE = Status(
    mood="idle",
    pid=77,
    counts=dict.fromkeys(STATES, 0),
    settling=0,
    current=None,
    engine=None,
    downloads={},
    troubles=[],
    failed=[],
    recent=[],
)
DONE = {
    "path": "/in/IMG_1.jpg", "state": "done", "output": "/out/IMG_1.jpg", "reason": "2 of 2 faces restored",
    "error": "", "attempts": 1, "report": None, "changed": 5.0,
}  # fmt: skip
FAILED = {
    "path": "/in/broken.jpg", "state": "parked", "output": None, "reason": "the file is cut off",
    "error": "TruncatedPhoto", "attempts": 5, "report": None, "changed": 6.0,
}  # fmt: skip


def status(mood="idle", counts=None, outcomes=None, **changes) -> Status:
    """Return a status; its finished photos were restored, unless `outcomes` says otherwise."""
    all_counts = {**IDLE.counts, **(counts or {})}
    plain = {
        "restored": all_counts["done"],
        "without faces": all_counts["no_faces"],
        "failed": all_counts["parked"] + all_counts["poison"],
    }
    return replace(IDLE, mood=mood, counts=all_counts, outcomes={**plain, **(outcomes or {})}, **changes)


def make_view(given_status=IDLE, settings=None, **changes) -> View:
    chosen = {"folders": [{"input": "/in", "output": "/out"}], **(settings or {})}
    plain = View(
        settings=parse(chosen, "test"),
        status=given_status,
        choices=CHOICES,
        login="off",
        config=Path("/home/a/config.toml"),
        log=Path("/home/a/facewatch.log"),
        now=NOW,
    )
    return replace(plain, **changes)


SIGNS = {"radio": ("( )", "(*)"), "tick": ("[ ]", "[x]")}


def lines(menu: Menu, depth: int = 0) -> list[str]:
    """Return one line per entry: `*` marks a checked entry, `~` a disabled one."""
    out = []
    for item in menu:
        if item.kind == "separator":
            out.append("  " * depth + "---")
            continue
        sign = SIGNS[item.kind][item.checked] + " " if item.kind in SIGNS else ""
        off = "" if item.enabled else "~"
        out.append("  " * depth + off + sign + item.text + (" >" if item.kind == "submenu" else ""))
        out += lines(item.items, depth + 1)
    return out


def every(menu: Menu) -> list[Item]:
    """Return all entries, including those of submenus."""
    return [inner for item in menu for inner in (item, *every(item.items))]


def find(menu: Menu, *keys: str) -> Item:
    """Return the entry at a path of keys."""
    for key in keys:
        item = next(item for item in menu if item.key == key)
        menu = item.items
    return item
