"""The system calls of the daemon and its engine, traced by strace, and checks of their order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from facewatch.errors import BadLedger
from facewatch.state.ledger import FINISHED, LedgerView
from tests.daemon_process import DaemonProcess
from tests.faults.requirements import require

DESCRIPTORS = "/proc/self/fd/"
OPEN_CALLS = {"open", "openat", "openat2", "creat"}
NAME_CALLS = {"link", "linkat", "rename", "renameat", "renameat2"}
SYNC_CALLS = {"fsync", "fdatasync"}
WRITE_CALLS = {
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "sendfile",
    "copy_file_range",
    "ftruncate",
    "truncate",
}
CHANGE_CALLS = {
    "unlink",
    "unlinkat",
    "chmod",
    "fchmod",
    "fchmodat",
    "chown",
    "fchown",
    "fchownat",
    "utimensat",
}
TRACED = OPEN_CALLS | NAME_CALLS | SYNC_CALLS | WRITE_CALLS | CHANGE_CALLS | {"lseek"}
WRITE_FLAGS = re.compile(r"O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)")

FRAME_HEAD_BYTES = 32  # the header before each page in SQLite's log, which has no effect without the page

LINE = re.compile(r"(\d+) +(?:<\.\.\. \w+ resumed>)?(.*)")
WHOLE = re.compile(r"(\w+)\((.*)\) += (-?\d+)")
NAMED = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
OPEN_FILE = re.compile(r"<((?:\\x[0-9a-f]{2})+)>")


@dataclass(frozen=True)
class Call:
    """One system call."""

    began: int  # the line of the trace where it began
    ended: int  # the line where it returned
    name: str
    arguments: str
    result: int

    @cached_property
    def file(self) -> str:
        """The path of its open file; empty if it has none."""
        found = OPEN_FILE.search(self.arguments)
        return os.fsdecode(_bytes(found[1])) if found else ""

    @cached_property
    def names(self) -> list[str]:
        """The absolute paths among its arguments, in order."""
        folder, paths = "", []
        for part in re.finditer(f"{OPEN_FILE.pattern}|{NAMED.pattern}", self.arguments):
            if part[1] is not None:
                folder = os.fsdecode(_bytes(part[1]))
            else:
                paths.append(os.path.normpath(os.path.join(folder, os.fsdecode(_bytes(part[2])))))  # noqa: PTH118
        return paths

    @property
    def touched(self) -> list[str]:
        """The paths of all files that it works on."""
        if self.name in WRITE_CALLS - {"truncate"} | SYNC_CALLS | {"fchmod", "fchown"}:
            return [self.file]
        return self.names


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def trace(daemon: DaemonProcess, record: Path) -> list[Call]:
    """Process the inbox under strace; return the calls that succeeded, ordered by their end."""
    require("strace")
    tracer = ["strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", "100000", "-o", str(record), "-e"]
    trial = subprocess.run([*tracer, "trace=none", "true"], capture_output=True, text=True, check=False)
    if trial.returncode != 0:
        pytest.skip(f"needs to trace processes, which this machine does not allow: {trial.stderr.strip()}")
    calls = (
        f"trace={','.join('?' + name for name in sorted(TRACED))}"  # ?: ignore calls that this machine lacks
    )
    done = subprocess.run(
        [*tracer, calls, sys.executable, "-m", "facewatch", "run", "--no-tray", "--once"],
        env=daemon.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return sorted(_calls(record.read_text("ascii")), key=lambda call: call.ended)


def _calls(text: str) -> Iterator[Call]:
    begun: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(text.splitlines()):
        found = LINE.match(line)
        assert found is not None, line[:200]
        process, rest = found.groups()
        if rest.endswith("<unfinished ...>"):
            begun[process] = number, rest.removesuffix("<unfinished ...>").rstrip()
            continue
        began = number
        if "resumed>" in line[:60]:
            began, start = begun.pop(process)
            rest = start + rest
        whole = WHOLE.match(rest)
        if whole is not None and int(whole[3]) >= 0:
            yield Call(began, number, whole[1], whole[2], int(whole[3]))


def writes_to_originals(calls: list[Call], originals: Path) -> list[str]:
    """Return the calls that could change a file below this folder; empty if there are none."""
    root = f"{originals}{os.sep}"
    touching = [call for call in calls if any(name.startswith(root) for name in call.touched)]
    return [
        f"{call.name} {call.touched}"
        for call in touching
        if call.name in NAME_CALLS | WRITE_CALLS | CHANGE_CALLS | {"creat"}
        or (call.name in OPEN_CALLS and WRITE_FLAGS.search(call.arguments))
    ]


def order_violations(
    calls: list[Call], final: Path, states: list[tuple[Call, str]], ledger: Path
) -> list[str]:
    """Return the violations of order in one photo's commit; empty if there are none.

    states  from `ledger_states`
    """
    naming = [call for call in calls if call.name in NAME_CALLS and call.names[-1] == str(final)]
    if len(naming) != 1:
        return [f"the copy got its name {len(naming)} times"]
    name = naming[0]
    temporary = named_file(calls, name)
    content_sync = _first(calls, SYNC_CALLS, temporary, 0)
    folder_sync = _first(calls, SYNC_CALLS, str(final.parent), name.ended)
    announced = next((call for call, state in states if state == "committing"), None)
    finished = next((call for call, state in states if state in FINISHED), None)
    announced_sync = announced and _first(calls, SYNC_CALLS, f"{ledger}-wal", announced.ended)
    finished_sync = finished and _first(calls, SYNC_CALLS, f"{ledger}-wal", finished.ended)
    written = [call for call in calls if call.name in WRITE_CALLS and call.file in {temporary, str(final)}]
    violations = {
        "the copy has its name before it is on the disk": content_sync is None
        or content_sync.ended >= name.began,
        "the copy is written to after it was synced": content_sync
        and any(call.ended > content_sync.began for call in written),
        "the copy has its name before the ledger records it": announced_sync is None
        or announced_sync.ended >= name.began,
        "the folder is not synced": folder_sync is None,
        "the ledger says done before the folder is synced": folder_sync
        and (finished is None or finished.began <= folder_sync.ended),
        "the ledger's last state is not synced": finished_sync is None,
    }
    return [text for text, found in violations.items() if found]


def named_file(calls: list[Call], naming: Call) -> str:
    """Return the path of the file that a call gave its final name, also where the call names a descriptor."""
    source, folder = naming.names[0], Path(naming.names[-1]).parent
    if not source.startswith(DESCRIPTORS):
        return source
    opened = (
        call.names[-1]
        for call in reversed(calls)
        if call.name in OPEN_CALLS
        and call.ended < naming.began
        and call.result == int(source.removeprefix(DESCRIPTORS))
        and Path(call.names[-1]).parent == folder
    )
    return next(opened, source)


def _first(calls: list[Call], names: set[str], file: str, after: int) -> Call | None:
    return next(
        (call for call in calls if call.name in names and call.file == file and call.began > after), None
    )


def ledger_states(calls: list[Call], ledger: Path, photo: Path) -> list[tuple[Call, str]]:
    """Return the photo's successive states, each with the call that wrote it to the ledger's files.

    Replays the traced writes into copies of the database and its log, and reads those after each.
    """
    states: list[tuple[Call, str]] = []
    contents = {str(ledger): bytearray(), f"{ledger}-wal": bytearray()}
    positions = dict.fromkeys(contents, 0)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / ledger.name
        for call in calls:
            if call.file not in contents or not _replay(call, contents[call.file], positions):
                continue
            state = _state(copy, list(contents.values()), photo)
            if state is not None and (not states or states[-1][1] != state):
                states.append((call, state))
    return states


def _replay(call: Call, content: bytearray, positions: dict[str, int]) -> bool:
    """Repeat the call on `content`; return True if SQLite may read something new after it."""
    if call.name == "lseek":
        positions[call.file] = call.result
    if call.name == "ftruncate":
        del content[int(call.arguments.rpartition(", ")[2]) :]
    if call.name not in {"write", "pwrite64"}:
        return False
    data = NAMED.search(call.arguments)
    assert data is not None
    start = positions[call.file] if call.name == "write" else int(call.arguments.rpartition(", ")[2])
    if call.name == "write":
        positions[call.file] += call.result
    content.extend(bytes(max(0, start - len(content))))
    content[start : start + call.result] = _bytes(data[1])[: call.result]
    return call.result > FRAME_HEAD_BYTES


def _state(copy: Path, parts: list[bytearray], photo: Path) -> str | None:
    for suffix, content in zip(("", "-wal"), parts, strict=True):
        copy.with_name(copy.name + suffix).write_bytes(content)
    copy.with_name(f"{copy.name}-shm").unlink(missing_ok=True)
    try:
        job = LedgerView(copy).photo(photo)
    except BadLedger:  # still being created: some tables are missing
        return None
    return job.state if job else None
