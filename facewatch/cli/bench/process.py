"""A measured process, seen from the benchmark."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Sequence
from typing import IO

from facewatch.cli.bench.case import Case, Sample, to_line
from facewatch.errors import FlowFailed
from facewatch.system.processes import child_environment, facewatch_command

_LAST_BYTES = 4000


class MeasuredProcess:
    """One process for one case, so that each flow has its own allocator, threads and memory."""

    def __init__(self, case: Case, command: Sequence[str] | None = None) -> None:
        self._case = case
        self._command = list(command or facewatch_command("bench", "--worker"))
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """The id of the process, which must have been started."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> Sample:
        """Start the process, wait until its case is ready, and return the sample of the preparation.

        Raises FlowFailed.
        """
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            encoding="utf-8",
            env=child_environment(),
            cwd=self._case.folder,
        )
        return self._request(to_line(self._case))

    def repeat(self) -> Sample:
        """Run one repetition.

        Raises FlowFailed.
        """
        return self._request("repeat\n")

    def close(self, grace_seconds: float = 10.0) -> None:
        """End the process, which frees its memory."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(OSError):
                if process.stdin:
                    process.stdin.close()
            try:
                process.wait(grace_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()
        self._stderr.close()

    def _request(self, request: str) -> Sample:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):  # it has ended: the empty answer below shows it
            self._process.stdin.write(request)
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            raise FlowFailed(f"{self._case.maker} ended (exit code {code}){self._last_line()}")
        answer = json.loads(line)
        if "failed" in answer:
            raise FlowFailed(f"{self._case.maker} failed: {answer['failed']}")
        return Sample(**answer)

    def _last_line(self) -> str:
        end = self._stderr.seek(0, 2)
        self._stderr.seek(max(0, end - _LAST_BYTES))
        lines = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
        return f"; its last line: {lines[-1]}" if lines else ""
