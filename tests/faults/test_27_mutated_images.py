"""Mutated images.

2,000 photos in all formats, made from small valid ones with EXIF, XMP and ICC by flipped bits, cuts and
splices, are given to the real engine.
"""

from __future__ import annotations

import hashlib
import random
import time
from pathlib import Path

import pytest

from facewatch.engine.messages import RestoreFailure, RestoreRequest, RestoreResult
from facewatch.engine.process import EngineProcess
from facewatch.restoration.options import OutputOptions, RestorationOptions, Setup
from tests.faults.mutations import mutated
from tests.restoration.codecs import samples

IMAGES, ALL_IMAGES = 2000, 20_000
HANG_SECONDS = 30.0
SETUP = Setup("builtin", "yunet", "yunet", None, None, "cpu", None, 0.9)
EXPECTED = {"BadPhoto", "NotSupported", "TruncatedPhoto", "PhotoTooLarge", "OwnOutput"}

pytestmark = pytest.mark.timeout(3600)


def restore_request(number: int, source: Path, folder: Path) -> RestoreRequest:
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    options = RestorationOptions(), OutputOptions(format="png")
    return RestoreRequest(number, str(source), digest, str(folder), 0.0, *options, 20.0)


def test_each_is_restored_or_refused_with_a_reason(tmp_path, soak, measured):
    originals = [(f".{name}", samples.described(name)) for name in samples.NAMES]
    rng = random.Random(27)
    images, outputs = tmp_path / "in", tmp_path / "out"
    images.mkdir()
    outputs.mkdir()
    engine = EngineProcess(SETUP, timeout_seconds=HANG_SECONDS)
    engine.start()
    restored, refused, slowest = 0, {}, 0.0
    try:
        for number in range(ALL_IMAGES if soak else IMAGES):
            suffix, data = originals[number % len(originals)]
            photo = images / f"{number}{suffix}"
            photo.write_bytes(mutated(data, [other for _, other in originals], rng))
            began = time.monotonic()
            engine.submit(restore_request(number, photo, outputs))
            while not isinstance(outcome := engine.receive(HANG_SECONDS), RestoreResult | RestoreFailure):
                pass
            slowest = max(slowest, time.monotonic() - began)
            if isinstance(outcome, RestoreResult):
                restored += 1
                if outcome.temporary:
                    Path(outcome.temporary).unlink()
            else:
                assert outcome.error in EXPECTED, (photo.name, outcome)
                assert outcome.message
                refused[outcome.error] = refused.get(outcome.error, 0) + 1
            photo.unlink()
        assert engine.alive
    finally:
        engine.close()
    assert set(tmp_path.rglob("*")) == {images, outputs}
    refusals = ", ".join(f"{count} {name}" for name, count in sorted(refused.items()))
    measured(
        f"{restored} restored, refused: {refusals}; one engine for all, the slowest took {slowest:.1f} s"
    )
    assert restored
    assert refused
