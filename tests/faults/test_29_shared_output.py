"""A shared output folder.

Everybody may write in the output folder. The daemon runs as one user without privileges; a program of another
one swaps the daemon's temporaries for links to the user's private file, pipes and endless devices, and puts
the same at the names of copies before they are made.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from facewatch.state.ledger import LedgerView
from facewatch.system.opened import sha256_of
from tests.faults.photos import landscape
from tests.faults.users import ATTACKER, VictimsDaemon, as_user

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(300)]

PHOTOS = 24
MOST_BYTES = 50_000_000  # in the output folder; a copy of /dev/zero would be endless
SECRET = b"nobody else may read this"

ATTACK = """
import os, random, sys, time
folder, secret, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
end, chance, count, due = time.monotonic() + 200, random.Random(29), 0, {}
while time.monotonic() < end:
    for name in os.listdir(folder):
        if not name.startswith(".facewatch-") or not name.endswith(".tmp"):
            continue
        if not due:  # the daemon has begun
            end = time.monotonic() + seconds
        # At once, while it is written, or later, between the steps that publish it, or never.
        delay = chance.choice((0.0, 0.1, 0.1, 1000.0))
        if time.monotonic() < due.setdefault(name, time.monotonic() + delay):
            continue
        due[name] = float("inf")
        place = os.path.join(folder, name)
        try:
            os.rename(place, os.path.join(folder, f"stolen {count}"))
            kind = chance.randrange(6)
            if kind == 0:
                os.mkfifo(place, 0o666)
            elif kind == 1:
                os.symlink("/dev/zero", place)
            elif kind == 2:
                open(place, "wb").close()
            else:
                os.symlink(secret, place)
            count += 1
        except OSError:
            pass
print(count)
"""

PERMISSIONS_BY_NAME = """
    import sys
    if "run" in sys.orig_argv:
        import os, time
        import facewatch.system.publish as publish
        def by_name(file, path, mode):
            time.sleep(0.2)
            os.chmod(path, mode)
        assert callable(publish.set_permissions)
        publish.set_permissions = by_name
"""


def run_under_attack(shared_home: Path, patch: str) -> tuple[VictimsDaemon, int]:
    """Restore photos while another user swaps files; return the daemon and the number of swaps."""
    daemon = VictimsDaemon(shared_home, patch, watching={"settle_seconds": 0.3})
    secret = shared_home / "secret.txt"
    secret.write_bytes(SECRET)
    for number in range(PHOTOS):
        photo = daemon.inbox / f"{number:02}.jpg"
        photo.write_bytes(landscape(number))
        daemon.dropped[photo] = sha256_of(photo)
        photo.chmod(0o644)
    daemon.give_all_to_victim()
    secret.chmod(0o600)
    lay_traps(daemon.output, secret)
    attack = subprocess.Popen(
        [*as_user(ATTACKER), sys.executable, "-c", ATTACK, daemon.output, secret, "8"],
        stdout=subprocess.PIPE,
    )
    try:
        daemon.start()
        swaps = int(attack.communicate(timeout=240)[0])
    finally:
        attack.kill()
    return daemon, swaps


def lay_traps(output: Path, secret: Path) -> None:
    """Take the names of some copies: by a pipe, a link to the secret, an endless device and a folder."""
    os.mkfifo(output / "03.jpg", 0o666)
    (output / "07.jpg").symlink_to(secret)
    (output / "11.jpg").symlink_to("/dev/zero")
    (output / "15.jpg").mkdir()
    for name in ("03.jpg", "07.jpg", "11.jpg", "15.jpg"):
        os.chown(output / name, ATTACKER, ATTACKER, follow_symlinks=False)


def damage(daemon: VictimsDaemon) -> list[str]:
    """Return what was changed, read or published that should not be."""
    found = []
    secret = daemon.places.config.parent / "secret.txt"
    if stat.S_IMODE(secret.stat().st_mode) != 0o600 or secret.read_bytes() != SECRET:
        found.append("the secret was changed")
    for photo, digest in daemon.dropped.items():
        if sha256_of(photo) != digest or stat.S_IMODE(photo.stat().st_mode) != 0o644:
            found.append(f"{photo.name} was changed")
    files = [path for path in daemon.output.rglob("*") if path.is_file() and not path.is_symlink()]
    if sum(path.stat().st_size for path in files) > MOST_BYTES:
        found.append("the disk was filled")
    for job in LedgerView(daemon.places.ledger).recent(10 * PHOTOS):
        assert job.output is not None
        if sha256_of(job.output, follow=False) != job.output_sha256:
            found.append(f"{job.output.name} is not what was written")
    return found


def all_finished(daemon: VictimsDaemon) -> bool:
    counts = daemon.counts()
    return counts["done"] + counts["no_faces"] == PHOTOS


def test_what_another_user_does_in_the_output_folder_changes_and_stops_nothing(shared_home, measured):
    daemon, swaps = run_under_attack(shared_home, "")
    try:
        daemon.wait_for(lambda: all_finished(daemon), "all photos, once the attack is over", 150)
        assert damage(daemon) == []
        assert swaps > 0
    finally:
        daemon.stop(9)
    measured(f"{swaps} temporaries swapped, 4 names taken: {PHOTOS} of {PHOTOS} photos done, nothing changed")


def test_this_check_finds_permissions_that_go_by_the_name(shared_home):
    daemon, _ = run_under_attack(shared_home, PERMISSIONS_BY_NAME)
    try:
        assert "the secret was changed" in damage(daemon)
    finally:
        daemon.stop(9)
