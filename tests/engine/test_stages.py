"""Photos on the line: what needs no network waits for none, and holds none up."""

from __future__ import annotations

import errno
import threading

import cv2
import pytest

from facewatch.engine.messages import RestoreFailure, RestoreRequest, RestoreResult
from facewatch.engine.stages import Helpers, StagedRestorer, as_facewatch_error, helpers_for
from facewatch.errors import BY_NAME, BadPhoto, NetworkFailed
from facewatch.restoration.options import OutputOptions, RestorationOptions


def job(number: int) -> RestoreRequest:
    return RestoreRequest(
        number, f"{number}.jpg", None, "out", 0.0, RestorationOptions(), OutputOptions(), 100
    )


class Stages:
    """A restorer that notes which thread did what, and fails where it is told."""

    def __init__(self, fails: dict[tuple[str, int], Exception] | None = None) -> None:
        self.fails = fails or {}
        self.seen: list[tuple[str, int, str]] = []
        self.may_blend = threading.Event()
        self.may_blend.set()

    def _stage(self, name: str, job: RestoreRequest) -> str:
        self.seen.append((name, job.number, threading.current_thread().name))
        if (name, job.number) in self.fails:
            raise self.fails[name, job.number]
        return name

    def read(self, job):
        return self._stage("read", job)

    def infer(self, job, photo, advance):
        advance(0, 1, "faces")
        return self._stage("infer", job)

    def blend(self, job, photo, drawn, advance):
        self.may_blend.wait(20)
        return self._stage("blend", job)

    def write(self, job, photo, restored, seconds):
        self._stage("write", job)
        return RestoreResult(job.number, None, None, ".jpg", [], seconds)


class Heard:
    """What the line says."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.ends: dict[int, object] = {}
        self.all = threading.Event()

    def __call__(self, message: object) -> None:
        if isinstance(message, RestoreResult | RestoreFailure):
            self.ends[message.number] = message
        if len(self.ends) == self.count:
            self.all.set()


def run(line: StagedRestorer, numbers) -> None:
    for begun in [line.begin(job(number)) for number in numbers]:
        line.finish(begun)


def test_only_the_networks_are_the_callers_work():
    stages, heard = Stages(), Heard(3)
    run(StagedRestorer(stages, heard, Helpers(1, 1)), range(3))
    assert heard.all.wait(20)
    here = threading.current_thread().name
    assert [number for name, number, thread in stages.seen if thread == here] == [0, 1, 2]
    assert {name for name, _, thread in stages.seen if thread == here} == {"infer"}
    assert {name for name, _, thread in stages.seen if thread.startswith("writer")} == {"blend", "write"}


def test_the_next_photo_is_drawn_while_the_last_one_is_composed():
    stages, heard = Stages(), Heard(2)
    stages.may_blend.clear()
    run(StagedRestorer(stages, heard, Helpers(1, 1)), range(2))
    assert [number for name, number, _ in stages.seen if name == "infer"] == [0, 1]
    assert not heard.ends
    stages.may_blend.set()
    assert heard.all.wait(20)
    assert all(isinstance(end, RestoreResult) for end in heard.ends.values())


@pytest.mark.parametrize(
    ("stage", "error", "name"),
    [
        ("read", BadPhoto("no photo"), "BadPhoto"),
        ("infer", NetworkFailed("no picture"), "NetworkFailed"),
        ("blend", ValueError("odd"), "Unexpected"),
        ("write", OSError("odd"), "Unexpected"),
    ],
)
def test_one_photo_that_fails_stops_no_other(stage, error, name):
    stages, heard = Stages({(stage, 1): error}), Heard(3)
    run(StagedRestorer(stages, heard, Helpers(1, 2)), range(3))
    assert heard.all.wait(20)
    assert isinstance(heard.ends[1], RestoreFailure)
    assert heard.ends[1].error == name
    assert isinstance(heard.ends[0], RestoreResult)
    assert isinstance(heard.ends[2], RestoreResult)


@pytest.mark.parametrize(
    ("device", "cores", "expected"),
    [
        ("cpu", 64, Helpers(1, 1)),
        ("cuda", 2, Helpers(1, 1)),
        ("cuda", 8, Helpers(2, 4)),
        ("cuda", 64, Helpers(4, 6)),
    ],
)
def test_a_gpu_has_more_helpers(device, cores, expected):
    assert helpers_for(device, cores) == expected
    assert expected.window == expected.readers + expected.writers + 1


def test_a_lack_of_memory_or_file_handles_has_its_name_whichever_library_met_it():
    memory = cv2.error("failed to allocate")
    memory.code = -4
    found = [
        as_facewatch_error(error)
        for error in (
            MemoryError(),
            memory,
            OSError(errno.ENOMEM, "no memory"),
            OSError(errno.EMFILE, "too many"),
            OSError(errno.EIO, "broken"),
        )
    ]
    assert [type(error).__name__ for error in found] == [
        "TooLittleMemory",
        "TooLittleMemory",
        "TooLittleMemory",
        "TooManyOpenFiles",
        "Unexpected",
    ]
    assert {type(error).__name__ for error in found} <= BY_NAME.keys()
