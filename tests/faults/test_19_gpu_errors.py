"""GPU errors.

The network's N-th call fails, for each N: out of memory, a device error, or the death of the process; once,
and from then on.
"""

from __future__ import annotations

import signal

import numpy as np
import pytest
import torch

from facewatch.errors import DeviceFailed, NetworkFailed, OutOfMemory
from facewatch.restoration.networks.loader import TorchNetwork
from tests.faults.patches import PatchedDaemon
from tests.faults.photos import portrait
from tests.worker.worker_harness import House

FACES = 6
CALLS = 6  # of a network with six faces, one at a time
HONEST = (DeviceFailed, NetworkFailed, OutOfMemory)
ERRORS = {
    "out of memory": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "cpu memory": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"),
    "device": torch.AcceleratorError("CUDA error: an illegal memory access was encountered"),
    "launch": RuntimeError("CUDA error: unspecified launch failure"),
}


class Swallows(TorchNetwork):
    """The planted defect: a failure is hidden behind the faces as they were."""

    def restore(self, crops, weight):
        try:
            return super().restore(crops, weight)
        except HONEST:
            return list(crops)


def outcome(network, name, number, batch, *, for_ever):
    """Restore six faces while the `number`-th call, or each from there on, fails; the faces, or the error."""
    calls = 0

    def forward(x, _weight):
        nonlocal calls
        calls += 1
        if calls == number or (for_ever and calls > number):
            raise ERRORS[name]
        return -x

    crops = [np.full((512, 512, 3), 10 * face + 1, np.uint8) for face in range(FACES)]
    try:
        restored = network("trial", forward, "cpu", takes_weight=True, batch=batch).restore(crops, 0.0)
    except HONEST as error:
        return error
    return [int(crop[0, 0, 0]) for crop in restored]


def wrong(network):
    """The cases in which a failed call brings neither the right faces nor an error of ours."""
    right = [255 - (10 * face + 1) for face in range(FACES)]
    found, cases = [], 0
    for name in ERRORS:
        for batch in (1, 4):
            for number in range(1, CALLS + 1):
                for for_ever in (False, True):
                    result = outcome(network, name, number, batch, for_ever=for_ever)
                    cases += 1
                    if result != right and not isinstance(result, HONEST):
                        found.append((name, batch, number, for_ever))
    return found, cases


def test_every_failed_call_brings_the_right_faces_or_an_honest_error(measured):
    found, cases = wrong(TorchNetwork)
    measured(f"{cases} failing calls: {cases - len(found)} right or honest")
    assert found == []


def test_this_check_finds_a_swallowed_error():
    assert wrong(Swallows)[0]


@pytest.mark.parametrize("kind", ["device", "crash", "memory"])
def test_a_failure_at_each_call_poisons_no_photo(kind, tmp_path, measured):
    photos = 4
    for number in range(photos):
        home = tmp_path / str(number)
        home.mkdir()
        house = House(home)
        try:
            for name in range(photos):
                house.drop(f"once-{kind}-{number}-{name}.jpg", b"%d" % name)
            for _ in range(6):
                house.work()
                house.clock.now += 61
            counts = house.ledger.counts()
            assert (counts["done"], counts["poison"]) == (photos, 0), (number, counts)
            assert len(house.outputs()) == photos + 1  # with the engine's own note that it has failed
        finally:
            house.worker.stop()
            house.worker.run()
            house.ledger.close()
    measured(f"{kind} failing once at call 1-{photos} of {photos} photos: all done, none poisoned")


DEAD_DEVICE = """
    import os, sys
    if "engine" in sys.orig_argv:
        from facewatch.errors import DeviceFailed
        from facewatch.restoration.classical.restorer import Builtin
        def dead(self, crops, weight, restore=Builtin.restore):
            if os.path.exists(os.environ["FACEWATCH_HOME"] + "/dead"):
                raise DeviceFailed("the card fell off the bus")
            return restore(self, crops, weight)
        Builtin.restore = dead
"""


def test_photos_wait_unblamed_while_the_device_is_dead(tmp_path, measured):
    daemon = PatchedDaemon(tmp_path, DEAD_DEVICE)
    try:
        (tmp_path / "dead").touch()
        for number in range(5):
            (daemon.inbox / f"{number}.jpg").write_bytes(portrait(number))
        daemon.start()
        daemon.wait_for(lambda: daemon.console().count("fell off the bus") >= 4, "some failures")
        assert "fell off the bus" in daemon.command("status").stdout
        (tmp_path / "dead").unlink()
        daemon.wait_for(lambda: daemon.counts()["done"] == 5, "all photos, once it is well again", 150)
        assert daemon.counts()["poison"] == daemon.counts()["parked"] == 0
        assert daemon.stop() == 0
        measured("a dead device: 5 of 5 photos done once it was well again, none poisoned")
    finally:
        daemon.stop(signal.SIGKILL)
