"""Write the table of docs/windows.md: `python -m tests.windows.table RESULTS docs/windows.md`."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from pathlib import Path

BEGIN, END = "<!-- begin of the run -->", "<!-- end of the run -->"
LINUX, POSIX = "Linux' own", "POSIX' own"
WINDOWS = "Windows' way"
WINE = "wine's"
OWN_TESTS = "`windows/test_files.py`"
JUDGED = {  # the beginning of a reason -> whose it is, and what tries the same on Windows
    "/proc is": (LINUX, "the rest of the file"),
    "D-Bus is": (LINUX, "Windows' own call for the idle time; its message box is not tried"),
    "Windows allows no such name": (WINDOWS, f"names that it refuses: {OWN_TESTS}"),
    "Windows counts UTF-16": (WINDOWS, f"the longest names: {OWN_TESTS}"),
    "Windows has no permissions": (WINDOWS, f"read-only files: {OWN_TESTS}"),
    "Windows lets no one delete": (WINDOWS, f"files that another program holds: {OWN_TESTS}"),
    "Windows replaces no program": (WINDOWS, "the installer ends the program first"),
    "a file in the path of a lock": (POSIX, "the other errors of a lock, in the same file"),
    "a rename never replaces": (WINDOWS, "names that are taken, in the same file"),
    "a way of publishing": (POSIX, "publishing by a rename, in the same file"),
    "X11 and GameMode": (LINUX, "Windows' own call, in the same file"),
    "its disks have no limits": (WINDOWS, "full disks, in the same file"),
    "its trash is a folder": (LINUX, "a file that is gone, in the same file"),
    "logind is Linux'": (LINUX, "Windows' own call, in the same file"),
    "asks NetworkManager": (LINUX, "Windows' own call, in the same file"),
    "folders of Linux desktops": (LINUX, "the registry and Send To, in the same files"),
    "needs links and pipes": (f"{WINE}: links; {POSIX}: pipes", "folders and large files, in the same file"),
    "needs symlinks": (WINE, f"junctions, where they can be made: {OWN_TESTS}"),
    "needs the right to make symlinks": (WINE, f"junctions, where they can be made: {OWN_TESTS}"),
    "needs links": (WINE, f"junctions, where they can be made: {OWN_TESTS}"),
    "no permissions for others": (WINDOWS, f"read-only files: {OWN_TESTS}"),
    "only Linux shows": (LINUX, "who holds a lock is a number there, in the same file"),
    "only there it can be looked into": (LINUX, "a file that is gone, in the same file"),
    "other systems": (
        LINUX,
        "the way of other systems, in the same files, but where Windows keeps open files",
    ),
    "preallocates on Linux": (LINUX, "free space, in the same file"),
    "reads /proc": (LINUX, "ids and start times, in the same file"),
    "reads a stand-in for /sys": (LINUX, "hardware ids of the registry, in the same file"),
    "runs a shell's script": (POSIX, "the verb and Send To, in the same file"),
    "takes minutes on wine": (WINE, "nothing; a real Windows would run it"),
    "the entries of Linux": (LINUX, "the Run key, in the same file"),
    "the paths are POSIX paths": (POSIX, f"drives, shares, and a drive that goes away: {OWN_TESTS}"),
    "the place of the trash": (LINUX, "nothing; Send2Trash has tests of its own"),
    "there the home of any user": (WINDOWS, "nothing: no path needs another user"),
    "this Windows has no junctions": (WINE, "nothing; a real Windows runs it"),
    "this Windows has no long paths": (WINE, "nothing; a real Windows runs it"),
    "this Windows makes no such file": (WINE, "nothing; a real Windows runs it"),
    "this Windows takes no power requests": (WINE, "nothing; a real Windows runs it"),
    "this Windows renames nothing": (WINE, "nothing; a real Windows runs it"),
    "wine's disk": (WINE, "shorter names, in the same files"),
    "zombies of Linux": (LINUX, "ended processes, in the same file"),
}


def table(results: Path) -> str:
    """Return how many tests of each file ran, passed and were skipped, then why, from pytest's JUnit file.

    Raises StopIteration for a reason that JUDGED lacks: every skip is judged.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for case in ET.parse(results).iter("testcase"):
        module = str(case.get("classname")).removeprefix("tests.").replace(".", "/") + ".py"
        kinds = {child.tag for child in case}
        outcome = next((kind for kind in ("skipped", "failure", "error") if kind in kinds), "passed")
        counts[module][outcome] += 1
        if (skipped := case.find("skipped")) is not None:
            reasons[str(skipped.get("message"))][module] += 1
    lines = ["| tests | run | passed | skipped |", "|---|---|---|---|"]
    for module, outcomes in sorted(counts.items()):
        lines.append(_row(f"`{module}`", outcomes))
    lines.append(_row("all", sum(counts.values(), Counter())))
    lines += ["", "| skipped | in | because | whose | tried on Windows instead |", "|---|---|---|---|---|"]
    for reason, modules in sorted(reasons.items(), key=lambda entry: -sum(entry[1].values())):
        places = ", ".join(f"`{Path(module).name}`" for module in sorted(modules))
        whose, instead = next(judged for begin, judged in JUDGED.items() if reason.startswith(begin))
        lines.append(f"| {sum(modules.values())} | {places} | {reason} | {whose} | {instead} |")
    return "\n".join(lines)


def _row(name: str, outcomes: Counter[str]) -> str:
    run = sum(outcomes.values()) - outcomes["skipped"]
    return f"| {name} | {run} | {outcomes['passed']} | {outcomes['skipped']} |"


def main(results: Path, page: Path) -> None:
    """Replace the part of the page between its two marks."""
    text = page.read_text("utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n{table(results)}\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
