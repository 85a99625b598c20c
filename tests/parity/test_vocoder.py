"""The vocoder's waveform equals the golden one."""

import torch
from indextts2_multitalk.indextts.config import BigVGANConfig
from indextts2_multitalk.indextts.vocoder.bigvgan import BigVGAN, rename


@torch.inference_mode()
def test_waveform(goldens, close):
    figures = goldens.npz("bigvgan")
    config = BigVGANConfig.model_validate(goldens.config["bigvgan"])
    with torch.device("meta"):
        model = BigVGAN(config)
    model.load_state_dict(rename(goldens.state("bigvgan")), strict=True, assign=True)
    frames = figures["wav"].shape[-1] // model.hop
    mel = 1.5 * goldens.input("voc_mel", (1, config.num_mels, frames)) - 4
    close(model(mel), figures["wav"], 1e-4)
