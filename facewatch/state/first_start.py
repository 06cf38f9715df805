"""The question that a first start without a terminal leaves to the tray: which model?

`builtin` restores meanwhile, since it needs no download and no licence.
"""

from __future__ import annotations

from facewatch.system.atomic import make_private_folder, translate_write_errors
from facewatch.system.paths import Places

FIRST_MODEL = "builtin"
_NAME = "choose-model"


def ask_for_model(places: Places) -> None:
    """Leave the question. Raises CannotWrite or DiskFull."""
    make_private_folder(places.state)
    with translate_write_errors(places.state):
        (places.state / _NAME).touch(mode=0o600)


def model_is_asked(places: Places, model: str) -> bool:
    """Return True while the user has not chosen, and `model` of the settings is the first one."""
    return model == FIRST_MODEL and (places.state / _NAME).is_file()


def answer_model(places: Places) -> None:
    """Take the question away, whatever was chosen. Raises CannotWrite."""
    with translate_write_errors(places.state):
        (places.state / _NAME).unlink(missing_ok=True)
