"""The language of the user's system."""

from __future__ import annotations

import locale
import os
import subprocess
import sys
from collections.abc import Mapping

ASK_SECONDS = 5.0


def system_language(environment: Mapping[str, str] = os.environ) -> str:
    """Return the two letters of the system's language, such as "de"; "en" if it does not say."""
    if sys.platform == "win32":
        import ctypes

        name = locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")
    elif sys.platform == "darwin":
        name = _mac_language()
    else:
        name = posix_language(environment)
    letters = name.replace("-", "_").split("_")[0].lower()
    return letters if len(letters) == 2 else "en"


def posix_language(environment: Mapping[str, str]) -> str:
    """Return the name of the language for messages, as gettext finds it: "de_AT.UTF-8"; empty for none."""
    name = next((it for key in ("LC_ALL", "LC_MESSAGES", "LANG") if (it := environment.get(key))), "")
    if name.split(".")[0] in {"", "C", "POSIX"}:
        return ""
    return environment.get("LANGUAGE", "").split(":")[0] or name


def _mac_language() -> str:
    try:
        run = subprocess.run(
            ["/usr/bin/defaults", "read", "-g", "AppleLocale"],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""  # English then
    return run.stdout.strip()
