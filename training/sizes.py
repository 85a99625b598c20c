"""How large everything is, and the pack's own modules made ready to be trained.

`configs/demo.yaml` holds what a released config.yaml holds; here is what lies in other files, and what only training
knows.
"""

import math
from pathlib import Path
from typing import Any

import torch
from indextts2_multitalk.indextts.conditioning.campplus import CAMPPlus
from indextts2_multitalk.indextts.conditioning.codec import SemanticCodec
from indextts2_multitalk.indextts.conditioning.voice_encoder import VoiceEncoder
from indextts2_multitalk.indextts.config import BigVGANConfig, GPTConfig, ModelConfig, load_model_config
from indextts2_multitalk.indextts.gpt.model import UnifiedVoice
from indextts2_multitalk.indextts.vocoder.bigvgan import BigVGAN
from indextts2_multitalk.s2mel.dit_block import AdaptiveRMSNorm
from indextts2_multitalk.s2mel.model import S2Mel
from torch import Tensor, nn
from transformers import Wav2Vec2BertConfig, Wav2Vec2BertModel

from .names import NAMES

CONFIG_FILE = Path(__file__).parents[1] / "configs" / "demo.yaml"
CODES_PER_TOKEN = 6.5
"""Codes that a text token takes on average: where in the text the decoder looks first."""

VOCODER: dict[str, Any] = {
    "resblock": "1",
    "activation": "snakebeta",
    "snake_logscale": True,
    "upsample_rates": [4, 4, 4, 4],
    "upsample_kernel_sizes": [8, 8, 8, 8],
    "upsample_initial_channel": 256,
    "resblock_kernel_sizes": [3, 7],
    "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5]],
    "use_tanh_at_final": False,
    "use_bias_at_final": False,
    "num_mels": 80,
    "n_fft": 1024,
    "hop_size": 256,
    "win_size": 1024,
    "sampling_rate": 22050,
    "fmin": 0,
    "fmax": None,
}
"""`bigvgan/config.json`."""

PREPROCESSOR: dict[str, Any] = {
    "feature_extractor_type": "SeamlessM4TFeatureExtractor",
    "feature_size": 80,
    "num_mel_bins": 80,
    "padding_side": "right",
    "padding_value": 1,
    "return_attention_mask": True,
    "sampling_rate": 16000,
    "stride": 2,
}
"""`w2v-bert-2.0/preprocessor_config.json`."""


def demo_config(file: Path = CONFIG_FILE) -> ModelConfig:
    """The demonstration voice's config.yaml, or a smaller one of its form."""
    return load_model_config(file, strict=True)


