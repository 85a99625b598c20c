"""Speaker style against the golden one."""

import torch
from indextts2_multitalk.indextts.conditioning.campplus import IGNORED, CAMPPlus
from indextts2_multitalk.indextts.loading.strict import load_strict

INPUT_FRAMES = 250


def layout(shapes):
    """CAMPPlus's constructor arguments as a manifest section tells them."""
    counts = [
        len({name.split(".")[2] for name in shapes if name.startswith(f"xvector.block{number}.tdnnd")})
        for number in (1, 2, 3)
    ]
    head, tdnn = shapes["head.conv1.weight"][0], shapes["xvector.tdnn.linear.weight"]
    return {
        "bands": tdnn[1] // head * 8,
        "style_width": shapes["xvector.dense.linear.weight"][0],
        "head_channels": head,
        "channels": tdnn[0],
        "growth": shapes["xvector.block1.tdnnd1.cam_layer.linear_local.weight"][0],
        "blocks": counts,
    }


@torch.inference_mode()
def test_style(goldens, close):
    figures = goldens.npz("campplus")
    sizes = layout(goldens.shapes("campplus"))
    model = load_strict(lambda: CAMPPlus(**sizes), goldens.state("campplus"), file=goldens.folder, ignored=IGNORED)
    close(model(goldens.input("campplus", (1, INPUT_FRAMES, sizes["bands"]))), figures["style"], 1e-4)
