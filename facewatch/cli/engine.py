"""`facewatch engine`: the process that restores, as the daemon starts it."""

from __future__ import annotations

from typing import Annotated

import typer


def engine(
    probe: Annotated[str | None, typer.Option(help="Only name the device for this request.")] = None,
) -> None:
    """Restore photos that arrive on a pipe; the daemon starts this."""
    from facewatch.engine import main

    main.main(probe)
