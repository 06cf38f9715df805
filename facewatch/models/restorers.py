"""The catalogue's face networks, in the order they are offered."""

from __future__ import annotations

from facewatch.models.licences import (
    CODEFORMER_LICENCE,
    DFDNET_LICENCE,
    DMDNET_LICENCE,
    GFPGAN_LICENCE,
    GPEN_LICENCE,
    PULSE_LICENCE,
    RESTOREFORMER_LICENCE,
    VQFR_LICENCE,
)
from facewatch.models.rows import Checkpoint, Model

_GFPGAN = "https://github.com/TencentARC/GFPGAN/releases/download/"
_CLIBDEV_GFPGAN = "https://github.com/clibdev/GFPGAN-onnxruntime-demo/releases/latest/download/"
_GPEN = "https://public-vigen-video.oss-cn-shanghai.aliyuncs.com/robin/models/"
_GPEN_LARGE = "https://www.modelscope.cn/models/damo/cv_gpen_image-portrait-enhancement-hires/summary"
_FACEFUSION = "https://github.com/facefusion/facefusion-assets/releases/download/models-3.0.0/"
_DFDNET = "https://drive.google.com/drive/folders/1ks_IbobH6WVQ_Jy4oWTTGjSbMZVUSbl4"
_PULSE = "https://github.com/adamian98/pulse"
_PULSE_FILE = "https://drive.google.com/file/d/1TCViX1YpQyRsklTVYEJwdbmK91vklCo8/view"
_VQFR = "https://drive.google.com/drive/folders/1lczKYEbARwe27FJlKoFdng7UnffGDjO2"

