"""Patches for the daemon and its engine: planted defects, which show that the checks find them."""

from __future__ import annotations

import textwrap
from pathlib import Path

from tests.daemon_process import DaemonProcess


class PatchedDaemon(DaemonProcess):
    """Runs `patch`, Python source, in the daemon and in its engine before facewatch is imported."""

    def __init__(self, home: Path, patch: str, **settings: object) -> None:
        super().__init__(home, **settings)
        self._folder = home / "patch"
        self._folder.mkdir()
        # Python imports a module of this name at every start.
        module = self._folder / "sitecustomize.py"
        module.write_text(f"{textwrap.dedent(patch)}\nopen({str(self._applied)!r}, 'w').close()\n", "utf-8")

    @property
    def environment(self) -> dict[str, str]:
        inherited = super().environment
        search_path = [str(self._folder), inherited.get("PYTHONPATH", "")]
        return {**inherited, "PYTHONPATH": ":".join(filter(None, search_path))}

    def start(self) -> None:
        super().start()
        self.wait_for(self._applied.exists, "the patch to be applied", 10)

    @property
    def _applied(self) -> Path:
        return self._folder / "applied"


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
    class Forgetful(sqlite3.Connection):  # as with a ledger larger than SQLite's cache
        def __init__(self, *where, **how):
            super().__init__(*where, **how)
            self.execute("PRAGMA cache_size = 0")
    sqlite3.connect = functools.partial(sqlite3.connect, factory=Forgetful)
"""

WRITE_IN_PLACE = """
    import os, time
    def link(source, target, dst_dir_fd=None, **_):
        with open(source, "rb") as file:
            data = file.read()
        inside = lambda name, flags: os.open(name, flags, dir_fd=dst_dir_fd)
        with open(target, "xb", 0, opener=inside) as file:
            file.write(data[: len(data) // 2])
            time.sleep(0.1)
            file.write(data[len(data) // 2 :])
    os.link = link
"""

PAUSE_FIRST_COPY = """
    import os, sys, time
    if "engine" in sys.orig_argv:  # pauses in the middle of its first copy until the test releases it
        home, exit_now, written = os.environ["FACEWATCH_HOME"], os._exit, []
        def pause():
            open(f"{{home}}/paused", "w").close()
            while not os.path.exists(f"{{home}}/resume"):
                time.sleep(0.01)
        def opened(path, flags, *mode, plain=os.open, **how):
            ours = ".facewatch-" in str(path)
            if ours and {before}:
                pause()
            file = plain(path, flags, *mode, **how)
            if ours and not {before}:
                pause()
            written.extend([path] * ours)
            return file
        def exit_after_write(code):
            while not written:
                time.sleep(0.01)
            exit_now(code)
        os.open, os._exit = opened, exit_after_write
"""

IGNORE_INTERRUPTED_COMMITS = """
    import os, sys, time
    def slow(source, target, link=os.link, **how):
        link(source, target, **how)
        time.sleep(0.1)  # as on a busy hard disk
    os.link = slow
    if "run" in sys.orig_argv:
        import facewatch.daemon.daemon, facewatch.worker.output, facewatch.worker.prepare
        assert callable(facewatch.daemon.daemon.recover_interrupted)
        facewatch.daemon.daemon.recover_interrupted = lambda ledger, job: ledger.retry(job, "", "", 0)
        # Three more checks would recognise the copy: its row and its tag before the work, its bytes after it.
        assert callable(facewatch.worker.prepare.copy_exists)
        facewatch.worker.prepare.copy_exists = lambda _: False
        assert callable(facewatch.worker.prepare.find_existing_copies)
        facewatch.worker.prepare.find_existing_copies = lambda *_, **__: {}
        output = facewatch.worker.output
        publish = output.publish
        output.publish = lambda temporary, wanted, heard, _, **more: publish(temporary, wanted, heard, **more)
"""

OPEN_ORIGINALS_FOR_WRITING = """
    import os
    def opened(path, flags, *rest, plain=os.open, **more):
        reads = not flags & (os.O_WRONLY | os.O_RDWR | os.O_DIRECTORY)
        flags = flags | os.O_RDWR if reads and "/in/" in str(path) else flags
        return plain(path, flags, *rest, **more)
    os.open = opened
"""
