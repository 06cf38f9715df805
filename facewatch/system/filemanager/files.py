"""Entries that are one file."""

from __future__ import annotations

from pathlib import Path

from facewatch.system.atomic import translate_write_errors, write_atomically


class OneFile:
    """An entry that is on while its file is there."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @property
    def place(self) -> str:
        return str(self.file)

    def is_on(self) -> bool:
        return self.file.is_file()

    def disable(self) -> None:
        with translate_write_errors(self.file):
            self.file.unlink(missing_ok=True)


class FileEntry(OneFile):
    """A file that a file manager reads."""

    def __init__(self, file: Path, text: str, *, executable: bool) -> None:
        super().__init__(file)
        self._text = text
        self._executable = executable

    def enable(self) -> None:
        write_atomically(self.file, self._text.encode())
        if self._executable:  # file managers run or trust no other
            with translate_write_errors(self.file):
                self.file.chmod(0o755)
