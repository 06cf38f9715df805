"""Questions to the X server."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from facewatch.system.timeouts import TimedCalls

SECONDS = 2.0
_CALLS = TimedCalls(SECONDS)
Answer = TypeVar("Answer")


def ask_x11(question: Callable[[Any], Answer]) -> Answer | None:
    """Return the answer to a question about the display; None without one, or if it does not answer.

    question  gets an `Xlib.display.Display`, which is closed afterwards
    """
    if not os.environ.get("DISPLAY"):
        return None
    try:
        return _CALLS("the display", lambda: _ask(question))
    except OSError:  # TimeoutError among them: a display that does not answer tells nothing
        return None


def _ask(question: Callable[[Any], Answer]) -> Answer | None:
    from Xlib.display import Display  # type: ignore[import-untyped]
    from Xlib.error import DisplayError, XauthError, XError  # type: ignore[import-untyped]

    try:
        display: Any = Display()
    except (DisplayError, XauthError, OSError):
        return None
    try:
        return question(display)
    except XError:
        return None
    finally:
        display.close()
