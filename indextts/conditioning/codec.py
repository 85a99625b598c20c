"""Semantic codecs: codes to the content that the flow speaks, and what of a recording the flow's prompt is made from.

IndexTTS-2 has MaskGCT's: a code for each semantic feature, whose decoder plays no part in speech synthesis.
IndexTTS-2.5 has its own: a code for two of them, which the decoder makes of it; its encoder serves training alone.

B recordings, T tokens, M codes, W semantic width, V codebook entries, E width of a code.
Blocks are ConvNeXt (arXiv 2201.03545) in one dimension; the quantizer looks codes up by cosine (arXiv 2110.04627).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...runtime.matmul_convolution import MatmulConv1d
from ..config import SemanticCodecConfig
from .padding import zero_padding

IGNORED = ("decoder.*",)
HALVED_IGNORED = ("encoder.*", "down.*", "quantizer.quantizers.0.in_project.*")
_NORM_EPS = 1e-6


class SemanticCodec(nn.Module):
    """MaskGCT's encoder and quantizer. The released codec could hold several quantizers and holds one."""

    def __init__(self, config: SemanticCodecConfig) -> None:
        super().__init__()
        self.encoder = nn.Sequential(_Backbone(config), nn.Linear(config.vocos_dim, config.hidden_size))
        self.quantizer = _Quantizer(config)

    def quantize(self, features: Tensor, padding_mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Semantic features [B, T, W] to codes [B, T] (int64) and the features they stand for [B, T, W].

        `padding_mask` [T]: see `padding.py`; what comes out of padding means nothing.
        """
        backbone, project = self.encoder
        codes = self.quantizer.nearest_codes(project(backbone(features, padding_mask)))
        return codes, self.embed_codes(codes)

    def embed_codes(self, codes: Tensor) -> Tensor:
        """Features [B, T, W] that codes [B, T] stand for."""
        return self.quantizer.embed_codes(codes)

    def prompt_content(self, features: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """What of a recording's semantic features [B, T, W] the flow's prompt is made from: the quantized ones."""
        return self.quantize(features, padding_mask)[1]


class HalvedCodec(nn.Module):
    """Codebook and decoder of IndexTTS-2.5's codec, which gives every code two features."""

    def __init__(self, config: SemanticCodecConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.quantizer = _Quantizer(config, encodes=False)
        self.decoder = nn.Sequential(_Backbone(config), nn.Linear(config.vocos_dim, width))
        self.up = nn.Conv1d(width, width, kernel_size=3, padding=1)

    def embed_codes(self, codes: Tensor) -> Tensor:
        """Features [B, 2M, W] that codes [B, M] stand for."""
        decoded = self.decoder(self.quantizer.embed_codes(codes)).mT
        return self.up(decoded.repeat_interleave(2, dim=-1)).mT

    def prompt_content(self, features: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """What of a recording's semantic features [B, T, W] the flow's prompt is made from: they as they are."""
        return features


class _Backbone(nn.Module):
    def __init__(self, config: SemanticCodecConfig) -> None:
        super().__init__()
        width = config.vocos_dim
        self.embed = nn.Conv1d(config.hidden_size, width, kernel_size=7, padding=3)
        self.norm = nn.LayerNorm(width, eps=_NORM_EPS)
        self.convnext = nn.ModuleList(
            _ConvNeXtBlock(width, config.vocos_intermediate_dim) for _ in range(config.vocos_num_layers)
        )
        self.final_layer_norm = nn.LayerNorm(width, eps=_NORM_EPS)

    def forward(self, x: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """[B, T, W] to [B, T, vocos_dim]."""
        x = self.norm(self.embed(zero_padding(x.mT, padding_mask)).mT)
        for block in self.convnext:
            x = block(x, padding_mask)
        return self.final_layer_norm(x)


class _ConvNeXtBlock(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(width, width, kernel_size=7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=_NORM_EPS)
        self.pwconv1 = nn.Linear(width, inner)
        self.pwconv2 = nn.Linear(inner, width)
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor, padding_mask: Tensor | None) -> Tensor:
        y = self.norm(self.dwconv(zero_padding(x.mT, padding_mask)).mT)
        y = self.pwconv2(functional.gelu(self.pwconv1(y)))
        return x + self.gamma * y


class _Quantizer(nn.Module):
    """encodes: with what finds the code of a feature, which only an encoder needs."""

    def __init__(self, config: SemanticCodecConfig, encodes: bool = True) -> None:
        super().__init__()
        if encodes:
            self.in_project = MatmulConv1d(config.hidden_size, config.codebook_dim)
        self.out_project = MatmulConv1d(config.codebook_dim, config.hidden_size)
        self.codebook = nn.Embedding(config.codebook_size, config.codebook_dim)

    def nearest_codes(self, x: Tensor) -> Tensor:
        """[B, T, W] to the codes [B, T] nearest by cosine."""
        projected = functional.normalize(self.in_project(x.mT).mT, dim=-1)  # [B, T, E]
        similarity = projected @ functional.normalize(self.codebook.weight, dim=-1).T  # [B, T, V]
        return similarity.argmax(dim=-1)

    def embed_codes(self, codes: Tensor) -> Tensor:
        return self.out_project(self.codebook(codes).mT).mT


def rename_codec_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Released tensors under the module's names, weight norm folded."""
    kept = {name.replace("quantizer.quantizers.0.", "quantizer."): tensor for name, tensor in state.items()}
    for name in [name for name in kept if name.endswith(".weight_g")]:
        stem = name.removesuffix("_g")
        magnitude, direction = kept.pop(name), kept.pop(f"{stem}_v")
        kept[stem] = magnitude * direction / torch.linalg.vector_norm(direction, dim=(1, 2), keepdim=True)
    return kept
