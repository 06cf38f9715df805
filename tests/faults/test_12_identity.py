"""Identity: photos by their bytes, copies by their names.

Dropped are three copies of one photo, one of them renamed after its restoration, names that differ only in
their Unicode form (NFC and NFD), and photos whose copies would have the same name.
"""

from __future__ import annotations

import sys
import unicodedata
from collections import defaultdict
from io import BytesIO

import pytest
from PIL import Image

from facewatch.state.ledger import Job, LedgerView
from facewatch.system.opened import sha256_of
from tests.daemon_process import DaemonProcess
from tests.faults.photos import portrait

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="other systems treat some of these names as equal"),
]

COMPOSED = unicodedata.normalize("NFC", "Sömmer é.jpg")
DECOMPOSED = unicodedata.normalize("NFD", "Sömmer é.jpg")


def done_jobs(daemon: DaemonProcess) -> dict[str, Job]:
    found = LedgerView(daemon.places.ledger).recent(1000)
    return {str(job.path.relative_to(daemon.inbox)): job for job in found if job.state == "done"}


def wait_until_done(daemon: DaemonProcess, count: int) -> None:
    daemon.wait_for(lambda: len(done_jobs(daemon)) == count, f"{count} photos to be done")


def png(number: int) -> bytes:
    """Return the bytes of a PNG with a face."""
    data = BytesIO()
    Image.open(BytesIO(portrait(number))).save(data, "PNG")
    return data.getvalue()


def test_each_content_is_restored_once_and_each_copy_has_its_own_name(daemon, measured):
    daemon.write_settings(output={"format": "jpeg", "suffix": "-x"}, watching={"settle_seconds": 0.3})
    same, other = portrait(1), portrait(2)
    (daemon.inbox / "1974").mkdir()
    dropped = {"a.jpg": same, "b.jpg": same, "1974/c.jpg": same}
    dropped |= {COMPOSED: other, DECOMPOSED: portrait(3), "e.jpg": portrait(4), "e.jpeg": portrait(5)}
    dropped |= {"f.jpg": portrait(6), "f.png": png(7), "F.jpg": portrait(8)}
    for name, data in dropped.items():
        (daemon.inbox / name).write_bytes(data)
    daemon.start()
    wait_until_done(daemon, len(dropped))
    (daemon.inbox / "a.jpg").rename(daemon.inbox / "renamed.jpg")
    (daemon.inbox / DECOMPOSED).rename(daemon.inbox / "renamed too.jpg")
    wait_until_done(daemon, len(dropped) + 2)
    assert daemon.stop() == 0
    jobs = done_jobs(daemon)

    outputs = {name: str(job.output.relative_to(daemon.output)) for name, job in jobs.items()}
    assert sorted(daemon.outputs()) == sorted(outputs.values())
    assert len(set(outputs.values())) == len(outputs) == len(dropped) + 2
    for name in ("a.jpg", "1974/c.jpg", COMPOSED, DECOMPOSED, "renamed.jpg", "F.jpg"):
        assert outputs[name] == name.replace(".jpg", "-x.jpg")
    assert {outputs["e.jpg"], outputs["e.jpeg"]} == {"e-x.jpg", "e-x.jpeg"}
    assert {outputs["f.jpg"], outputs["f.png"]} == {"f-x.jpg", "f-x (2).jpg"}
    runs = defaultdict(list)
    for job in jobs.values():
        assert sha256_of(job.output) == job.output_sha256
        # The time in a report makes it unique; a copy of a copy has the first one's report.
        if job.report not in runs[job.sha256]:
            runs[job.sha256].append(job.report)
    assert {len(reports) for reports in runs.values()} == {1}
    assert len(runs) == len(set(dropped.values()))
    assert LedgerView(daemon.places.ledger).failed() == []
    measured(
        f"{len(outputs)} photos of {len(runs)} contents: {len(runs)} runs of the engine, {len(outputs)} "
        "copies with the recorded bytes, each under its own name"
    )
