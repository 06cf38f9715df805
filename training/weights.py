"""Save and load the network's weights as the package carries them: float16 safetensors.

`python -m training.weights DATA FILE` writes the averaged weights of DATA/state.pt to FILE.
"""

from __future__ import annotations

import sys
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


if __name__ == "__main__":
    save(load(Path(sys.argv[1]) / "state.pt"), Path(sys.argv[2]))
