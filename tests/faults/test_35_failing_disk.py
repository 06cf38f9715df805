"""A failing disk.

A library that is loaded before the C library makes system calls of the daemon and its engine fail for a
while, on the files below one folder (copies, photos, ledger or log): with an input/output error, a used-up
quota or no space left.
"""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.patches import PatchedDaemon
from tests.faults.photos import is_complete, landscape, portrait
from tests.faults.requirements import require

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc"),
    pytest.mark.timeout(300),
]

PHOTOS = 6
LIBRARY = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* The error for a call on a descriptor, as the file FAILING says: "NUMBER FOLDER ,CALL,CALL,"; 0 for none. */
static int failing(const char *call, int descriptor) {
    static __thread int inside;
    char rule[4200] = "", folder[4000], calls[200], key[40], link[40], path[4096] = "";
    int kept = errno, number = 0;
    if (inside) return 0;
    inside = 1;
    int file = open(getenv("FAILING"), O_RDONLY);
    if (file >= 0) {
        int parts = read(file, rule, sizeof rule - 1) > 0
            ? sscanf(rule, "%d %3999s %199s", &number, folder, calls) : 0;
        if (parts == 3) {
            snprintf(key, sizeof key, ",%s,", call);
            snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
            if (!strstr(calls, key) || readlink(link, path, sizeof path - 1) < 0) number = 0;
            else if (strncmp(path, folder, strlen(folder))) number = 0;
        }
        close(file);
    }
    inside = 0;
    errno = kept;
    return number;
}

