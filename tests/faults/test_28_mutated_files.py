"""Mutated configs and requests, and a ledger damaged in use.

300 configs and 300 request files, damaged by flipped bits, cuts and splices, are read as the daemon and the
commands read them. A running daemon's ledger is overwritten after its first page. (300 ledgers damaged before
a start: tests/state/ledger/test_mutated.py.)
"""

from __future__ import annotations

import json
import random
import signal
from importlib import resources

from facewatch.errors import BadSettings
from facewatch.settings.schema import Settings
from facewatch.settings.store import Store
from facewatch.system.paths import Places
from tests.faults.mutations import mutated
from tests.faults.patches import NO_LEDGER_CACHE, PatchedDaemon
from tests.faults.photos import portrait
from tests.pending_requests import take

COUNT = 300


def test_a_damaged_config_gives_a_clear_error_or_valid_settings(tmp_path, measured):
    example = resources.files("facewatch.settings").joinpath("config.example.toml").read_bytes()
    donors = [
        b'model = "codeformer"\npaused = 3\n',
        b"[[folders]]\ninput = 7\n",
        bytes(range(256)),
        b"\xff\xfe[engine]",
    ]
    rng, places = random.Random(28), Places.under(tmp_path)
    errors = []
    for _ in range(COUNT):
        places.config.write_bytes(mutated(example, donors, rng))
        try:
            settings = Store(places.config).load()
        except BadSettings as error:
            errors.append(str(error))
        else:
            assert isinstance(settings, Settings)
    assert all(str(places.config) in text for text in errors)
    measured(f"{COUNT} configs: {len(errors)} clear errors, {COUNT - len(errors)} valid settings")
    assert errors


def test_a_damaged_request_is_refused_and_set_aside(tmp_path, measured):
    places = Places.under(tmp_path)
    photo = tmp_path / "a.jpg"
    requests = [
        {"kind": "redo", "path": str(photo), "model": "codeformer", "weight": 0.5},
        {"kind": "retry_failed"},
        {"kind": "quit", "pid": 1},
    ]
    originals = [json.dumps(fields).encode() for fields in requests]
    rng, taken = random.Random(29), 0
    places.requests.mkdir(parents=True)
    for number in range(COUNT):
        data = mutated(rng.choice(originals), originals, rng)
        (places.requests / f"{number:04}.json").write_bytes(data)
    for request in take(places, pid=2):
        taken += 1
        assert request.kind in {"redo", "retry_failed"}
        assert request.weight is None or 0 <= request.weight <= 1
    aside = len(list(places.requests.glob("*.bad")))
    assert not list(places.requests.glob("*.json"))
    measured(f"{COUNT} requests: {aside} set aside, {taken} still valid, the others for another process")
    assert aside


def test_a_ledger_damaged_in_use_is_set_aside_and_rebuilt(tmp_path, measured):
    daemon = PatchedDaemon(tmp_path, NO_LEDGER_CACHE)
    try:
        daemon.start()
        (daemon.inbox / "before.jpg").write_bytes(portrait(1))
        daemon.wait_for(lambda: daemon.state("before.jpg") == "done", "the first photo")
        ledger = daemon.places.ledger
        for file in (ledger, ledger.with_name(f"{ledger.name}-wal")):
            with file.open("r+b") as pages:
                pages.seek(4096)
                pages.write(b"\xa5" * (file.stat().st_size - 4096))
        (daemon.inbox / "after.jpg").write_bytes(portrait(2))
        kept = "ledger.broken-*.sqlite3"
        daemon.wait_for(lambda: any(ledger.parent.glob(kept)), "the ledger to be set aside")
        for name in ("before.jpg", "after.jpg"):
            daemon.wait_for(lambda name=name: daemon.state(name) == "done", f"{name} in the new ledger")
        assert daemon.outputs() == ["after.jpg", "before.jpg"]
        assert "was kept as ledger.broken-" in daemon.command("status").stdout
        assert daemon.stop() == 0
    finally:
        daemon.stop(signal.SIGKILL)
    measured(
        "a ledger overwritten under the running daemon: set aside, rebuilt, no photo lost or restored twice"
    )