RESTORERS: tuple[Model, ...] = (
    Model(
        "gfpgan-1.4",
        "face",
        "natural faces with fine detail; the best first choice",
        Checkpoint(
            "GFPGANv1.4.pth",
            _GFPGAN + "v1.3.4/GFPGANv1.4.pth",
            "e2cd4703ab14f4d01fd1383a8a8b266f9a5833dacee8e6a79d3bf21a1b6be5ad",
            348632874,
            GFPGAN_LICENCE,
            (_GFPGAN + "v1.3.0/GFPGANv1.4.pth", _CLIBDEV_GFPGAN + "gfpgan-v1.4.pth"),
        ),
    ),
    Model(
        "gfpgan-1.3",
        "face",
        "softer than 1.4, sometimes closer to the person",
        Checkpoint(
            "GFPGANv1.3.pth",
            _GFPGAN + "v1.3.0/GFPGANv1.3.pth",
            "c953a88f2727c85c3d9ae72e2bd4846bbaf59fe6972ad94130e23e7017524a70",
            348632874,
            GFPGAN_LICENCE,
            (_CLIBDEV_GFPGAN + "gfpgan-v1.3.pth",),
        ),
    ),
    Model(
        "gfpgan-1.2",
        "face",
        "the sharpest GFPGAN, and the most made-up",
        Checkpoint(
            "GFPGANCleanv1-NoCE-C2.pth",
            _GFPGAN + "v0.2.0/GFPGANCleanv1-NoCE-C2.pth",
            "29e25ee90c170f4231163f4c83df6b59c968b73f3ce00cb884015ae005db083c",
            None,  # about 348.6 MB
            GFPGAN_LICENCE,
            (_CLIBDEV_GFPGAN + "gfpgan-v1.2.pth",),
        ),
    ),
    Model(
        "restoreformer",
        "face",
        "attention over a face dictionary; good on mild damage",
        Checkpoint(
            "RestoreFormer.pth",
            _GFPGAN + "v1.3.4/RestoreFormer.pth",
            "07404d446d62ca3d5ed38b1de09a947a1e77d46dbccec961a74d713a8f24ace0",
            290785322,
            RESTOREFORMER_LICENCE,
            (_GFPGAN + "v1.3.0/RestoreFormer.pth",),
        ),
    ),
    Model(
        "codeformer",
        "face",
        "codebook lookup; strong on heavy damage, with a true fidelity weight",
        Checkpoint(
            "codeformer.pth",
            "https://github.com/sczhou/CodeFormer/releases/download/v0.1.0/codeformer.pth",
            "1009e537e0c2a07d4cabce6355f53cb66767cd4b4297ec7a4a64ca4b8a5684b7",
            376637898,
            CODEFORMER_LICENCE,
        ),
        default_weight=0.6,
        takes_weight=True,
    ),
    Model(
        "builtin",
        "face",
        "part of facewatch, no download, free for any use: sharpens and cleans, invents little",
        None,
    ),
    Model(
        "restoreformer++",
        "face",
        "RestoreFormer with finer queries: mild to heavy damage, closer to the person; invents eyes",
        Checkpoint(
            "RestoreFormer++.ckpt",
            "https://github.com/wzhouxiff/RestoreFormerPlusPlus/releases/download/v1.0.0/"
            "RestoreFormer++.ckpt",
            "613fe52805f86bf8c2bffff08ae9f7a0b99f408be1bf221767af6183038be3a2",
            294028815,
            RESTOREFORMER_LICENCE,
        ),
        network="restoreformer++",
    ),
    Model(
        "vqfr-2",
        "face",
        "dictionary textures, warped to the photo as far as the weight says; 0 invents most",
        Checkpoint(
            "VQFR_v2.pth",
            "https://github.com/TencentARC/VQFR/releases/download/v2.0.0/VQFR_v2.pth",
            None,
            None,
            VQFR_LICENCE,
        ),
        takes_weight=True,
        network="vqfr-2",
    ),
    Model(
        "vqfr-1",
        "face",
        "dictionary textures for skin and hair on mild damage; eyes may become other ones",
        Checkpoint("VQFR_v1.pth", "", None, None, VQFR_LICENCE, page=_VQFR),
        network="vqfr-1",
    ),
    Model(
        "dmdnet",
        "face",
        "dictionaries of eyes and mouths, DFDNet's successor: frontal faces; fails on turned ones",
        Checkpoint(
            "DMDNet.pth",
            "https://github.com/csxmli2016/DMDNet/releases/download/v1/DMDNet.pth",
            None,
            None,
            DMDNET_LICENCE,
        ),
        network="dmdnet",
    ),
    Model(
        "dfdnet",
        "face",
        "dictionaries of eyes, nose and mouth: frontal faces, mild blur; parts of other people",
        Checkpoint("DFDNet.pth", "", None, None, DFDNET_LICENCE, page=_DFDNET),
        network="dfdnet",
        second_file="dfdnet-dictionaries",
    ),
    Model(
        "pulse",
        "face",
        "invents another person, alike only when tiny; always compared; very slow without a GPU",
        Checkpoint("PULSE_synthesis.pt", "", None, None, PULSE_LICENCE, page=_PULSE_FILE),
        network="pulse",
        crop_size=1024,
        makes_up_people=True,
        second_file="pulse-styles",
    ),
    Model(
        "gpen-256",
        "face",
        "GAN prior for very small faces: quick and smooth; soft when enlarged, invents skin",
        Checkpoint("GPEN-BFR-256.pth", _GPEN + "GPEN-BFR-256.pth", None, None, GPEN_LICENCE),
        network="gpen",
        crop_size=256,
    ),
    Model(
        "gpen-512",
        "face",
        "GAN prior: crisp eyes and skin on heavy damage; invents both",
        Checkpoint(
            "GPEN-BFR-512.pth",
            _GPEN + "GPEN-BFR-512.pth",
            "f1002c41add95b0decad69604d80455576f7187dd99ca16bd611bcfd44c10b51",
            284085738,
            GPEN_LICENCE,
        ),
        network="gpen",
    ),
    Model(
        "gpen-1024",
        "face",
        "for faces larger than 512 px in photos to print; invents pores and hair; slow without a GPU",
        Checkpoint("GPEN-BFR-1024.pth", "", None, None, GPEN_LICENCE, page=_GPEN_LARGE),
        network="gpen",
        crop_size=1024,
    ),
    Model(
        "gpen-2048",
        "face",
        "for portraits that fill the photo; invents pores and hair; needs a GPU, or minutes",
        Checkpoint("GPEN-BFR-2048.pth", "", None, None, GPEN_LICENCE, page=_GPEN_LARGE),
        network="gpen",
        crop_size=2048,
    ),
    Model(
        "gpen-1024-onnx",
        "face",
        "as gpen-1024, by onnxruntime (the extra `onnx`): also on AMD and Intel cards in Windows",
        Checkpoint(
            "gpen_bfr_1024.onnx",
            _FACEFUSION + "gpen_bfr_1024.onnx",
            "cec8892093d7b99828acde97bf231fb0964d3fb11b43f3b0951e36ef1e192a3e",
            285101993,
            GPEN_LICENCE,
        ),
        network="onnx",
        crop_size=1024,
    ),
    Model(
        "gpen-2048-onnx",
        "face",
        "as gpen-2048, by onnxruntime (the extra `onnx`): also on AMD and Intel cards in Windows",
        Checkpoint(
            "gpen_bfr_2048.onnx",
            _FACEFUSION + "gpen_bfr_2048.onnx",
            "d0229ff43f979c360bd19daa9cd0ce893722d59f41a41822b9223ebbe4f89b3e",
            285469146,
            GPEN_LICENCE,
        ),
        network="onnx",
        crop_size=2048,
    ),
)

PARTS: tuple[Model, ...] = (
    Model(
        "dfdnet-dictionaries",
        "part",
        "second file of dfdnet: the folder DictionaryCenter512 of its drive, as one zip",
        Checkpoint("DFDNet_dictionaries.zip", "", None, None, DFDNET_LICENCE, page=_DFDNET),
        network="dfdnet",
    ),
    Model(
        "pulse-styles",
        "part",
        "second file of pulse: mean and deviation of StyleGAN's styles",
        Checkpoint(
            "gaussian_fit.pt",
            _PULSE + "/raw/40cacb97df28081e0edf8440a8c3f7c4e6205732/gaussian_fit.pt",
            "6c638855d24ea56d40512cc6d8e7a6cac4c3db6fec232a0bf58e0f78d6336d16",
            4566,
            PULSE_LICENCE,
        ),
        network="pulse",
    ),
)
"""Second files of face networks."""
