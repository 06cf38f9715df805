"""The errors that a user may read.

`str(error)` is shown unchanged: it says what is wrong, where, and what to do about it.
"""

from __future__ import annotations


class FacewatchError(Exception):
    """A problem that the user can fix."""


class WrongUse(FacewatchError):
    """The command line or the settings ask for something impossible (exit code 2)."""


class BadSettings(WrongUse):
    """The config file cannot be read, or a key or value in it is wrong."""


class NoSuchDevice(WrongUse):
    """This machine does not have the requested device."""


class AlreadyRunning(FacewatchError):
    """Another facewatch daemon holds the lock."""


class BadLedger(FacewatchError):
    """The ledger is damaged or cannot be opened."""


class BadPhoto(FacewatchError):
    """The file is not a photo that can be restored; a retry will not help."""


class TruncatedPhoto(BadPhoto):
    """The file ends too early: perhaps it is still being copied."""


class Unreadable(BadPhoto):
    """The file cannot be read right now because of its disk, its share or another program."""


class PhotoTooLarge(BadPhoto):
    """The picture has more pixels than the settings or the machine's memory allow."""


class NotSupported(BadPhoto):
    """The file is intact, but of a kind that facewatch does not restore."""


class Animated(NotSupported):
    """The file is an animation: it is copied, not restored."""


class OwnOutput(BadPhoto):
    """The file is a restored copy made by facewatch."""


class NotAPhoto(BadPhoto):
    """The file's name says nothing, and its content is no photo: it is passed over."""


class SourceChanged(FacewatchError):
    """The photo has changed since it was queued."""


class SourceGone(FacewatchError):
    """The photo no longer exists."""


class CannotAlign(FacewatchError):
    """No similarity transform fits the five landmarks of a face."""


class NetworkFailed(FacewatchError):
    """A network returned no usable picture."""


class OutOfMemory(NetworkFailed):
    """The device has too little memory, even for one face at a time."""


class TooLittleMemory(FacewatchError):
    """The machine has too little memory for one photo."""


class TooManyOpenFiles(FacewatchError):
    """This process, or the system, cannot open one more file."""


class DeviceFailed(FacewatchError):
    """The device itself failed; later results from it are worthless."""


class CheckpointMissing(FacewatchError):
    """A model's file is not downloaded."""


class ModelAwaited(FacewatchError):
    """One photo needs a model that is not downloaded yet; the other photos continue."""


class BadCheckpoint(FacewatchError):
    """A model's file is damaged, or not the expected one."""


class DownloadFailed(FacewatchError):
    """A model's file could not be downloaded."""

    def __init__(self, text: str, cause: str = "") -> None:
        """Store the text, and its cause in one short sentence for small screens."""
        super().__init__(text)
        self.cause = cause or text


class LicenceNotAccepted(FacewatchError):
    """A model's licence has to be accepted before its file is downloaded."""


class EngineFailed(FacewatchError):
    """The engine process died, hung or could not start."""


class EngineUnavailable(FacewatchError):
    """No engine is available right now; no photo is to blame."""


class Unexpected(FacewatchError):
    """An unforeseen error; its traceback is in the log."""


class CannotWrite(FacewatchError):
    """A file or folder cannot be written."""


class DiskFull(CannotWrite):
    """The disk has too little space for a file."""


class StoreUnavailable(FacewatchError):
    """A store of an archive does not answer, or refuses at the moment; no photo is to blame."""


class NoTray(FacewatchError):
    """This desktop cannot show the tray icon; the daemon runs without it."""


class FlowFailed(FacewatchError):
    """A measured flow could not run, or its process ended; the benchmark shows it and continues."""


BY_NAME: dict[str, type[FacewatchError]] = {
    kind.__name__: kind
    for kind in (
        BadPhoto,
        TruncatedPhoto,
        Unreadable,
        PhotoTooLarge,
        Animated,
        NotSupported,
        OwnOutput,
        SourceChanged,
        SourceGone,
        CannotAlign,
        NetworkFailed,
        OutOfMemory,
        TooLittleMemory,
        TooManyOpenFiles,
        DeviceFailed,
        NoSuchDevice,
        CheckpointMissing,
        BadCheckpoint,
        EngineFailed,
        Unexpected,
        CannotWrite,
        DiskFull,
    )
}
"""The errors that the engine's process may report, by the name in its messages."""