def w2v_bert(config: ModelConfig) -> dict[str, Any]:
    """`w2v-bert-2.0/config.json`: as many layers as are read, as wide as the codec expects."""
    width = config.semantic_codec.hidden_size
    return {
        "model_type": "wav2vec2-bert",
        "architectures": ["Wav2Vec2BertModel"],
        "add_adapter": False,
        "apply_spec_augment": False,
        "conv_depthwise_kernel_size": 15,
        "feature_projection_input_dim": 160,
        "hidden_act": "swish",
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "left_max_position_embeddings": 32,
        "num_attention_heads": max(1, width // 64),
        "num_hidden_layers": config.semantic_layer,
        "output_hidden_size": width,
        "position_embeddings_type": "relative_key",
        "right_max_position_embeddings": 16,
        "hidden_dropout": 0.05,
        "attention_dropout": 0.0,
        "activation_dropout": 0.0,
        "conformer_conv_dropout": 0.05,
        "feat_proj_dropout": 0.0,
        "layerdrop": 0.0,
        "mask_time_prob": 0.0,
        "mask_feature_prob": 0.0,
    }


def trained_codes(config: ModelConfig) -> int:
    """How many codes are trained; the exported codebook holds each of them `NAMES` times."""
    return config.semantic_codec.codebook_size // NAMES


def trained_gpt_config(config: ModelConfig) -> GPTConfig:
    """The GPT's config over the codes that are trained rather than over all their names."""
    codes = trained_codes(config)
    tokens = {"number_mel_codes": codes + 2, "start_mel_token": codes, "stop_mel_token": codes + 1}
    return config.gpt.model_copy(update=tokens)


class Listener(nn.Module):
    """w2v-bert and what its output is normalized by; the pack's `SemanticEncoder` is for inference alone."""

    mean: Tensor
    var: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.model = Wav2Vec2BertModel(Wav2Vec2BertConfig.from_dict(w2v_bert(config)))
        self.width = config.semantic_codec.hidden_size
        self.register_buffer("mean", torch.zeros(self.width))
        self.register_buffer("var", torch.ones(self.width))

    def forward(self, heard: Tensor) -> Tensor:
        """What w2v-bert reads [B, T, 160] to normalized features float32 [B, T, W]."""
        hidden = self.model(input_features=heard).last_hidden_state
        return (hidden.float() - self.mean) / self.var.sqrt()


def new_codec(config: ModelConfig) -> SemanticCodec:
    return SemanticCodec(config.semantic_codec.model_copy(update={"codebook_size": trained_codes(config)}))


def new_campplus() -> CAMPPlus:
    return CAMPPlus()


def new_gpt(config: ModelConfig) -> UnifiedVoice:
    """GPT-2's usual start; and both position tables on one axis of time, so that what is said now is near from the
    first step on."""
    gpt = trained_gpt_config(config)
    model = UnifiedVoice(gpt)
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
    for name, parameter in model.gpt.named_parameters():
        if name.endswith("c_proj.weight"):
            nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * gpt.layers))
    for table, pace in ((model.text_pos_embedding.emb, 1.0), (model.mel_pos_embedding.emb, 1 / CODES_PER_TOKEN)):
        table.weight.data.copy_(0.05 * time_waves(table.num_embeddings, gpt.model_dim, pace))
    return model


def new_voice_encoder(config: ModelConfig) -> VoiceEncoder:
    encoder = VoiceEncoder(config.gpt, config.semantic_codec.hidden_size)
    for perceiver in (encoder.perceiver_encoder, encoder.emo_perceiver_encoder):
        nn.init.normal_(perceiver.latents, std=0.02)
        nn.init.constant_(perceiver.norm.gamma, 0.05)
    return encoder


def new_s2mel(config: ModelConfig, mean_mel: Tensor) -> S2Mel:
    """Adaptive norms that adapt to nothing yet, and a velocity that heads for the mean spectrum, `mean_mel` [80]."""
    model = S2Mel(config.s2mel, config.gpt.model_dim)
    estimator: Any = model.cfm.estimator
    norms: list[Any] = [module for module in estimator.modules() if isinstance(module, AdaptiveRMSNorm)]
    for norm in norms:
        nn.init.ones_(norm.norm["weight"])
        nn.init.zeros_(norm.project_layer.weight)
        width = norm.project_layer.in_features
        nn.init.zeros_(norm.project_layer.bias)
        nn.init.ones_(norm.project_layer.bias.data[:width])  # the scale; the rest is the shift
    for layer in (estimator.final_layer.adaLN_modulation[1], estimator.conv2):
        nn.init.zeros_(layer.weight)
    nn.init.zeros_(estimator.final_layer.adaLN_modulation[1].bias)
    estimator.conv2.bias.data.copy_(mean_mel)
    return model


def new_vocoder(config: dict[str, Any]) -> BigVGAN:
    """`config`: as in `bigvgan/config.json`."""
    model = BigVGAN(BigVGANConfig.model_validate(config))
    for name, parameter in model.named_parameters():
        if name.endswith((".alpha", ".beta")):
            nn.init.zeros_(parameter)  # logarithms
        elif parameter.dim() == 3 and "conv_pre" not in name:
            nn.init.normal_(parameter, std=0.02)
    return model


def time_waves(rows: int, width: int, pace: float) -> Tensor:
    """[rows, width]: sines and cosines of row · pace, periods from 4 to 4000 text tokens."""
    periods = 4.0 * 1000.0 ** (torch.arange(width // 2) / (width // 2 - 1))
    angles = 2 * math.pi * pace * torch.arange(rows)[:, None] / periods
    return torch.cat((angles.sin(), angles.cos()), dim=1)
