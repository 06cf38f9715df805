"""Which folders can be worked on, and what is told of those that cannot."""

from __future__ import annotations

import pytest

from facewatch.errors import BadCheckpoint
from facewatch.settings.schema import parse
from facewatch.state.alerts import Alerts
from facewatch.state.ledger import Ledger
from facewatch.system.mounts import Disks, Mount
from facewatch.worker.readiness import Readiness
from tests.worker.worker_harness import Files


class DamagedFiles(Files):
    """Model files of which some cannot be read."""

    def __init__(self):
        super().__init__()
        self.damaged = set()

    def state(self, name):
        if name in self.damaged:
            raise BadCheckpoint(f"{name}: changes while it is read; try again later")
        return super().state(name)


class Bench:
    """A readiness, and all that it looks at."""

    def __init__(self, home):
        self.home = home
        (home / "in").mkdir()
        self.ledger = Ledger.open(home / "ledger.sqlite3")
        self.files = DamagedFiles()
        self.silent = set()
        disks = Disks(mounted=lambda: [Mount("/", "ext4")], planned=set, ask=self._ask)
        self.readiness = Readiness(
            lambda: self.files, Alerts(self.ledger), lambda _: None, lambda _: "cpu", disks=disks
        )

    def _ask(self, place, question, seconds=None):
        if place in self.silent:
            raise TimeoutError(110, "its disk or share does not answer")
        return question()

    def settings(self, **raw):
        folder = {"input": str(self.home / "in"), "output": str(self.home / "out")}
        return parse({"folders": [folder], **raw}, "test")

    def ready(self, **raw) -> bool:
        return bool(self.readiness.folders(self.settings(**raw)))

    def troubles(self) -> list[str]:
        return sorted(self.ledger.fact("troubles") or {})


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.ledger.close()


def test_the_trouble_with_a_model_is_over_when_its_file_is_right(bench):
    bench.files.damaged.add("codeformer")
    assert not bench.ready(model="codeformer")
    assert bench.troubles() == ["model codeformer"]
    bench.files.damaged.clear()
    assert bench.ready(model="codeformer")
    assert bench.troubles() == []


def test_the_trouble_with_a_model_is_over_when_another_is_chosen(bench):
    bench.files.damaged.add("codeformer")
    bench.ready(model="codeformer")
    assert bench.ready(model="gfpgan-1.4")
    assert bench.troubles() == []


def test_the_trouble_with_a_folder_is_over_when_it_is_taken_out_of_the_settings(bench):
    (bench.home / "out").write_bytes(b"in the way")
    assert not bench.ready()
    assert bench.troubles() == [f"folder {bench.home / 'out'}"]
    assert not bench.ready(folders=[])
    assert bench.troubles() == []


def test_the_trouble_with_the_model_of_a_redo_stands_until_it_is_there(bench):
    ready = bench.readiness.folders(bench.settings())[bench.home / "in"]
    bench.files.damaged.add("codeformer")
    for _ in range(2):
        with pytest.raises(Exception, match="codeformer is not here"):
            bench.readiness.redo(ready, {"model": "codeformer"}, bench.settings())
        assert bench.ready()
        assert bench.troubles() == ["model codeformer"]
    bench.files.damaged.clear()
    bench.readiness.redo(ready, {"model": "codeformer"}, bench.settings())
    assert bench.troubles() == []


@pytest.mark.parametrize("place", ["in", "out"])
def test_a_folder_whose_share_does_not_answer_waits(bench, place):
    bench.silent.add(bench.home / place)
    assert not bench.ready()
    assert bench.troubles() == ([f"disk of {bench.home / 'out'}"] if place == "out" else [])
    bench.silent.clear()
    assert bench.ready()
    assert bench.troubles() == []
