"""The vocoder's waveform equals the golden one, as far as float32 decides it.

Seeded snakes amplify rounding: in single samples the golden figure itself lies up to 5e-4 from what float64 computes,
and how another processor rounds moves ours as far. So the whole waveform is held to 1e-4 by its energy, and no sample
may be further from the golden one than a few times that one's own rounding.
"""

import torch
from indextts2_multitalk.indextts.config import BigVGANConfig
from indextts2_multitalk.indextts.vocoder.bigvgan import BigVGAN, rename_bigvgan_weights


@torch.inference_mode()
def test_waveform(goldens, close):
    figures = goldens.npz("bigvgan")
    config = BigVGANConfig.model_validate(goldens.config["bigvgan"])
    with torch.device("meta"):
        model = BigVGAN(config)
    model.load_state_dict(rename_bigvgan_weights(goldens.state("bigvgan")), strict=True, assign=True)
    frames = figures["wav"].shape[-1] // model.hop_length
    mel = 1.5 * goldens.input("voc_mel", (1, config.num_mels, frames)) - 4
    found, golden = model(mel), figures["wav"].double()
    exact = model.double()(mel.double())
    rounding = ((golden - exact).abs().max() / golden.abs().max()).item()
    close(found, figures["wav"], max(1e-4, 3 * rounding))
    assert rounding < 1e-3
    assert ((found - golden).norm() / golden.norm()).item() < 1e-4
