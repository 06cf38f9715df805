"""A gallery with photos in its ledger, as the daemon leaves them, without a daemon."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import tomlkit
from PIL import Image

from facewatch.gallery.access import Access, make_ticket
from facewatch.gallery.app import make_app
from facewatch.gallery.context import Gallery
from facewatch.gallery.index import PhotoIndex
from facewatch.gallery.pictures import Pictures
from facewatch.models.files import ModelFiles
from facewatch.settings.installation import open_store
from facewatch.state.ledger import Ledger, LedgerView
from facewatch.system.fingerprint import Fingerprint
from facewatch.system.opened import sha256_of
from facewatch.system.paths import Places
from tests.clock import Clock

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it prefers a library that facewatch does not use
    from starlette.testclient import TestClient

PORT = 8123
HOST = f"127.0.0.1:{PORT}"
ORIGIN = f"http://{HOST}"
FACE = {"box": [10.0, 10.0, 40.0, 50.0], "score": 0.98, "fate": "restored", "reason": "", "measures": {}}
KEPT = {**FACE, "box": [60.0, 10.0, 80.0, 40.0], "fate": "kept", "reason": "already sharp"}


def picture(size: tuple[int, int] = (96, 64), **save: object) -> bytes:
    """Return a small JPEG, or another picture."""
    data = io.BytesIO()
    Image.new("RGB", size, (90, 120, 160)).save(data, **{"format": "JPEG", **save})
    return data.getvalue()


def picture_of(data: bytes) -> bytes:
    """Return a restored picture: brighter than the original."""
    restored = io.BytesIO()
    Image.open(io.BytesIO(data)).point(lambda level: min(255, level + 60)).save(restored, "JPEG")
    return restored.getvalue()


class PaintsHere:
    """The painter, in this process."""

    def __init__(self) -> None:
        self.painted: list[tuple[Path, str]] = []

    def paint(self, source: Path, kind: str, target: Path) -> None:
        from facewatch.gallery.painter import paint

        self.painted.append((source, kind))
        paint(source, kind, target)

    def close(self) -> None:
        """Nothing runs."""


class LoginEntry:
    """Start at login, remembered here."""

    def __init__(self) -> None:
        self.now = "off"

    def state(self) -> str:
        return self.now

    def enable(self) -> None:
        self.now = "on"

    def disable(self) -> None:
        self.now = "off"


class House:
    """An installation below `home` and a client of its gallery."""

    def __init__(self, home: Path) -> None:
        self.places = Places.under(home / "home")
        self.inbox, self.output = home / "in", home / "out"
        for folder in (self.inbox, self.output, self.places.state):
            folder.mkdir(parents=True)
        folder = {"input": str(self.inbox), "output": str(self.output)}
        self.places.config.write_text(tomlkit.dumps({"model": "builtin", "folders": [folder]}), "utf-8")
        self.clock = Clock()
        self.clock.now = 1_700_000_000.0
        self.ledger = Ledger.open(self.places.ledger, now=self.clock)
        self.login, self.launched, self.painter = LoginEntry(), [], PaintsHere()
        store = open_store(self.places)
        view = LedgerView(self.places.ledger)
        self.gallery = Gallery(
            places=self.places,
            store=store,
            open_model_files=lambda _: ModelFiles(self.places.models),
            login=self.login,
            pictures=Pictures(self.places.state / "gallery" / "pictures", self.painter),
            index=PhotoIndex(view),
            view=view,
            launch=self.launched.append,
            sample=lambda: ("sample.jpg", picture()),
        )
        self.access = Access(now=lambda: 1000.0)
        self.app = make_app(self.gallery, self.access, PORT)
        self.client = self.stranger()
        self.enter(self.client)

    def stranger(self) -> TestClient:
        """Return a browser that has not been let in."""
        return TestClient(self.app, base_url=ORIGIN, headers={"host": HOST}, follow_redirects=False)

    def enter(self, client: TestClient) -> None:
        ticket = make_ticket(self.access.secret, 1000.0)
        assert client.get("/enter", params={"ticket": ticket}).status_code == 200

    def get(self, path: str, **named: object):
        return self.client.get(f"{self.access.prefix}/{path}", **named)

    def post(self, path: str, body: object = None, **named: object):
        headers = {"origin": ORIGIN, **named.pop("headers", {})}
        return self.client.post(f"{self.access.prefix}/{path}", json=body or {}, headers=headers, **named)

    def put(self, path: str, data: object, **named: object):
        headers = {"origin": ORIGIN, **named.pop("headers", {})}
        return self.client.put(f"{self.access.prefix}/{path}", content=data, headers=headers, **named)

    def queue(self, name: str, data: bytes | None = None) -> Path:
        """Put a photo into the inbox and the queue."""
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture() if data is None else data)
        self.clock.now += 1
        assert self.ledger.queue(path, self.inbox, Fingerprint.of(path.stat()))
        return path

    def restored(self, name: str, faces=(FACE,), data: bytes | None = None, **report: object) -> Path:
        """Restore a photo."""
        path = self.queue(name, data)
        job = self.ledger.start(self.ledger.photo(path))
        copy = self.output / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(picture_of(path.read_bytes()))
        self.ledger.record_hash(job, sha256_of(path, follow=True), "recipe")
        about = {"faces": list(faces), "model": "builtin", "weight": 0.0, "detector": "yunet", "seconds": 1.0}
        assert self.ledger.committing(job, copy, sha256_of(copy, follow=False), None, {**about, **report})
        assert self.ledger.done(job, {**about, **report})
        return path

    def failed(self, name: str, reason: str = "the file is damaged", error: str = "BadPhoto") -> Path:
        path = self.queue(name)
        job = self.ledger.start(self.ledger.photo(path))
        self.ledger.park(job, reason, error)
        return path

    def id_of(self, path: Path) -> int:
        return self.ledger.photo(path).id

    def requests(self) -> list[dict[str, object]]:
        """Return the requests left for the daemon, the oldest first."""
        import json

        files = sorted(self.places.requests.glob("*.json")) if self.places.requests.exists() else []
        return [json.loads(file.read_text("utf-8")) for file in files]


def noise(size: tuple[int, int], seed: int = 1) -> Image.Image:
    """Return a picture that compresses badly."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8))
