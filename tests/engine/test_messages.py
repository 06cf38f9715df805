"""What passes on the engine's pipe."""

from __future__ import annotations

from dataclasses import replace

import pytest

from facewatch.engine.messages import Progress, RestoreFailure, RestoreRequest, from_line, to_line
from facewatch.restoration.options import FaceChoice, OutputOptions, RestorationOptions, Setup


def test_a_message_is_one_line_and_comes_back_equal():
    message = RestoreFailure(3, "BadPhoto", "two\nlines, and ünïcode")
    line = to_line(message)
    assert line.count("\n") == 1
    assert from_line(line) == message


def test_options_come_back_as_the_same_objects():
    options = RestorationOptions(upscale=2, mask="parse"), OutputOptions(format="png")
    request = RestoreRequest(1, "/a.jpg", None, "/out", 0.5, *options, 100)
    assert from_line(to_line(request)) == request
    faces = FaceChoice((1.0, 2.0, 3.0, 4.0), None), FaceChoice((5.0, 6.0, 7.0, 8.0), 0.5)
    chosen = replace(request, faces=faces)
    assert from_line(to_line(chosen)) == chosen


def test_a_setup_comes_back_equal():
    setup = Setup(
        "gpen-256", "yunet", "yunet", None, None, "cpu", None, 0.9, files={"gpen-256": "/models/g.pth"}
    )
    setup = replace(setup, others=("builtin",), forms={"gpen-256": ("gpen", 256)})
    assert from_line(to_line(setup)) == setup


def test_every_byte_of_a_name_survives():
    name = "/photos/caf\udce9 \udcff.jpg"
    assert from_line(to_line(RestoreFailure(1, "BadPhoto", name))).message == name
    assert to_line(RestoreFailure(1, "BadPhoto", name)).isascii()


@pytest.mark.parametrize(
    "line",
    ["", "hello\n", "[]\n", '{"kind": "Nonsense"}\n', '{"kind": "Progress", "done": 1}\n', '{"kind": []}'],
)
def test_what_is_no_message_is_refused(line):
    with pytest.raises(ValueError, match=r"message|Expecting"):
        from_line(line)


def test_progress_is_a_message():
    assert from_line(to_line(Progress(1, 2, 3, "faces"))) == Progress(1, 2, 3, "faces")
