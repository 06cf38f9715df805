"""Downloads the row /toy.pth of a fault server in a process of its own.

`python -m tests.models.download_process BASE SHA256 SIZE FOLDER`; prints the file, or the error.
"""

from __future__ import annotations

import sys
from pathlib import Path

from facewatch.errors import FacewatchError
from tests.models.rows import make_model_files, quick_timeouts, row

if __name__ == "__main__":
    base, sha256, size, folder = sys.argv[1:]
    model = row("toy", f"{base}/toy.pth", sha256, int(size))
    try:
        timeouts = quick_timeouts(stall_seconds=30)
        print(
            make_model_files(Path(folder), model, timeouts=timeouts).fetch(
                "toy", lambda _: None, lambda: False
            )
        )
    except FacewatchError as error:
        sys.exit(str(error))
