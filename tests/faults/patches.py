"""A daemon with a planted defect: what a row's check has to find, or it checks nothing."""

from __future__ import annotations

import textwrap
from pathlib import Path

from tests.daemon_process import DaemonProcess


class PatchedDaemon(DaemonProcess):
    """Runs `defect`, Python source, in the daemon and in the engine before facewatch is loaded there."""

    def __init__(self, home: Path, defect: str, **settings: object) -> None:
        super().__init__(home, **settings)
        self._folder = home / "defect"
        self._folder.mkdir()
        # Python runs a module of this name at its start, whichever command it was started for.
        module = self._folder / "sitecustomize.py"
        module.write_text(f"{textwrap.dedent(defect)}\nopen({str(self._took)!r}, 'w').close()\n", "utf-8")

    @property
    def environment(self) -> dict[str, str]:
        before = super().environment
        searched = [str(self._folder), before.get("PYTHONPATH", "")]
        return {**before, "PYTHONPATH": ":".join(filter(None, searched))}

    def start(self) -> None:
        super().start()
        self.wait_for(self._took.exists, "the defect to be planted", 10)

    @property
    def _took(self) -> Path:
        return self._folder / "took"


NO_FSYNC = """
    import os
    os.fsync = lambda descriptor: None
"""

NO_FOLDER_FSYNC = """
    import os, stat
    fsync = os.fsync
    os.fsync = lambda file: None if stat.S_ISDIR(os.fstat(file).st_mode) else fsync(file)
"""

NO_LEDGER_SYNC = """
    import functools, sqlite3
    class Lax(sqlite3.Connection):
        def execute(self, sql, *values):
            return super().execute("PRAGMA synchronous = OFF" if "synchronous" in sql else sql, *values)
    sqlite3.connect = functools.partial(sqlite3.connect, factory=Lax)
"""

NO_LEDGER_CACHE = """
    import functools, sqlite3
    class Forgetful(sqlite3.Connection):  # as with a ledger that is larger than SQLite's cache
        def __init__(self, *where, **how):
            super().__init__(*where, **how)
            self.execute("PRAGMA cache_size = 0")
    sqlite3.connect = functools.partial(sqlite3.connect, factory=Forgetful)
"""

WRITE_IN_PLACE = """
    import os, time
    def link(source, target, **_):
        with open(source, "rb") as file:
            data = file.read()
        with open(target, "xb", 0) as file:
            file.write(data[: len(data) // 2])
            time.sleep(0.1)
            file.write(data[len(data) // 2 :])
    os.link = link
"""

HOLD_FIRST_COPY = """
    import os, sys, time
    if "engine" in sys.orig_argv:  # gets no turn in the middle of its first copy until the test lets it go on
        home, leave, written = os.environ["FACEWATCH_HOME"], os._exit, []
        def hold():
            open(f"{{home}}/held", "w").close()
            while not os.path.exists(f"{{home}}/go on"):
                time.sleep(0.01)
        def opened(path, flags, *mode, plain=os.open, **how):
            ours = ".facewatch-" in str(path)
            if ours and {before}:
                hold()
            file = plain(path, flags, *mode, **how)
            if ours and not {before}:
                hold()
            written.extend([path] * ours)
            return file
        def left(code):
            while not written:
                time.sleep(0.01)
            leave(code)
        os.open, os._exit = opened, left
"""

IGNORE_INTERRUPTED_COMMITS = """
    import os, sys, time
    def slow(source, target, link=os.link, **how):
        link(source, target, **how)
        time.sleep(0.1)  # as on a hard disk that is busy
    os.link = slow
    if "run" in sys.orig_argv:
        import facewatch.daemon.daemon, facewatch.worker.output, facewatch.worker.prepare
        assert callable(facewatch.daemon.daemon.recover_interrupted)
        facewatch.daemon.daemon.recover_interrupted = lambda ledger, job: ledger.retry(job, "", "", 0)
        # Three more would know the copy again: its row and its tag before the work, and its bytes after it.
        assert callable(facewatch.worker.prepare.copy_exists)
        facewatch.worker.prepare.copy_exists = lambda _: False
        assert callable(facewatch.worker.prepare.adopt_existing_copy)
        facewatch.worker.prepare.adopt_existing_copy = lambda *_: None
        output = facewatch.worker.output
        publish = output.publish
        output.publish = lambda temporary, wanted, heard, _: publish(temporary, wanted, heard)
"""

OPEN_ORIGINALS_FOR_WRITING = """
    import io, os
    def opened(file, mode="r", *rest, plain=io.open, **more):
        name = os.fspath(file) if not isinstance(file, int) else ""
        mode = "r+b" if mode == "rb" and "/in/" in str(name) else mode
        return plain(file, mode, *rest, **more)
    io.open = opened
"""
