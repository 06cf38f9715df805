"""Checkpoints in the published form, written once a session, each when a test first needs it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import published


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield their folder; removed at the end, since pytest keeps its folders for a while."""
    folder = tmp_path_factory.mktemp("checkpoints")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _fixture(write: Callable[[Path], Path], file_name: str) -> Callable[[Path], Path]:
    @pytest.fixture(scope="session")
    def checkpoint(checkpoints: Path) -> Path:
        return write(checkpoints / file_name)

    return checkpoint


gfpgan_file = _fixture(published.gfpgan, "GFPGANv1.4.pth")
restoreformer_file = _fixture(published.restoreformer, "RestoreFormer.pth")
restoreformer_plus_file = _fixture(published.restoreformer_plus_plus, "RestoreFormer++.ckpt")
codeformer_file = _fixture(published.codeformer, "codeformer.pth")
retinaface_mobilenet_file = _fixture(published.retinaface_mobilenet, "detection_mobilenet0.25_Final.pth")
retinaface_resnet50_file = _fixture(published.retinaface_resnet50, "detection_Resnet50_Final.pth")
parsenet_file = _fixture(published.parsenet, "parsing_parsenet.pth")
realesrgan_x2_file = _fixture(published.realesrgan_x2, "RealESRGAN_x2plus.pth")
realesrgan_x4_file = _fixture(published.realesrgan_x4, "RealESRGAN_x4plus.pth")
realesr_general_file = _fixture(published.realesr_general, "realesr-general-x4v3.pth")
