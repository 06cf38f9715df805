"""Write the table of docs/windows.md: `python -m tests.windows.table RESULTS docs/windows.md`."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from pathlib import Path

BEGIN, END = "<!-- begin of the run -->", "<!-- end of the run -->"


def table(results: Path) -> str:
    """Return how many tests of each file ran, passed and were skipped, then why, from pytest's JUnit file."""
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
    lines += ["", "| skipped | in | because |", "|---|---|---|"]
    for reason, modules in sorted(reasons.items(), key=lambda entry: -sum(entry[1].values())):
        places = ", ".join(f"`{Path(module).name}`" for module in sorted(modules))
        lines.append(f"| {sum(modules.values())} | {places} | {reason} |")
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
