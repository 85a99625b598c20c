"""IndexTTS-2.5 from twenty codes to the wave, every stage fed by the one before."""

import torch
from indextts2_multitalk.indextts.conditioning.codec import HALVED_IGNORED, HalvedCodec, rename_codec_weights
from indextts2_multitalk.indextts.config import BigVGANConfig, SemanticCodecConfig
from indextts2_multitalk.indextts.loading.strict import load_strict
from indextts2_multitalk.indextts.model_version import V2_5
from indextts2_multitalk.indextts.records import Codes
from indextts2_multitalk.indextts.segments import count_mel_frames
from indextts2_multitalk.indextts.vocoder.bigvgan import BigVGAN, rename_bigvgan_weights
from indextts2_multitalk.s2mel.config import S2MelConfig
from indextts2_multitalk.s2mel.model import FlowLine, S2Mel
from indextts2_multitalk.s2mel.solver import uniform_schedule
from indextts2_multitalk.s2mel.weights import rename_s2mel_weights

VERSIONS = ("2.5",)
QUIET = 0.005
SECTIONS = ("cfm", "length_regulator")
REFERENCE_FEATURES, REFERENCE_FRAMES = 30, 50


@torch.inference_mode()
def test_codes_become_sound(goldens, close):
    figures, config = goldens.npz("line"), goldens.config
    codec = load_strict(
        lambda: HalvedCodec(SemanticCodecConfig(**config["semantic_codec"])),
        goldens.state("codec"),
        file=goldens.folder,
        ignored=HALVED_IGNORED,
        rename=rename_codec_weights,
    )
    features = codec.embed_codes(figures["codes"])
    close(features, figures["features"], 1e-4)

    with torch.device("meta"):
        s2mel = S2Mel(S2MelConfig.model_validate(config["s2mel"]), None)
        vocoder = BigVGAN(BigVGANConfig.model_validate(config["bigvgan"]))
    state = {f"{part}.{n}": t for part in SECTIONS for n, t in goldens.state(f"s2mel.{part}").items()}
    s2mel.load_state_dict(rename_s2mel_weights(state), strict=True, assign=True)
    frames = count_mel_frames(Codes(figures["codes"][0]), V2_5.frames_per_code, 1.0)
    regulated = s2mel.length_regulator(features, frames)
    close(regulated, figures["regulated"], 1e-4)

    bands, style = config["s2mel"]["DiT"]["in_channels"], config["s2mel"]["style_encoder"]["dim"]
    reference = 0.3 * goldens.input("s_ref", (1, REFERENCE_FEATURES, features.shape[-1]))
    prompt = s2mel.length_regulator(reference, REFERENCE_FRAMES)[0]
    prompt_mel = goldens.input("ref_mel", (1, bands, REFERENCE_FRAMES))[0]
    line = FlowLine(prompt, regulated[0], prompt_mel, goldens.input("style", (1, style))[0], seed=0)
    noise = goldens.input("noise", (1, bands, REFERENCE_FRAMES + frames))[0, :, REFERENCE_FRAMES:]
    (mel,) = s2mel.solve_flow([line], [noise], uniform_schedule(4))
    close(mel[None], figures["mel_4_steps"], 1e-3)

    state = goldens.state("bigvgan")
    state["conv_post.weight_g"] *= QUIET
    vocoder.load_state_dict(rename_bigvgan_weights(state), strict=True, assign=True)
    close(vocoder.eval()(mel[None]).squeeze(1), figures["wav_quiet"], 1e-3)
