"""The benchmark's side of a measured process: start it, ask it, end it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Sequence
from typing import IO

from facewatch.cli.bench.case import Case, Sample, sample_of, to_line
from facewatch.errors import FlowFailed
from facewatch.system.processes import child_environment, facewatch_command

_LAST_BYTES = 4000


class Child:
    """One process with one case: a flow's allocator, threads and memory are its own."""

    def __init__(self, case: Case, command: Sequence[str] | None = None) -> None:
        self._case = case
        self._command = list(command or facewatch_command("bench", "--worker"))
        self._complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Sample:
        """Start the process and wait until its case is ready; what the making ready took.

        Raises FlowFailed.
        """
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            encoding="utf-8",
            env=child_environment(),
            cwd=self._case.folder,
        )
        return self._answer_to(to_line(self._case))

    def ask(self) -> Sample:
        """Have one repetition done.

        Raises FlowFailed.
        """
        return self._answer_to("again\n")

    def close(self, grace_seconds: float = 10.0) -> None:
        """End the process; its memory is free again after this."""
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
        self._complaints.close()

    def _answer_to(self, request: str) -> Sample:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):  # it has ended: the empty answer below says so
            self._process.stdin.write(request)
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            raise FlowFailed(f"{self._case.maker} ended (exit code {code}){self._last_words()}")
        answer = json.loads(line)
        if "failed" in answer:
            raise FlowFailed(f"{self._case.maker} failed: {answer['failed']}")
        return sample_of(answer)

    def _last_words(self) -> str:
        end = self._complaints.seek(0, 2)
        self._complaints.seek(max(0, end - _LAST_BYTES))
        lines = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
        return f"; its last words: {lines[-1]}" if lines else ""
