"""The reference encoders, tiny and seeded."""

from pathlib import Path

from helpers.seeded import seeded_state
from helpers.tiny_models import write_w2v_bert
from indextts2_multitalk.indextts.conditioning import semantic
from indextts2_multitalk.indextts.conditioning.campplus import CAMPPlus
from indextts2_multitalk.indextts.conditioning.codec import SemanticCodec
from indextts2_multitalk.indextts.conditioning.reference_encoders import ReferenceEncoders
from indextts2_multitalk.indextts.conditioning.voice_encoder import VoiceEncoder
from indextts2_multitalk.indextts.config import GPTConfig, SemanticCodecConfig
from safetensors.torch import load_file
from torch import ones, zeros

WIDTH, GPT_WIDTH, STYLE, LAYERS = 32, 40, 24, 2
CONFORMER = {
    "output_size": 24,
    "linear_units": 32,
    "attention_heads": 2,
    "num_blocks": 1,
}
GPT = GPTConfig(
    model_dim=GPT_WIDTH,
    heads=2,
    layers=1,
    max_mel_tokens=10,
    max_text_tokens=10,
    number_text_tokens=20,
    number_mel_codes=34,
    start_mel_token=32,
    stop_mel_token=33,
    condition_module=CONFORMER,
    emo_condition_module=CONFORMER,
)
CODEC = SemanticCodecConfig(
    codebook_size=32,
    hidden_size=WIDTH,
    codebook_dim=4,
    vocos_dim=16,
    vocos_intermediate_dim=24,
    vocos_num_layers=1,
)


def seeded(module, prefix):
    """The module with weights from its tensors' names, without gradients."""
    shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    module.load_state_dict(seeded_state(prefix, shapes))
    return module.requires_grad_(False)


def tiny_semantic(folder: Path) -> semantic.SemanticEncoder:
    """w2v-bert of `LAYERS` layers, its files written to `folder`."""
    write_w2v_bert(folder, hidden_size=WIDTH, layers=LAYERS)
    encoder = semantic.SemanticEncoder.from_folder(folder, LAYERS)
    statistics = {"mean": zeros(WIDTH), "var": ones(WIDTH)}
    encoder.load_state_dict(
        semantic.rename_semantic_weights(load_file(folder / "model.safetensors"), statistics, LAYERS)
    )
    return encoder.requires_grad_(False)


def tiny_encoders(encoder: semantic.SemanticEncoder) -> ReferenceEncoders:
    """All of them, `encoder` among them."""
    campplus = CAMPPlus(style_width=STYLE, head_channels=8, channels=16, growth=8, blocks=(2, 2, 2))
    return ReferenceEncoders(
        semantic=encoder,
        codec=seeded(SemanticCodec(CODEC), "semantic_codec"),
        campplus=seeded(campplus, "campplus"),
        voice=seeded(VoiceEncoder(GPT, WIDTH), "gpt"),
    )
