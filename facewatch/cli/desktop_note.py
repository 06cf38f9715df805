"""The outcome of a command that the file manager started, which has no terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from facewatch.errors import FacewatchError
from facewatch.state.outcomes import UNSUCCESSFUL
from facewatch.system.notification import notify
from facewatch.system.text import printable

TITLE = "Facewatch"
LONGEST = 400  # characters; desktops cut longer texts


@contextlib.contextmanager
def shown_on_desktop(*, wanted: bool) -> Iterator[Callable[[Sequence[Mapping[str, Any]], str], None]]:
    """Yield what shows the results of photos on the desktop; an error that ends the block is shown too.

    The function takes the results of `facewatch restore` and their totals. It does nothing unless `wanted`.
    """

    def show(results: Sequence[Mapping[str, Any]], totals: str) -> None:
        unsuccessful = [result for result in results if result["outcome"] in UNSUCCESSFUL]
        first = (unsuccessful or results)[0]
        name = Path(first["output"] or first["source"]).name
        text = f"{first['outcome']}: {name}: {first['summary']}"
        _show(text if len(results) == 1 else f"{totals}. {text}", warning=bool(unsuccessful))

    try:
        yield show if wanted else lambda _results, _totals: None
    except FacewatchError as error:
        if wanted:
            _show(str(error), warning=True)
        raise


def _show(text: str, *, warning: bool) -> None:
    text = printable(text)
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    if not notify(TITLE, shown, warning=warning) and sys.platform != "win32":
        print("facewatch: this desktop shows no notifications", file=sys.stderr)
