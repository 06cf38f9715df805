"""The folders that are ready for work, and the alerts about the others."""

from __future__ import annotations

import pytest

from facewatch.errors import BadCheckpoint, CheckpointMissing
from facewatch.settings.schema import parse
from facewatch.state.alerts import Alerts
from facewatch.state.ledger import Ledger
from facewatch.system.mounts import Disks, Mount
from facewatch.worker.readiness import Readiness
from tests.worker.worker_harness import Files


class DamagedFiles(Files):
    """Model files, some of which cannot be read."""

    def __init__(self):
        super().__init__()
        self.damaged = set()

    def state(self, name):
        if name in self.damaged:
            raise BadCheckpoint(f"{name}: changes while it is read; try again later")
        return super().state(name)


class ReadinessHarness:
    """A Readiness with everything that it checks."""

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

    def alerts(self) -> list[str]:
        return sorted(self.ledger.fact("troubles") or {})


@pytest.fixture
def harness(tmp_path):
    harness = ReadinessHarness(tmp_path)
    yield harness
    harness.ledger.close()


def test_the_alert_about_a_model_ends_when_its_file_can_be_read(harness):
    harness.files.damaged.add("codeformer")
    assert not harness.ready(model="codeformer")
    assert harness.alerts() == ["model codeformer"]
    harness.files.damaged.clear()
    assert harness.ready(model="codeformer")
    assert harness.alerts() == []


def test_the_alert_about_a_model_ends_when_another_is_chosen(harness):
    harness.files.damaged.add("codeformer")
    harness.ready(model="codeformer")
    assert harness.ready(model="gfpgan-1.4")
    assert harness.alerts() == []


def test_the_alert_about_a_folder_ends_when_it_leaves_the_settings(harness):
    (harness.home / "out").write_bytes(b"in the way")
    assert not harness.ready()
    assert harness.alerts() == [f"folder {harness.home / 'out'}"]
    assert not harness.ready(folders=[])
    assert harness.alerts() == []


def test_the_alert_about_the_model_of_a_redo_stays_until_it_can_be_read(harness):
    ready = harness.readiness.folders(harness.settings())[harness.home / "in"]
    harness.files.damaged.add("codeformer")
    for _ in range(2):
        with pytest.raises(Exception, match="codeformer is not downloaded"):
            harness.readiness.redo(ready, {"model": "codeformer"}, harness.settings())
        assert harness.ready()
        assert harness.alerts() == ["model codeformer"]
    harness.files.damaged.clear()
    harness.readiness.redo(ready, {"model": "codeformer"}, harness.settings())
    assert harness.alerts() == []


@pytest.mark.parametrize("place", ["in", "out"])
def test_a_folder_whose_share_does_not_answer_waits(harness, place):
    harness.silent.add(harness.home / place)
    assert not harness.ready()
    assert harness.alerts() == ([f"disk of {harness.home / 'out'}"] if place == "out" else [])
    harness.silent.clear()
    assert harness.ready()
    assert harness.alerts() == []


class Wants(ReadinessHarness):
    """A harness that records the requested models."""

    def __init__(self, home):
        super().__init__(home)
        self.wanted = []
        disks = Disks(mounted=lambda: [Mount("/", "ext4")], planned=set, ask=self._ask)
        self.readiness = Readiness(
            lambda: self.files, Alerts(self.ledger), self.wanted.append, lambda _: "cpu", disks=disks
        )


@pytest.fixture
def wants(tmp_path):
    harness = Wants(tmp_path)
    yield harness
    harness.ledger.close()


@pytest.mark.parametrize(("identity", "waits"), [("protect", True), ("warn", False)])
def test_photos_wait_for_the_network_that_tells_people_apart_where_it_protects(wants, identity, waits):
    chosen = {"model": "gfpgan-1.4", "restoration": {"identity": identity}}
    wants.files.missing = {"sface", "gfpgan-1.4"}
    assert not wants.ready(**chosen)
    assert sorted(wants.wanted) == ["gfpgan-1.4", "sface"]
    wants.files.missing, wants.wanted[:] = {"sface"}, []
    assert wants.ready(**chosen) != waits
    assert wants.wanted == ["sface"]


def test_photos_wait_while_the_file_of_that_network_is_damaged(wants):
    wants.files.damaged = {"sface"}
    assert not wants.ready(model="gfpgan-1.4")
    assert wants.alerts() == ["model sface"]
    wants.files.damaged.clear()
    assert wants.ready(model="gfpgan-1.4")
    assert wants.alerts() == []


def test_a_face_that_gets_a_network_waits_for_it_in_a_folder_of_builtin_too(wants):
    ready = wants.readiness.folders(wants.settings(model="builtin"))[wants.home / "in"]
    wants.files.missing = {"sface"}
    faces = [{"box": [0, 0, 9, 9], "weight": 0.0, "model": "gfpgan-1.4"}]
    with pytest.raises(CheckpointMissing, match="sface is not downloaded"):
        wants.readiness.redo(ready, {"faces": faces}, wants.settings(model="builtin"))


@pytest.mark.parametrize(
    "raw", [{"model": "builtin"}, {"model": "gfpgan-1.4", "restoration": {"identity": "off"}}]
)
def test_the_network_that_tells_people_apart_is_not_fetched_for_builtin_or_if_it_is_off(wants, raw):
    wants.files.missing = {"sface"}
    assert wants.ready(**raw)
    assert wants.wanted == []


def test_a_setup_has_the_network_that_tells_people_apart_once_it_is_here(wants):
    def recipe(**raw):
        settings = wants.settings(model="builtin", **raw)
        return wants.readiness.folders(settings)[wants.home / "in"].recipe

    with_it, key = recipe().setup(wants.files), recipe().key(wants.files)
    assert (with_it.identity, list(with_it.files)) == ("sface", ["sface"])
    assert recipe(restoration={"identity": "off"}).setup(wants.files).identity is None
    wants.files.missing = {"sface"}
    assert recipe().setup(wants.files).identity is None
    assert recipe().key(wants.files) != key
    wants.files.missing, wants.files.damaged = set(), {"sface"}
    assert recipe().setup(wants.files).identity is None
    assert wants.alerts() == ["model sface"]
