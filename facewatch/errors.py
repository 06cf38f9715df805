"""Every error a user may read.

`str(error)` is shown as it stands: what is wrong, where, and what to do about it.
"""

from __future__ import annotations


class FacewatchError(Exception):
    """Something the user can put right."""


class WrongUse(FacewatchError):
    """The command line or the settings ask for something that cannot be (exit code 2)."""


class BadSettings(WrongUse):
    """The config file cannot be read, or a key or value in it is wrong."""


class NoSuchDevice(WrongUse):
    """The device asked for is not on this machine."""


class AlreadyRunning(FacewatchError):
    """Another facewatch daemon holds the lock."""


class BadLedger(FacewatchError):
    """The ledger is damaged or cannot be opened."""


class BadPhoto(FacewatchError):
    """The file is not a photo that can be restored; trying again will not help."""


class TruncatedPhoto(BadPhoto):
    """The file ends too early: perhaps it is still being copied."""


class Unreadable(BadPhoto):
    """The file's bytes cannot be had right now: its disk or share, or another program, keeps them."""


class PhotoTooLarge(BadPhoto):
    """The picture has more pixels than the settings allow."""


class OwnOutput(BadPhoto):
    """The file is a restored copy that facewatch itself has made."""


class SourceChanged(FacewatchError):
    """The photo is no longer what it was when it was queued."""


class SourceGone(FacewatchError):
    """The photo is no longer there."""


class CannotAlign(FacewatchError):
    """No similarity transform fits the five landmarks of a face."""


class NetworkFailed(FacewatchError):
    """A network gave no usable picture."""


class OutOfMemory(NetworkFailed):
    """The device has too little memory for the work, even one face at a time."""


class TooLittleMemory(FacewatchError):
    """The machine has too little memory for one photo."""


class DeviceFailed(FacewatchError):
    """The device itself failed; what is computed on it after that is worth nothing."""


class CheckpointMissing(FacewatchError):
    """A model's file is not here."""


class ModelAwaited(FacewatchError):
    """One photo alone needs a model that is still to be fetched; the others go on."""


class BadCheckpoint(FacewatchError):
    """A model's file is not what it should be."""


class DownloadFailed(FacewatchError):
    """A model's file could not be fetched."""


class LicenceNotAccepted(FacewatchError):
    """A model's licence has to be accepted before its file is fetched."""


class EngineFailed(FacewatchError):
    """The engine process died, hung or could not start."""


class EngineUnavailable(FacewatchError):
    """No engine can be had right now; no photo is to blame."""


class Unexpected(FacewatchError):
    """An error that nobody foresaw; its trace is in the log."""


class CannotWrite(FacewatchError):
    """A file or folder cannot be written."""


class DiskFull(CannotWrite):
    """No space is left where a file has to go."""


class NoTray(FacewatchError):
    """This desktop cannot show the tray icon; the daemon does without."""


class FlowFailed(FacewatchError):
    """A measured flow could not run, or its process ended: the benchmark shows it and goes on."""


BY_NAME: dict[str, type[FacewatchError]] = {
    kind.__name__: kind
    for kind in (
        BadPhoto,
        TruncatedPhoto,
        Unreadable,
        PhotoTooLarge,
        OwnOutput,
        SourceChanged,
        SourceGone,
        CannotAlign,
        NetworkFailed,
        OutOfMemory,
        TooLittleMemory,
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
"""The errors that cross from the engine's process, by the name they carry there."""
