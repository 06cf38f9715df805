"""The two lists of faces: the one whose figures are published, and the one that weights are chosen by."""

from training.faces import held_out
from training.held_out import LEVELS, SELECTION, cases


def test_no_face_is_on_both_lists():
    chosen_by = {case.file for case in cases(SELECTION)}
    assert len(chosen_by) >= 20
    assert chosen_by.isdisjoint(held_out())


def test_each_face_comes_at_each_level():
    for listed in (cases(), cases(SELECTION)):
        files = {case.file for case in listed}
        pairs = {(case.file, case.level) for case in listed}
        assert len(pairs) == len(listed) == len(files) * len(LEVELS)
        assert len({case.seed for case in listed}) == len(listed)
