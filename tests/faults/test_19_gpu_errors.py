"""GPU errors.

The network's N-th call fails, for each N, with out of memory, a device error, or the end of the process;
once, or from then on.
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
from tests.worker.worker_harness import WorkerHarness

FACES = 6
CALLS = 6  # of a network for six faces, one at a time
REPORTED_ERRORS = (DeviceFailed, NetworkFailed, OutOfMemory)
ERRORS = {
    "out of memory": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "cpu memory": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"),
    "device": torch.AcceleratorError("CUDA error: an illegal memory access was encountered"),
    "launch": RuntimeError("CUDA error: unspecified launch failure"),
}


class SwallowingNetwork(TorchNetwork):
    """A planted defect: on a failure it returns the faces unchanged."""

    def restore(self, crops, weight):
        try:
            return super().restore(crops, weight)
        except REPORTED_ERRORS:
            return list(crops)


def outcome(network, name, number, batch, *, permanent):
    """Restore six faces while one call fails; return the faces' values, or the error.

    number     of the call that fails, from 1
    permanent  all calls after it fail too
    """
    calls = 0

    def forward(x, _weight):
        nonlocal calls
        calls += 1
        if calls == number or (permanent and calls > number):
            raise ERRORS[name]
        return -x

    crops = [np.full((512, 512, 3), 10 * face + 1, np.uint8) for face in range(FACES)]
    try:
        restored = network("trial", forward, "cpu", takes_weight=True, batch=batch).restore(crops, 0.0)
    except REPORTED_ERRORS as error:
        return error
    return [int(crop[0, 0, 0]) for crop in restored]


def wrong_results(network):
    """Return the cases with neither correct faces nor a FacewatchError, and the number of all cases."""
    expected = [255 - (10 * face + 1) for face in range(FACES)]
    found, cases = [], 0
    for name in ERRORS:
        for batch in (1, 4):
            for number in range(1, CALLS + 1):
                for permanent in (False, True):
                    result = outcome(network, name, number, batch, permanent=permanent)
                    cases += 1
                    if result != expected and not isinstance(result, REPORTED_ERRORS):
                        found.append((name, batch, number, permanent))
    return found, cases


def test_every_failed_call_gives_correct_faces_or_an_error(measured):
    found, cases = wrong_results(TorchNetwork)
    measured(f"{cases} failing calls: {cases - len(found)} correct or reported as an error")
    assert found == []


def test_this_check_finds_a_swallowed_error():
    assert wrong_results(SwallowingNetwork)[0]


@pytest.mark.parametrize("kind", ["device", "crash", "memory"])
def test_a_failure_at_any_call_marks_no_photo_as_crashing(kind, tmp_path, measured):
    photos = 4
    for number in range(photos):
        home = tmp_path / str(number)
        home.mkdir()
        house = WorkerHarness(home)
        try:
            for name in range(photos):
                house.drop(f"once-{kind}-{number}-{name}.jpg", b"%d" % name)
            for _ in range(6):
                house.work()
                house.clock.now += 61
            counts = house.ledger.counts()
            assert (counts["done"], counts["poison"]) == (photos, 0), (number, counts)
            assert len(house.outputs()) == photos + 1  # and the file in which the engine notes its failure
        finally:
            house.worker.stop()
            house.worker.run()
            house.ledger.close()
    measured(f"{kind} failing once at call 1-{photos} of {photos} photos: all done, none marked as crashing")


DEAD_DEVICE = """
    import os, sys
    if "engine" in sys.orig_argv:
        from facewatch.errors import DeviceFailed
        from facewatch.restoration.networks.loader import TorchNetwork
        def fail(self, crops, weight, restore=TorchNetwork.restore):
            if os.path.exists(os.environ["FACEWATCH_HOME"] + "/dead"):
                raise DeviceFailed("the card is lost")
            return restore(self, crops, weight)
        TorchNetwork.restore = fail
"""


def test_photos_wait_without_blame_while_the_device_fails(tmp_path, measured):
    daemon = PatchedDaemon(tmp_path, DEAD_DEVICE)
    try:
        (tmp_path / "dead").touch()
        for number in range(5):
            (daemon.inbox / f"{number}.jpg").write_bytes(portrait(number))
        daemon.start()
        daemon.wait_for(lambda: daemon.console().count("card is lost") >= 4, "some failures")
        assert "card is lost" in daemon.command("status").stdout
        (tmp_path / "dead").unlink()
        daemon.wait_for(lambda: daemon.counts()["done"] == 5, "all photos, after the device recovered", 150)
        assert daemon.counts()["poison"] == daemon.counts()["parked"] == 0
        assert daemon.stop() == 0
        measured("a failing device: 5 of 5 photos done after it recovered, none marked as crashing")
    finally:
        daemon.stop(signal.SIGKILL)
