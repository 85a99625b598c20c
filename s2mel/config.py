"""What the S2Mel checkpoint says of itself (section `s2mel` of a released `config.yaml`)."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Size = Annotated[int, Field(gt=0, le=1_000_000)]
"""A width, a vocabulary, a number of positions. Released models stay below a tenth of the limit."""

Count = Annotated[int, Field(gt=0, le=256)]
"""Of what is built one by one: layers, heads, taps."""

Counts = Annotated[tuple[Count, ...], Field(max_length=32)]


class StrictConfig(BaseModel):
    """A section of a configuration, every key of which is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StyleEncoderConfig(StrictConfig):
    dim: Size = 192


class LengthRegulatorConfig(StrictConfig):
    channels: Size
    in_channels: Size
    is_discrete: bool = False
    content_codebook_size: Size = 2048
    sampling_ratios: Counts = (1, 1, 1, 1)
    vector_quantize: bool = False
    n_codebooks: Count = 1
    quantizer_dropout: float = 0.0
    f0_condition: bool = False
    n_f0_bins: Size = 512


class DiTConfig(StrictConfig):
    """Settings of one value only are those that the estimator is written for; another value is another network."""

    hidden_dim: Size
    num_heads: Count
    depth: Count
    content_dim: Size
    in_channels: Size = 80
    block_size: Size = 8192
    class_dropout_prob: float = 0.1
    style_condition: Literal[True] = True
    final_layer_type: Literal["wavenet"] = "wavenet"
    target: str = "mel"
    content_codebook_size: Size = 1024
    content_type: str = "discrete"
    f0_condition: bool = False
    n_f0_bins: Size = 512
    content_codebooks: Count = 1
    is_causal: Literal[False] = False
    long_skip_connection: Literal[True] = True
    zero_prompt_speech_token: Literal[False] = False
    time_as_token: Literal[False] = False
    style_as_token: Literal[False] = False
    uvit_skip_connection: Literal[True] = True
    add_resblock_in_transformer: Literal[False] = False


class WaveNetConfig(StrictConfig):
    hidden_dim: Size
    num_layers: Count
    kernel_size: Count
    dilation_rate: Count = 1
    p_dropout: float = 0.2
    style_condition: bool = True


class S2MelConfig(StrictConfig):
    """Every size S2Mel needs. `preprocess_params` is the trainer's and is accepted unread."""

    length_regulator: LengthRegulatorConfig
    dit: DiTConfig = Field(alias="DiT")
    wavenet: WaveNetConfig
    style_encoder: StyleEncoderConfig = StyleEncoderConfig()
    dit_type: str = "DiT"
    reg_loss_type: str = "l1"
    preprocess_params: dict[str, object] = Field(default_factory=dict)
