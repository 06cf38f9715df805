"""The licences of the models in the catalogue."""

from __future__ import annotations

from facewatch.models.rows import Licence

GFPGAN_LICENCE = Licence(
    "Apache-2.0, with StyleGAN2 parts under NVIDIA's non-commercial licence",
    "https://github.com/TencentARC/GFPGAN/blob/master/LICENSE",
    "The network's StyleGAN2 part is NVIDIA's and may be used for non-commercial purposes only.",
    non_commercial=True,
)
RESTOREFORMER_LICENCE = Licence(
    "Apache-2.0",
    "https://github.com/wzhouxiff/RestoreFormer/blob/main/LICENSE",
    "Free to use, change and pass on with its notices.",
)
CODEFORMER_LICENCE = Licence(
    "S-Lab License 1.0",
    "https://github.com/sczhou/CodeFormer/blob/master/LICENSE",
    "CodeFormer may be used for non-commercial purposes only.",
    non_commercial=True,
)
RETINAFACE_LICENCE = Licence(
    "MIT",
    "https://github.com/biubug6/Pytorch_Retinaface/blob/master/LICENSE.MIT",
    "Free to use, change and pass on with its notice.",
)
PARSENET_LICENCE = Licence(
    "derived from PSFRGAN, CC BY-NC-SA 4.0",
    "https://github.com/chaofengc/PSFRGAN#license",
    "The parsing network comes from PSFRGAN, whose terms are for non-commercial use.",
    non_commercial=True,
)
REALESRGAN_LICENCE = Licence(
    "BSD-3-Clause",
    "https://github.com/xinntao/Real-ESRGAN/blob/master/LICENSE",
    "Free to use, change and pass on with its notice.",
)
SFACE_LICENCE = Licence(
    "Apache-2.0",
    "https://github.com/opencv/opencv_zoo/blob/main/models/face_recognition_sface/LICENSE",
    "Free to use, change and pass on with its notices.",
)
GPEN_LICENCE = Licence(
    "none stated",
    "https://github.com/yangxy/GPEN",
    "GPEN's authors state no licence, and withdrew it once for commercial reasons: for private trials only.",
    non_commercial=True,
)
PULSE_LICENCE = Licence(
    "none stated (PULSE)",
    "https://github.com/adamian98/pulse",
    "PULSE's authors state no licence for its files, and NVIDIA's StyleGAN is for non-commercial use.",
    non_commercial=True,
)
VQFR_LICENCE = Licence(
    "Apache-2.0, with third-party parts",
    "https://github.com/TencentARC/VQFR/blob/main/LICENSE",
    "Free to use, change and pass on with its notices; a few parts come under their own terms.",
)
DFDNET_LICENCE = Licence(
    "CC BY-NC-SA 4.0 (DFDNet)",
    "https://github.com/csxmli2016/DFDNet",
    "DFDNet may be used for non-commercial purposes only, with its authors' names, and shared alike.",
    non_commercial=True,
)
DMDNET_LICENCE = Licence(
    "CC BY-NC-SA 4.0 (DMDNet)",
    "https://github.com/csxmli2016/DMDNet",
    "DMDNet may be used for non-commercial purposes only, with its authors' names, and shared alike.",
    non_commercial=True,
)
