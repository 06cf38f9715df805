"""The log: rotation, and one line per record."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from facewatch.system.logs import FILE_COUNT, FORMAT, MAX_BYTES, OneLineFormatter, files_of
from tests.daemon_process import DaemonProcess
from tests.portrait import portrait_bytes

CHATTER = """
import logging, sys
from pathlib import Path
from facewatch.system import logs
logs.start(Path(sys.argv[1]))
for number in range(700):
    logging.getLogger("x").info("%d %s", number, "y" * 100_000)
"""


def test_the_log_rotates_at_ten_megabytes_and_keeps_five_files(tmp_path):
    file = tmp_path / "logs" / "a.log"
    subprocess.run(
        [sys.executable, "-c", CHATTER, str(file)], stderr=subprocess.DEVNULL, check=True, timeout=120
    )
    parts = files_of(file)
    assert sorted(parts) == sorted(file.parent.iterdir())
    assert len(parts) == FILE_COUNT == 5
    assert max(part.stat().st_size for part in parts) <= MAX_BYTES == 10_000_000
    assert " 699 yyy" in parts[0].read_text("utf-8")
    assert sum(part.stat().st_size for part in parts) > 4 * 9_800_000


@pytest.mark.skipif(sys.platform == "win32", reason="no permissions for others there")
def test_only_the_owner_reads_the_log(tmp_path):
    file = tmp_path / "logs" / "a.log"
    file.parent.mkdir()
    file.write_text("begun by an earlier version\n")
    file.chmod(0o644)
    script = "import os; os.umask(0)\n" + CHATTER
    subprocess.run(
        [sys.executable, "-c", script, str(file)], stderr=subprocess.DEVNULL, check=True, timeout=120
    )
    assert {part.stat().st_mode & 0o777 for part in files_of(file)} == {0o600}
    assert file.parent.stat().st_mode & 0o777 == 0o700


FULL = """
import errno, logging, sys
from pathlib import Path
from facewatch.system import logs
file = Path(sys.argv[1])
logs.start(file)
log = logging.getLogger("x")
rotating = next(one for one in logging.getLogger().handlers if isinstance(one, logs.PrivateHandler))
log.info("first")
plain = rotating.stream
class Full:
    def __getattr__(self, name):
        return getattr(plain, name)
    def write(self, text):
        raise OSError(errno.ENOSPC, "No space left on device")
rotating.stream = Full()
log.info("second")
log.info("third")
rotating.stream = plain
log.info("fourth")
log.info("fifth %d", "no number")
"""


def test_a_log_on_a_full_disk_costs_one_line_on_the_terminal(tmp_path):
    file = tmp_path / "logs" / "a.log"
    run = subprocess.run(
        [sys.executable, "-c", FULL, str(file)], capture_output=True, text=True, check=True, timeout=120
    )
    assert run.stderr.count(f"the log {file} cannot be written: No space left on device") == 1
    assert run.stderr.count("is written again") == 1
    for word in ("first", "second", "third", "fourth"):
        assert run.stderr.count(f"INFO x: {word}") == 1
    assert run.stderr.count("Traceback") <= 2  # of the fifth, which is a mistake, by each of the two
    assert [word in file.read_text("utf-8") for word in ("first", "second", "fourth")] == [True, False, True]


def test_a_name_with_line_ends_stays_on_one_line():
    record = {"name": "a", "levelname": "INFO", "msg": "%s: bad", "args": ("x\r\ny\u2028z",)}
    assert OneLineFormatter(FORMAT).format(logging.makeLogRecord(record)).endswith(r"a: x\r\ny\u2028z: bad")


def test_each_photo_has_one_line_and_each_failure_its_reason(tmp_path):
    daemon = DaemonProcess(tmp_path)
    portrait = portrait_bytes()
    bad = {"words.jpg": b"these are words, not a photo" * 40, "two\nlines.jpg": b"no photo" * 99}
    for name, data in {"good.jpg": portrait, **bad}.items():
        (daemon.inbox / name).write_bytes(data)
    assert daemon.command("run", "--no-tray", "--once").returncode == 1
    lines = Path(daemon.places.log).read_text("utf-8").splitlines()
    ends = {"good.jpg": "1 of 1 face restored", "words.jpg": "[failed]", r"two\nlines.jpg": "[failed]"}
    for name, end in ends.items():
        (line,) = [line for line in lines if name in line]
        assert line.endswith(end)
        assert end != "[failed]" or "not a JPEG" in line
