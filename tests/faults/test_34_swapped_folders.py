"""A shared output folder's own folders, swapped for links.

Everybody may write in the output folder. A program of another user keeps exchanging a folder in it for a link
to the inbox or to a private folder of the daemon's user, while photos with before/after pictures and sidecars
are restored, and while their copies are rejected, replaced by a redo and brought back from the trash.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from facewatch.state.ledger import LedgerView
from facewatch.system.opened import sha256_of
from tests.faults.photos import landscape, portrait
from tests.faults.users import ATTACKER, VictimsDaemon, as_user

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(400)]

PHOTOS = 12
ROUNDS = 3
ATTACK = """
import ctypes, os, random, signal, sys, time
folder, *targets = sys.argv[1:]
rename, chance, count, going = ctypes.CDLL(None).renameat2, random.Random(34), 0, []
signal.signal(signal.SIGTERM, lambda *_: going.append(False))
real = os.path.join(folder, "sub").encode()
traps = [os.path.join(folder, f".trap {number}").encode() for number in range(len(targets))]
for target, trap in zip(targets, traps):
    if not os.path.islink(trap):
        os.symlink(target, trap)
while not going:
    trap = chance.choice(traps)
    for _ in range(2):  # there, and back
        count += rename(-100, real, -100, trap, 2) == 0
        time.sleep(chance.choice((0.0, 0.0002, 0.002, 0.02)))
print(count)
"""

RETRY_SOON = """
    import sys
    if "run" in sys.orig_argv:
        import facewatch.worker.retry_policy as policy
        assert len(policy.UNFINISHED_SECONDS) == 4
        policy.UNFINISHED_SECONDS = (0.5,) * 1000
"""

TRASH_BY_NAME = """
    import sys
    if "run" in sys.orig_argv:
        import os, time
        import facewatch.worker.earlier_copy as earlier
        from facewatch.system.opened import sha256_of
        assert callable(earlier.move_to_trash)
        def by_name(file, sha256, output):
            try:
                if sha256_of(file, follow=False) != sha256:
                    return False
                time.sleep(0.01)
                os.rename(file, f"{os.environ['HOME']}/patch/thrown away {time.time_ns()}")
            except OSError:
                return False
            return True
        earlier.move_to_trash = by_name
"""

WRITE_BY_NAME = """
    import sys
    if "run" in sys.orig_argv or "engine" in sys.orig_argv:
        import contextlib, os
        import facewatch.system.atomic as atomic, facewatch.worker.output as output
        assert callable(atomic.open_folder) and callable(output.stay_inside)
        atomic.open_folder = lambda output, folder: contextlib.nullcontext(None)
        output.stay_inside = lambda *_: None
"""

ASK = """
import sys
from pathlib import Path
from facewatch.state.requests import Request, put
from facewatch.system.paths import Places
act, *photos = sys.argv[1:]
for photo in map(Path, photos):
    put(Places.standard(), {
        "reject": lambda: Request("mark", photo, marks=("rejected",)),
        "undo": lambda: Request("undo", photo),
        "redo": lambda: Request("redo", photo, weight=0.5, replace=True),
    }[act]())
