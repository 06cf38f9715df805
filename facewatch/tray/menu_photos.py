"""The part of the menu that lists photos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from facewatch.state.requests import Request
from facewatch.tray import text as words
from facewatch.tray.actions import Ask, Contrast, Open, Show
from facewatch.tray.menu_items import Item, click, line, submenu
from facewatch.tray.view import Scene

FAILED_SHOWN = 10
REDO_WEIGHTS = (0.0, 0.3, 0.5, 0.7, 1.0)
SHOWN_BY_BROWSERS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif"}


def recent_items(scene: Scene) -> Iterator[Item]:
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


def _deeds(scene: Scene, photo: Mapping[str, Any]) -> Iterator[Item]:
    original = Path(photo["path"])
    restored = Path(photo["output"]) if photo["output"] else None
    if restored is not None:
        yield click("restored", "Open restored", Open(str(restored)))
    yield click("original", "Open original", Open(str(original)))
    yield click("folder", "Show in folder", Show(restored or original))
    if restored is not None:
        shown = {original.suffix.lower(), restored.suffix.lower()} <= SHOWN_BY_BROWSERS
        yield click("contrast", "Before / after", Contrast(original, restored), enabled=shown)
    yield submenu("redo model", "Redo with another model", _redo_models(scene, original))
    yield submenu("redo weight", "Redo with another weight", _redo_weights(scene, original))


def _redo_models(scene: Scene, original: Path) -> Iterator[Item]:
    for choice in scene.choices:
        yield click(
            choice.name,
            choice.name if choice.here else f"{choice.name} (has to be downloaded first)",
            Ask(Request("redo", original, model=choice.name)),
            enabled=scene.running and choice.here,
        )


def _redo_weights(scene: Scene, original: Path) -> Iterator[Item]:
    for weight in REDO_WEIGHTS:
        text = {0.0: "0.0 (more restoration)", 1.0: "1.0 (closer to the original)"}.get(weight, f"{weight}")
        request = Request("redo", original, weight=weight)
        yield click(f"{weight}", text, Ask(request), enabled=scene.running)
