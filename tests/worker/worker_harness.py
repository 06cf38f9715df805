"""A worker with everything that it needs."""

from __future__ import annotations

import sys
from pathlib import Path

from facewatch.engine.process import EngineProcess
from facewatch.settings.schema import parse
from facewatch.state.alerts import Alerts
from facewatch.state.ledger import Ledger
from facewatch.worker import Worker
from facewatch.worker.inbox import Inbox
from facewatch.worker.readiness import Readiness
from tests.clock import Clock

FAKE = [sys.executable, str(Path(__file__).parent.parent / "engine" / "fake_engine.py")]


class Files:
    """Model files, some of which may be missing."""

    def __init__(self):
        self.missing = set()

    def state(self, name):
        return "missing" if name in self.missing else "present"

    def find(self, name):
        return Path("/models") / name

    def is_own(self, name):
        return False

    def digest(self, name):
        return f"digest of {name}"


class WorkerHarness:
    """A worker with everything that it needs, without threads of its own."""

    def __init__(self, home, **output):
        self.inbox_folder, self.output = home / "in", home / "out"
        self.inbox_folder.mkdir()
        self.clock = Clock()
        folder = {"input": str(self.inbox_folder), "output": str(self.output)}
        self.raw = {"model": "builtin", "folders": [folder], "output": output}
        self.files = Files()
        self.wanted = []
        self.excluded = set()
        self.engines = []
        self.orders = []
        self.window = 1
        self.previews = home / "previews"
        self.ledger = Ledger.open(home / "ledger.sqlite3", now=self.clock)
        self.worker = self.new_worker()

    def new_worker(self):
        self.inbox = Inbox(0, clock=self.clock)
        alerts = Alerts(self.ledger, now=self.clock)
        probe = lambda _: "cpu"  # noqa: E731
        return Worker(
            inbox=self.inbox,
            ledger=self.ledger,
            alerts=alerts,
            settings=lambda: parse(self.raw, "test"),
            model_files=lambda: self.files,
            readiness=Readiness(lambda: self.files, alerts, self.wanted.append, probe, clock=self.clock),
            root_of=lambda path: None if path in self.excluded else self.inbox_folder,
            make_engine=self.make_engine,
            previews=self.previews,
            clock=self.clock,
        )

    def make_engine(self, setup, timeout_seconds):
        command = [*FAKE, str(self.window)]
        engine = EngineProcess(setup, timeout_seconds=timeout_seconds, command=command)
        submit = engine.submit

        def record(job):
            self.orders.append(job)
            submit(job)

        engine.submit = record
        self.engines.append(engine)
        return engine

    def sent_settled(self):
        """Return whether the last request said that its file is settled."""
        return self.orders[-1].settled

    def drop(self, name, data=b"photo"):
        path = self.inbox_folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.inbox.put(self.inbox_folder, path)
        return path

    def work(self, turns=50):
        for _ in range(turns):
            if not self.worker.turn() and not len(self.inbox):
                return
        raise AssertionError("the worker never became idle")

    def state(self, name):
        return self.ledger.photo(self.inbox_folder / name).state

    def outputs(self):
        return sorted(str(path.relative_to(self.output)) for path in self.output.rglob("*") if path.is_file())