"""


@contextmanager
def attacked(daemon: VictimsDaemon, swaps: list[int]) -> Iterator[None]:
    """Have the folder swapped meanwhile; afterwards it is the real one again."""
    targets = [daemon.inbox / "sub", private(daemon)]
    attack = subprocess.Popen(
        [*as_user(ATTACKER), sys.executable, "-c", ATTACK, daemon.output, *targets], stdout=subprocess.PIPE
    )
    try:
        yield
    finally:
        attack.send_signal(signal.SIGTERM)
        swaps.append(int(attack.communicate(timeout=30)[0]))
    assert not (daemon.output / "sub").is_symlink()


def private(daemon: VictimsDaemon) -> Path:
    return daemon.places.config.parent / "private"


def start(home: Path, patch: str) -> VictimsDaemon:
    """Return a daemon, not started, with photos in a folder that its output will have too."""
    daemon = VictimsDaemon(
        home,
        RETRY_SOON + patch,
        watching={"settle_seconds": 0.3},
        restoration={"compare": "side-by-side"},
    )
    for folder in (daemon.inbox / "sub", daemon.output / "sub", private(daemon)):
        folder.mkdir(parents=True)
    for number in range(PHOTOS):
        photo = daemon.inbox / f"sub/{number:02}.jpg"
        photo.write_bytes(portrait(number) if number % 3 == 0 else landscape(number))
        photo.with_suffix(".xmp").write_text(f"sidecar {number}", "utf-8")
    (private(daemon) / "diary.txt").write_text("private", "utf-8")
    for folder in (daemon.inbox, private(daemon)):
        daemon.dropped |= {file: sha256_of(file) for file in folder.rglob("*") if file.is_file()}
    daemon.give_all_to_victim()
    private(daemon).chmod(0o700)
    return daemon


def ask(daemon: VictimsDaemon, act: str) -> None:
    """Leave a request for each photo, as the gallery and the commands do, and wait until all were taken."""
    photos = sorted((daemon.inbox / "sub").glob("*.jpg"))
    subprocess.run(
        [*as_user(daemon.victim), sys.executable, "-c", ASK, act, *photos], env=daemon.environment, check=True
    )
    daemon.wait_for(lambda: not list(daemon.places.requests.glob("*.json")), f"requests to {act}")


def finished(daemon: VictimsDaemon) -> bool:
    counts = daemon.counts()
    return counts["done"] + counts["no_faces"] == PHOTOS


def restore_and_decide(daemon: VictimsDaemon) -> int:
    """Restore and decide under the attack, each to its end after it; return the number of swaps.

    Ends at the first damage.
    """
    swaps: list[int] = []
    with attacked(daemon, swaps):
        daemon.start()
        daemon.wait_for(lambda: sum(daemon.counts().values()) == PHOTOS, "the photos to be queued")
        daemon.wait_for(lambda: settled(daemon) or "links" in daemon.console(), "the attack to be met")
    daemon.wait_for(lambda: settled(daemon), "all photos, once the attack is over", 120)
    for act in ("reject", "undo", "redo", "undo") * ROUNDS:
        if damage(daemon):
            break
        with attacked(daemon, swaps):
            ask(daemon, act)
        daemon.wait_for(lambda: settled(daemon), "all photos, once the attack is over", 120)
    return sum(swaps)


def settled(daemon: VictimsDaemon) -> bool:
    return finished(daemon) or damage(daemon) != []


def damage(daemon: VictimsDaemon) -> list[str]:
    """Return what became of the user's own files, and what is in their folders that is not theirs."""
    found = [
        f"{file.name} is gone or changed"
        for file, digest in daemon.dropped.items()
        if not file.is_file() or file.is_symlink() or sha256_of(file) != digest
    ]
    present = {file for folder in (daemon.inbox, private(daemon)) for file in folder.rglob("*")}
    return found + [f"{file} is new" for file in present - daemon.dropped.keys() if not file.is_dir()]


def test_a_folder_that_is_swapped_for_a_link_leads_no_file_elsewhere(shared_home, measured):
    daemon = start(shared_home, "")
    try:
        swaps = restore_and_decide(daemon)
        assert damage(daemon) == []
        ask(daemon, "redo")
        daemon.wait_for(lambda: finished(daemon), "a redo of all")
        for job in LedgerView(daemon.places.ledger).recent(10 * PHOTOS):
            assert sha256_of(job.output, follow=False) == job.output_sha256
        assert swaps > 0
    finally:
        daemon.stop(9)
    measured(
        f"swapped {swaps} times during {PHOTOS} restorations and {4 * ROUNDS * PHOTOS} decisions: originals, "
        "sidecars and private files as they were, nothing written beside them"
    )


@pytest.mark.parametrize("defect", [TRASH_BY_NAME, WRITE_BY_NAME], ids=["trash", "write"])
def test_this_check_finds_files_that_go_by_their_path(shared_home, defect):
    daemon = start(shared_home, defect)
    try:
        restore_and_decide(daemon)
    finally:
        daemon.stop(9)
    assert damage(daemon) != []
