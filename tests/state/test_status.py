"""The sentences of the status."""

from facewatch.state.status import passed_over_text
from tests.tray.views import status


def test_kinds_that_are_not_taken_are_named_with_the_most_first():
    assert passed_over_text(status()) == ""
    assert (
        passed_over_text(status(passed_over={".gif": 1})) == "1 file of kinds facewatch does not take: 1 .gif"
    )
    many = {f".k{number}": 2 for number in range(12)}
    text = passed_over_text(status(passed_over=many))
    assert text.startswith("24 files of kinds facewatch does not take: 2 .k0, 2 .k1")
    assert text.endswith(", 8 others")
