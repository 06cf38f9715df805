"""The judge of a training: it learns to tell smooth faces from clean ones, and goes on where it was."""

import pytest
import torch
from torch.nn import functional

from training.discriminator import Discriminator


def faces(step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return smooth (restored), blurred (given) and grainy (clean) pictures, (2, 3, 64, 64)."""
    draw = torch.Generator().manual_seed(step)
    clean = torch.rand((2, 3, 64, 64), generator=draw)
    given = functional.interpolate(functional.avg_pool2d(clean, 8), scale_factor=8.0)
    return given, given.clone(), clean


@pytest.fixture(scope="module")
def taught():
    torch.manual_seed(0)
    judge = Discriminator(torch.device("cpu"))
    losses = [judge.learn(*faces(step)) for step in range(60)]
    return judge, losses


def test_it_learns_to_tell_smooth_from_clean(taught):
    judge, losses = taught
    assert losses[0] == pytest.approx(2, abs=0.2)  # it cannot tell yet
    assert losses[-1] < 1
    smooth, given, clean = faces(99)
    assert judge.falseness(clean, given) < judge.falseness(smooth, given)


def test_asking_changes_nothing(taught):
    judge, _ = taught
    smooth, given, _ = faces(98)
    assert judge.falseness(smooth, given) == judge.falseness(smooth, given)


def test_a_saved_judge_goes_on_where_it_was(taught, tmp_path):
    judge, _ = taught
    torch.save(judge.state(), tmp_path / "state.pt")
    other = Discriminator(torch.device("cpu"))
    other.load(torch.load(tmp_path / "state.pt", weights_only=True))
    smooth, given, clean = faces(97)
    assert other.falseness(smooth, given) == judge.falseness(smooth, given)
    assert other.learn(smooth, given, clean) == judge.learn(smooth, given, clean)