#define FAIL(result, call, kind, types, names) \
    result call types { \
        result (*plain) types = dlsym(RTLD_NEXT, #call); \
        int number = failing(kind, descriptor); \
        if (number) { errno = number; return -1; } \
        return plain names; \
    }
FAIL(ssize_t, read, "read", (int descriptor, void *data, size_t size), (descriptor, data, size))
FAIL(ssize_t, write, "write", (int descriptor, const void *data, size_t size), (descriptor, data, size))
FAIL(ssize_t, pwrite64, "write", (int descriptor, const void *data, size_t size, off64_t at),
     (descriptor, data, size, at))
FAIL(int, fsync, "fsync", (int descriptor), (descriptor))
FAIL(int, fdatasync, "fsync", (int descriptor), (descriptor))
FAIL(int, linkat, "linkat", (int from, const char *old, int descriptor, const char *new, int flags),
     (from, old, descriptor, new, flags))
int posix_fallocate64(int descriptor, off64_t at, off64_t size) {
    int (*plain)(int, off64_t, off64_t) = dlsym(RTLD_NEXT, "posix_fallocate64");
    int number = failing("write", descriptor);
    return number ? number : plain(descriptor, at, size);
}
"""

RETRY_SOON = """
    import sys
    if "run" in sys.orig_argv:
        import facewatch.worker.retry_policy as policy
        assert len(policy.UNFINISHED_SECONDS) == 4
        policy.UNFINISHED_SECONDS = (3.0,) * 1000
"""

SUMMARY_INSTEAD_OF_REASON = """
    if "status" in sys.orig_argv:
        import facewatch.state.status as status
        from facewatch.state.reports import report_summary
        assert callable(status.photo_text)
        status.photo_text = lambda photo: report_summary(photo["report"]) or photo["reason"]
"""


class DaemonOnFailingDisk(PatchedDaemon):
    @property
    def environment(self) -> dict[str, str]:
        home = self.places.config.parent
        return {**super().environment, "LD_PRELOAD": str(home / "failing.so"), "FAILING": str(self._rule)}

    @property
    def _rule(self) -> Path:
        return self.places.config.parent / "rule"

    def fail(self, number: int, folder: Path, *calls: str) -> None:
        new = self._rule.with_suffix(".new")
        new.write_text(f"{number} {folder} ,{','.join(calls)},\n", "utf-8")
        new.replace(self._rule)

    def heal(self) -> None:
        self._rule.unlink()

    def drop(self, first: int) -> None:
        """Drop photos, one in three with a face: the engine writes their copies."""
        for number in range(first, first + PHOTOS):
            data = portrait(number) if number % 3 == 0 else landscape(number)
            (self.inbox / f"{number:02}.jpg").write_bytes(data)

    def finished(self) -> int:
        counts = self.counts()
        return counts["done"] + counts["no_faces"]

    def whole_copies(self) -> int:
        return sum(is_complete(self.output / name) for name in self.outputs())


def start(home: Path, defect: str = "") -> DaemonOnFailingDisk:
    """Return a daemon that has restored the first photos; nothing fails yet."""
    require("cc")
    source = home / "failing.c"
    source.write_text(LIBRARY, "ascii")
    library = ["-shared", "-fPIC", "-O1", "-o", str(home / "failing.so"), str(source), "-ldl"]
    subprocess.run(["cc", *library], check=True)
    daemon = DaemonOnFailingDisk(home, RETRY_SOON + defect, watching={"settle_seconds": 0.3})
    daemon.drop(0)
    daemon.start()
    daemon.wait_for(lambda: daemon.finished() == PHOTOS, "the first photos")
    return daemon


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonOnFailingDisk]:
    process = start(tmp_path)
    yield process
    process.stop(9)


def wait_for_reasons(daemon: DaemonOnFailingDisk, reason: str) -> None:
    """Wait until `status` has shown the reason for each of the second photos, between two tries of it."""
    named: set[str] = set()

    def all_named() -> bool:
        for line in daemon.command("status").stdout.splitlines():
            if line.startswith("will retry: ") and reason in line:
                named.add(line.split(": ")[1])
        return len(named) == PHOTOS

    daemon.wait_for(all_named, "the reason for each photo", 60)


def assert_all_are_restored_afterwards(daemon: DaemonOnFailingDisk) -> None:
    daemon.heal()
    daemon.wait_for(lambda: daemon.finished() == 2 * PHOTOS, "all photos once the disk works again", 120)
    assert daemon.whole_copies() == len(daemon.outputs()) == 2 * PHOTOS
    assert not [name for name in daemon.outputs() if name.startswith(".")]


@pytest.mark.parametrize("call", ["write", "fsync", "linkat", "read"])
def test_an_error_of_the_disk_is_shown_for_each_photo_and_all_are_restored_later(daemon, call, measured):
    folder = daemon.inbox if call == "read" else daemon.output
    daemon.fail(errno.EIO, folder, call)
    daemon.drop(PHOTOS)
    wait_for_reasons(daemon, "Input/output error")
    assert daemon.whole_copies() == len(daemon.outputs()) == PHOTOS
    assert_all_are_restored_afterwards(daemon)
    measured(
        f"{call} fails: {PHOTOS} of {PHOTOS} photos named with the reason, restored once it worked again"
    )


def test_a_used_up_quota_is_named_and_the_photos_wait(daemon, measured):
    daemon.fail(errno.EDQUOT, daemon.output, "write")
    daemon.drop(PHOTOS)
    daemon.wait_for(lambda: "your quota" in daemon.command("status").stdout, "the quota to be named", 40)
    assert daemon.whole_copies() == len(daemon.outputs()) == PHOTOS
    assert_all_are_restored_afterwards(daemon)
    measured("quota used up: named, all waited")


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_a_ledger_that_cannot_be_written_ends_nothing(daemon, number, measured):
    daemon.fail(number, daemon.places.ledger.parent, "write", "fsync")
    daemon.drop(PHOTOS)
    daemon.wait_for(lambda: "the ledger" in daemon.console(), "the ledger to be named", 40)
    assert daemon.process is not None
    assert daemon.process.poll() is None
    assert_all_are_restored_afterwards(daemon)
    measured(f"the ledger's writes fail ({errno.errorcode[number]}): the daemon waits")


def test_a_log_that_cannot_be_written_costs_one_line_on_the_terminal(daemon, measured):
    daemon.fail(errno.ENOSPC, daemon.places.logs, "write")
    daemon.drop(PHOTOS)
    daemon.wait_for(lambda: daemon.finished() == 2 * PHOTOS, "all photos")
    assert daemon.console().count("facewatch.log cannot be written: No space left on device") == 1
    assert "Traceback" not in daemon.console()
    daemon.heal()
    daemon.drop(2 * PHOTOS)
    daemon.wait_for(lambda: daemon.finished() == 3 * PHOTOS, "the last photos")
    daemon.wait_for(lambda: "facewatch.log is written again" in daemon.console(), "the log to go on")
    assert f"{3 * PHOTOS - 1}.jpg -> " in daemon.places.log.read_text("utf-8")
    measured("the log's disk is full: one line on the terminal, all photos done")


def test_this_check_finds_a_summary_instead_of_the_reason(tmp_path):
    daemon = start(tmp_path, SUMMARY_INSTEAD_OF_REASON)
    try:
        daemon.fail(errno.EIO, daemon.output, "linkat")
        daemon.drop(PHOTOS)
        with pytest.raises(AssertionError, match="the reason for each photo"):
            wait_for_reasons(daemon, "Input/output error")
    finally:
        daemon.stop(9)
