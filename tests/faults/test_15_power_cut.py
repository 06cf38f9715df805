"""Power cut.

State and output are on ext4 images on loop devices; during its work the daemon is stopped, the images are
copied as they are, and the daemon is started on the mounted copies.
"""

from __future__ import annotations

import random
import time

import pytest

from tests.daemon_process import DaemonProcess
from tests.faults.kills import PNG_OUTPUT, SLOW_SECONDS, Album, Damage
from tests.faults.patches import NO_FOLDER_FSYNC, NO_FSYNC, NO_LEDGER_SYNC, PatchedDaemon
from tests.faults.power_cut import LedgerLoss, PoweredDaemon, on_separate_disks

DEFAULT_CUTS, ALL_CUTS = 6, 50
BETWEEN_CUTS = 12  # photos

pytestmark = [pytest.mark.timeout(1800), pytest.mark.needs_root]


def cut_repeatedly(powered: PoweredDaemon, cuts: int) -> tuple[Album, LedgerLoss]:
    """Cut the power `cuts` times, every third time when all photos are done, else while copies come out."""
    daemon, album = powered.daemon, Album(powered.daemon)
    rng, loss = random.Random(15), LedgerLoss()
    for number in range(1, cuts + 1):
        album.drop(BETWEEN_CUTS)
        seen = len(daemon.outputs())
        daemon.start()
        if number % 3:
            daemon.wait_for(
                lambda seen=seen: len(daemon.outputs()) > seen, "copies to come out", SLOW_SECONDS
            )
            time.sleep(rng.uniform(0, 0.2))
        else:
            album.finish()
        loss += powered.cut_power()
        if loss != LedgerLoss():
            break
    return album, loss


def test_photos_that_the_ledger_calls_done_have_complete_copies_after_a_power_cut(tmp_path, soak, measured):
    cuts = ALL_CUTS if soak else DEFAULT_CUTS
    daemon = DaemonProcess(tmp_path, output=PNG_OUTPUT)
    with on_separate_disks(daemon, tmp_path) as powered:
        album, loss = cut_repeatedly(powered, cuts)
        album.drop(BETWEEN_CUTS)
        daemon.start()
        album.finish()
        assert daemon.stop() == 0
        damage = album.damage()
        set_aside = list(daemon.places.state.glob("*broken*"))
    measured(
        f"{cuts} cuts, {powered.checked} checks of finished photos: {len(loss.without_copy)} without a valid "
        f"copy, {len(loss.forgotten)} forgotten; at the end {len(album)} photos: {damage}"
    )
    assert (loss, damage, set_aside) == (LedgerLoss(), Damage(), [])


@pytest.mark.parametrize(
    ("defect", "kind"),
    [(NO_FSYNC, "without_copy"), (NO_FOLDER_FSYNC, "without_copy"), (NO_LEDGER_SYNC, "forgotten")],
    ids=["no fsync", "no fsync of folders", "ledger not synced"],
)
def test_this_check_finds_a_planted_defect(tmp_path, defect, kind):
    with on_separate_disks(PatchedDaemon(tmp_path, defect, output=PNG_OUTPUT), tmp_path) as powered:
        assert getattr(cut_repeatedly(powered, DEFAULT_CUTS)[1], kind)
