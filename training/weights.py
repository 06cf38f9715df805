"""Save and load the network's weights as the package carries them: float16 safetensors.

`python -m training.weights DATA/state.pt FILE` writes a state's averaged weights to FILE.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from facewatch.restoration.networks.builtin import Restorer


def save(network: Restorer, file: Path) -> None:
    """Write the weights as float16."""
    save_file({name: value.detach().cpu().half() for name, value in network.state_dict().items()}, file)


def load(file: Path) -> Restorer:
    """Read weights, from safetensors or from a trainer's state (its average), into a float32 network."""
    if file.suffix == ".safetensors":
        state = load_file(file)
    else:
        state = torch.load(file, map_location="cpu", weights_only=True)["average"]
    network = Restorer()
    network.load_state_dict({name: value.float() for name, value in state.items()})
    return network.eval()


def between(earlier: Restorer, later: Restorer, share: float) -> Restorer:
    """Return the weights that lie `share` (0-1) of the way from an earlier to a later state of one training.

    The earlier state is nearer to the clean face's pixels, the later one to the person; between them both
    are kept (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022).
    """
    mixed = Restorer()
    first, last = earlier.state_dict(), later.state_dict()
    mixed.load_state_dict({name: torch.lerp(first[name], last[name], share) for name in first})
    return mixed.eval()


def main() -> None:
    """Read the options and write the weights."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("state", type=Path)
    options.add_argument("file", type=Path)
    options.add_argument("--earlier", type=Path, help="an earlier state of the same training")
    options.add_argument("--share", type=float, default=1.0, help="0: the earlier state; 1: the later one")
    given = options.parse_args()
    network = load(given.state)
    save(between(load(given.earlier), network, given.share) if given.earlier else network, given.file)


if __name__ == "__main__":
    main()
