"""Identity: a photo is its bytes, and a copy is its photo's name.

Three copies of one photo, one renamed after it was restored, names that differ only in how Unicode spells
them (NFC and NFD), and photos that want the same name for their copies are dropped.
"""

from __future__ import annotations

import sys
import unicodedata
from collections import defaultdict
from io import BytesIO

import pytest
from PIL import Image

from facewatch.state.ledger import Job, LedgerView
from facewatch.system.atomic import sha256_of
from tests.daemon_process import DaemonProcess
from tests.faults.photos import portrait

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="other systems take some of these names for one"),
]

COMPOSED = unicodedata.normalize("NFC", "Sömmer é.jpg")
DECOMPOSED = unicodedata.normalize("NFD", "Sömmer é.jpg")


def jobs(daemon: DaemonProcess) -> dict[str, Job]:
    found = LedgerView(daemon.places.ledger).recent(1000)
    return {str(job.path.relative_to(daemon.inbox)): job for job in found if job.state == "done"}


def done(daemon: DaemonProcess, count: int) -> None:
    daemon.wait_for(lambda: len(jobs(daemon)) == count, f"{count} photos to be done")


def png(number: int) -> bytes:
    """The bytes of a PNG with a face."""
    data = BytesIO()
    Image.open(BytesIO(portrait(number))).save(data, "PNG")
    return data.getvalue()


def test_one_run_of_the_engine_a_content_and_no_two_copies_of_one_name(daemon, measured):
    daemon.write_settings(output={"format": "jpeg", "suffix": "-x"}, watching={"settle_seconds": 0.3})
    same, other = portrait(1), portrait(2)
    (daemon.inbox / "1974").mkdir()
    dropped = {"a.jpg": same, "b.jpg": same, "1974/c.jpg": same}
    dropped |= {COMPOSED: other, DECOMPOSED: portrait(3), "e.jpg": portrait(4), "e.jpeg": portrait(5)}
    dropped |= {"f.jpg": portrait(6), "f.png": png(7), "F.jpg": portrait(8)}
    for name, data in dropped.items():
        (daemon.inbox / name).write_bytes(data)
    daemon.start()
    done(daemon, len(dropped))
    (daemon.inbox / "a.jpg").rename(daemon.inbox / "renamed.jpg")
    (daemon.inbox / DECOMPOSED).rename(daemon.inbox / "spelt anew.jpg")
    done(daemon, len(dropped) + 2)
    assert daemon.stop() == 0
    ended = jobs(daemon)

    outputs = {name: str(job.output.relative_to(daemon.output)) for name, job in ended.items()}
    assert sorted(daemon.outputs()) == sorted(outputs.values())
    assert len(set(outputs.values())) == len(outputs) == len(dropped) + 2
    for name in ("a.jpg", "1974/c.jpg", COMPOSED, DECOMPOSED, "renamed.jpg", "F.jpg"):
        assert outputs[name] == name.replace(".jpg", "-x.jpg")
    assert {outputs["e.jpg"], outputs["e.jpeg"]} == {"e-x.jpg", "e-x.jpeg"}
    assert {outputs["f.jpg"], outputs["f.png"]} == {"f-x.jpg", "f-x (2).jpg"}
    runs = defaultdict(list)
    for job in ended.values():
        assert sha256_of(job.output) == job.output_sha256
        if (
            job.report not in runs[job.sha256]
        ):  # with the time it took: a copy of a copy has its first's report
            runs[job.sha256].append(job.report)
    assert {len(reports) for reports in runs.values()} == {1}
    assert len(runs) == len(set(dropped.values()))
    assert LedgerView(daemon.places.ledger).failed() == []
    measured(
        f"{len(outputs)} photos of {len(runs)} contents: {len(runs)} runs of the engine, {len(outputs)} "
        "copies, each under its own name, byte for byte"
    )
