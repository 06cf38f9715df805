"""`facewatch doctor`: what is installed, what is missing, what to do."""

from __future__ import annotations

from typing import Annotated

import typer

from facewatch.cli.options import ConfigOption, JsonOption, places

SIGNS = {"ok": "[green]ok[/]  ", "note": "[yellow]note[/]", "mend": "[red]mend[/]"}


def doctor(
    as_json: JsonOption = False,
    quick: Annotated[bool, typer.Option("--quick", help="Without starting the engine.")] = False,
    config: ConfigOption = None,
) -> None:
    """Check everything facewatch needs: each line is ok, a note, or says what to mend (exit code 1)."""
    import json

    from rich.console import Console
    from rich.markup import escape

    from facewatch.cli.doctor.checks import examine

    findings = examine(places(config), quick=quick)
    if as_json:
        print(json.dumps([{**vars(finding), "ok": finding.ok} for finding in findings], indent=2))
    else:
        console = Console(highlight=False)
        for finding in findings:
            sign = SIGNS[finding.level]
            console.print(f"{sign} {escape(finding.what)}: {escape(finding.text)}", soft_wrap=True)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)
