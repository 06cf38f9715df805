"""Power cut.

State and output lie on ext4 images on loop devices; in mid-flight the daemon is stopped, what had reached the
images is copied, and the daemon goes on from the mounted copies.
"""

from __future__ import annotations

import random
import time

import pytest

from tests.daemon_process import DaemonProcess
from tests.faults.kills import PNG_OUTPUT, SLOW_SECONDS, Album, Damage
from tests.faults.patches import NO_FOLDER_FSYNC, NO_FSYNC, NO_LEDGER_SYNC, PatchedDaemon
from tests.faults.power_cut import Loss, Machine, powered

EVERYDAY_CUTS, ALL_CUTS = 6, 50
BETWEEN_CUTS = 12  # photos

pytestmark = [pytest.mark.timeout(1800), pytest.mark.needs_root]


def losses(machine: Machine, cuts: int) -> tuple[Album, Loss]:
    """Cut the power so often: twice while copies come out, the third time when all is done, and so on."""
    daemon, album, chance, loss = machine.daemon, Album(machine.daemon), random.Random(15), Loss()
    for number in range(1, cuts + 1):
        album.drop(BETWEEN_CUTS)
        seen = len(daemon.outputs())
        daemon.start()
        if number % 3:
            daemon.wait_for(
                lambda seen=seen: len(daemon.outputs()) > seen, "copies to come out", SLOW_SECONDS
            )
            time.sleep(chance.uniform(0, 0.2))
        else:
            album.finish()
        loss += machine.cut()
        if loss != Loss():
            break
    return album, loss


def test_what_the_ledger_calls_done_is_there_and_whole_after_a_power_cut(tmp_path, soak, measured):
    cuts = ALL_CUTS if soak else EVERYDAY_CUTS
    daemon = DaemonProcess(tmp_path, output=PNG_OUTPUT)
    with powered(daemon, tmp_path) as machine:
        album, loss = losses(machine, cuts)
        album.drop(BETWEEN_CUTS)
        daemon.start()
        album.finish()
        assert daemon.stop() == 0
        damage = album.damage()
        set_aside = list(daemon.places.state.glob("*broken*"))
    measured(
        f"{cuts} cuts, {machine.checked} times a photo that was done: {len(loss.hollow)} without a valid "
        f"copy, {len(loss.forgotten)} forgotten; at the end {len(album)} photos: {damage}"
    )
    assert (loss, damage, set_aside) == (Loss(), Damage(), [])


@pytest.mark.parametrize(
    ("defect", "kind"),
    [(NO_FSYNC, "hollow"), (NO_FOLDER_FSYNC, "hollow"), (NO_LEDGER_SYNC, "forgotten")],
    ids=["no fsync", "no fsync of folders", "ledger not synced"],
)
def test_this_check_finds_a_planted_defect(tmp_path, defect, kind):
    with powered(PatchedDaemon(tmp_path, defect, output=PNG_OUTPUT), tmp_path) as machine:
        assert getattr(losses(machine, EVERYDAY_CUTS)[1], kind)
