"""macOS: a Quick Action for Finder, an Automator workflow with one shell script."""

from __future__ import annotations

import plistlib
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from facewatch.system.atomic import translate_write_errors, write_atomically
from facewatch.system.autostart.quoting import require_plain_text
from facewatch.system.filemanager import TITLE

KINDS = ["public.image", "public.folder"]


class QuickAction:
    """A folder `*.workflow` among the user's services."""

    def __init__(self, command: Sequence[str], services: Path) -> None:
        """Raises WrongUse for a path that the workflow cannot hold."""
        require_plain_text(command)
        self._command = tuple(command)
        self.folder = services / f"{TITLE}.workflow"

    @classmethod
    def standard(cls, command: Sequence[str]) -> QuickAction:
        """Return the action in the user's own services."""
        return cls(command, Path.home() / "Library" / "Services")

    @property
    def place(self) -> str:
        return str(self.folder)

    def is_on(self) -> bool:
        return (self.folder / "Contents" / "document.wflow").is_file()

    def enable(self) -> None:
        write_atomically(self.folder / "Contents" / "Info.plist", plistlib.dumps(service()))
        write_atomically(self.folder / "Contents" / "document.wflow", plistlib.dumps(workflow(self._command)))

    def disable(self) -> None:
        with translate_write_errors(self.folder):
            if self.folder.is_dir():
                shutil.rmtree(self.folder)


def service() -> dict[str, Any]:
    """Return the description by which Finder offers the workflow for pictures and folders."""
    entry = {
        "NSMenuItem": {"default": TITLE},
        "NSMessage": "runWorkflowAsService",
        "NSRequiredContext": {"NSApplicationIdentifier": "com.apple.finder"},
        "NSSendFileTypes": KINDS,
    }
    return {"NSServices": [entry]}


def workflow(command: Sequence[str]) -> dict[str, Any]:
    """Return the workflow: a shell script that takes the chosen files as arguments."""
    action = {
        "ActionBundlePath": "/System/Library/Automator/Run Shell Script.action",
        "ActionName": "Run Shell Script",
        "ActionParameters": {
            "COMMAND_STRING": f'exec {shlex.join(command)} -- "$@"',
            "CheckedForUserDefaultShell": True,
            "inputMethod": 1,  # as arguments
            "shell": "/bin/sh",
            "source": "",
        },
        "BundleIdentifier": "com.apple.RunShellScript",
        "Class Name": "RunShellScriptAction",
        "isViewVisible": 1,
    }
    kinds = {"serviceInputTypeIdentifier": "com.apple.Automator.fileSystemObject"}
    return {
        "AMApplicationBuild": "521",
        "AMDocumentVersion": "2",
        "actions": [{"action": action, "isViewVisible": 1}],
        "connectors": {},
        "workflowMetaData": {**kinds, "workflowTypeIdentifier": "com.apple.Automator.servicesMenu"},
    }
