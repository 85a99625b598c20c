"""Names and shapes of every tensor in the released GPT, semantic codec and S2Mel files, from a config alone.

Written from the published list of names, not from our modules, so that the loader is tested against the outside.
`config` is the dict of a released `config.yaml`; `Shapes` maps a tensor's name to its shape, in no special order.
"""

from typing import Any

Shapes = dict[str, tuple[int, ...]]
Config = dict[str, Any]

LANGUAGES = 107
"""Rows of IndexTTS-2.5's language table."""

EMOTION_WIDTH = 1024
"""Width of the emotion perceiver, whatever the GPT's."""


def under(prefix: str, shapes: Shapes) -> Shapes:
    """The same tensors one level down."""
    return {f"{prefix}.{name}": shape for name, shape in shapes.items()}


def linear(outputs: int, inputs: int, *kernel: int, bias: bool = True) -> Shapes:
    """A linear layer, or a convolution where a kernel is given."""
    shapes: Shapes = {"weight": (outputs, inputs, *kernel)}
    return {**shapes, "bias": (outputs,)} if bias else shapes


def norm(width: int) -> Shapes:
    return {"weight": (width,), "bias": (width,)}


def weight_normed(outputs: int, inputs: int, *kernel: int, bias: bool = True, bias_width: int = 0) -> Shapes:
    """A layer under weight norm over its first dimension, as `weight_g` and `weight_v`."""
    ones = (1,) * (1 + len(kernel))
    shapes: Shapes = {"weight_g": (outputs, *ones), "weight_v": (outputs, inputs, *kernel)}
    return {**shapes, "bias": (bias_width or outputs,)} if bias else shapes


def merged(*parts: tuple[str, Shapes]) -> Shapes:
    """One dict of several named parts."""
    return {name: shape for prefix, shapes in parts for name, shape in under(prefix, shapes).items()}


def gpt_shapes(config: Config, version: str = "2.0") -> Shapes:
    """`gpt.pth`: embeddings, conformers, perceivers, GPT-2 blocks, heads."""
    shapes = _gpt_shapes(config)
    if version == "2.0":
        return shapes
    width, style = config["gpt"]["model_dim"], config["s2mel"]["style_encoder"]["dim"]
    gone = ("conditioning_encoder.", "perceiver_encoder.", "speed_emb.")
    kept = {name: shape for name, shape in shapes.items() if not name.startswith(gone)}
    return kept | under("spk_emb_proj", linear(width, style)) | {"lang_embedding.weight": (LANGUAGES, width)}


def _gpt_shapes(config: Config) -> Shapes:
    gpt, semantic_width = config["gpt"], config["semantic_codec"]["hidden_size"]
    width, voice, emotion = gpt["model_dim"], gpt["condition_module"], gpt["emo_condition_module"]
    text_tokens = gpt["number_text_tokens"] + 1
    blocks = [(f"gpt.h.{layer}", _gpt2_block(width)) for layer in range(gpt["layers"])]
    return merged(
        ("conditioning_encoder", _conformer(voice, semantic_width)),
        ("perceiver_encoder", _perceiver(voice, width, latents=32)),
        ("emo_conditioning_encoder", _conformer(emotion, semantic_width)),
        ("emo_perceiver_encoder", _perceiver(emotion, EMOTION_WIDTH, latents=1)),
        ("emovec_layer", linear(width, EMOTION_WIDTH)),
        ("emo_layer", linear(width, width)),
        ("speed_emb", {"weight": (2, width)}),
        ("text_embedding", {"weight": (text_tokens, width)}),
        ("mel_embedding", {"weight": (gpt["number_mel_codes"], width)}),
        ("text_pos_embedding.emb", {"weight": (gpt["max_text_tokens"] + 2, width)}),
        ("mel_pos_embedding.emb", {"weight": (gpt["max_mel_tokens"] + 3, width)}),
        *blocks,
        ("gpt.ln_f", norm(width)),
        ("final_norm", norm(width)),
        ("text_head", linear(text_tokens, width)),
        ("mel_head", linear(gpt["number_mel_codes"], width)),
    )


def _gpt2_block(width: int) -> Shapes:
    def transposed(inputs: int, outputs: int) -> Shapes:
        return {"weight": (inputs, outputs), "bias": (outputs,)}

    return merged(
        ("ln_1", norm(width)),
        ("attn.c_attn", transposed(width, 3 * width)),
        ("attn.c_proj", transposed(width, width)),
        ("ln_2", norm(width)),
        ("mlp.c_fc", transposed(width, 4 * width)),
        ("mlp.c_proj", transposed(4 * width, width)),
    )


def _conformer(module: Config, inputs: int) -> Shapes:
    width, heads = module["output_size"], module["attention_heads"]
    positions = {"pos_bias_u": (heads, width // heads), "pos_bias_v": (heads, width // heads)}
    projections = merged(*((f"linear_{part}", linear(width, width)) for part in ("q", "k", "v", "out")))
    block = merged(
        ("self_attn", {**positions, **projections, "linear_pos.weight": (width, width)}),
        ("feed_forward.w_1", linear(module["linear_units"], width)),
        ("feed_forward.w_2", linear(width, module["linear_units"])),
        ("conv_module.pointwise_conv1", linear(2 * width, width, 1)),
        ("conv_module.depthwise_conv", linear(width, 1, 15)),
        ("conv_module.norm", norm(width)),
        ("conv_module.pointwise_conv2", linear(width, width, 1)),
        *((f"norm_{part}", norm(width)) for part in ("ff", "mha", "conv", "final")),
    )
    return merged(
        ("embed.conv.0", linear(width, 1, 3, 3)),
        ("embed.out.0", linear(width, width * ((inputs - 1) // 2))),
        ("embed.pos_enc", {"pe": (1, 5000, width)}),
        ("after_norm", norm(width)),
        *((f"encoders.{index}", block) for index in range(module["num_blocks"])),
    )


def _perceiver(module: Config, width: int, latents: int) -> Shapes:
    heads_width = 64 * module["attention_heads"]
    inner = int(width * module["perceiver_mult"] * 2 / 3)
    layer = merged(
        ("0.to_q", linear(heads_width, width, bias=False)),
        ("0.to_kv", linear(2 * heads_width, width, bias=False)),
        ("0.to_out", linear(width, heads_width, bias=False)),
        ("1.0", linear(2 * inner, width)),
        ("1.2", linear(width, inner)),
    )
    layers = merged(("layers.0", layer), ("layers.1", layer))
    context = under("proj_context", linear(width, module["output_size"]))
    return {"latents": (latents, width), **context, **layers, "norm.gamma": (width,)}


def semantic_codec_shapes(config: Config) -> Shapes:
    """MaskGCT's semantic codec: encoder, one quantizer, decoder."""
    codec = config["semantic_codec"]
    width, outer, code = codec["vocos_dim"], codec["hidden_size"], codec["codebook_dim"]
    block = merged(
        ("dwconv", linear(width, 1, 7)),
        ("norm", norm(width)),
        ("pwconv1", linear(codec["vocos_intermediate_dim"], width)),
        ("pwconv2", linear(width, codec["vocos_intermediate_dim"])),
    )
    half = merged(
        ("0.embed", linear(width, outer, 7)),
        ("0.norm", norm(width)),
        *((f"0.convnext.{n}", {"gamma": (width,), **block}) for n in range(codec["vocos_num_layers"])),
        ("0.final_layer_norm", norm(width)),
        ("1", linear(outer, width)),
    )
    quantizer = merged(
        ("in_project", weight_normed(code, outer, 1)),
        ("out_project", weight_normed(outer, code, 1)),
        ("codebook", {"weight": (codec["codebook_size"], code)}),
    )
    return merged(("encoder", half), ("decoder", half), ("quantizer.quantizers.0", quantizer))


def halved_codec_shapes(config: Config) -> Shapes:
    """IndexTTS-2.5's `codec.pth`: MaskGCT's names, and two convolutions that halve and double the features."""
    width = config["semantic_codec"]["hidden_size"]
    return semantic_codec_shapes(config) | merged(("down", linear(width, width, 3)), ("up", linear(width, width, 3)))


def s2mel_shapes(config: Config, latent_width: int) -> dict[str, Shapes]:
    """`s2mel.pth`, by its three parts; `latent_width` is the width of the GPT whose latents it reads."""
    regulator = config["s2mel"]["length_regulator"]
    return {
        "cfm": under("estimator", _estimator(config["s2mel"])),
        "length_regulator": _length_regulator(regulator),
        "gpt_layer": merged(
            ("0", linear(256, latent_width)), ("1", linear(128, 256)), ("2", linear(regulator["in_channels"], 128))
        ),
    }


def _length_regulator(regulator: Config) -> Shapes:
    width, layers = regulator["channels"], len(regulator["sampling_ratios"])
    convolutions = merged(
        *((f"model.{3 * n}", linear(width, width, 3)) for n in range(layers)),
        *((f"model.{3 * n + 1}", norm(width)) for n in range(layers)),
        (f"model.{3 * layers}", linear(width, width, 1)),
        ("content_in_proj", linear(width, regulator["in_channels"])),
    )
    return {
        "mask_token": (1, width),
        "embedding.weight": (regulator["content_codebook_size"], width),
        **convolutions,
    }


def _estimator(s2mel: Config) -> Shapes:
    dit, wavenet, style = s2mel["DiT"], s2mel["wavenet"]["hidden_dim"], s2mel["style_encoder"]["dim"]
    width, bands = dit["hidden_dim"], dit["in_channels"]
    constants: Shapes = {"input_pos": (16384,), "t_embedder.freqs": (128,), "t_embedder2.freqs": (128,)}
    return constants | merged(
        ("transformer", _transformer(width, dit["depth"])),
        ("x_embedder", weight_normed(width, bands)),
        ("cond_embedder", {"weight": (dit["content_codebook_size"], width)}),
        ("cond_projection", linear(width, dit["content_dim"])),
        ("t_embedder.mlp.0", linear(width, 256)),
        ("t_embedder.mlp.2", linear(width, width)),
        ("t_embedder2.mlp.0", linear(wavenet, 256)),
        ("t_embedder2.mlp.2", linear(wavenet, wavenet)),
        ("conv1", linear(wavenet, width)),
        ("conv2", linear(bands, wavenet, 1)),
        ("wavenet", _wavenet(wavenet, s2mel["wavenet"]["num_layers"], s2mel["wavenet"]["kernel_size"])),
        ("final_layer.linear", weight_normed(wavenet, wavenet)),
        ("final_layer.adaLN_modulation.1", linear(2 * wavenet, wavenet)),
        ("res_projection", linear(wavenet, width)),
        ("content_mask_embedder", {"weight": (1, width)}),
        ("skip_linear", linear(width, width + bands)),
        ("cond_x_merge_linear", linear(width, width + 2 * bands + style)),
    )


def _transformer(width: int, depth: int) -> Shapes:
    inner = -(-int(8 * width / 3) // 256) * 256
    adaptive = {**under("project_layer", linear(2 * width, width)), "norm.weight": (width,)}
    layer = merged(
        ("attention.wqkv", linear(3 * width, width, bias=False)),
        ("attention.wo", linear(width, width, bias=False)),
        ("feed_forward.w1", linear(inner, width, bias=False)),
        ("feed_forward.w3", linear(inner, width, bias=False)),
        ("feed_forward.w2", linear(width, inner, bias=False)),
        ("ffn_norm", adaptive),
        ("attention_norm", adaptive),
        ("skip_in_linear", linear(width, 2 * width)),
    )
    return merged(*((f"layers.{n}", layer) for n in range(depth)), ("norm", adaptive))


def _wavenet(width: int, layers: int, kernel: int) -> Shapes:
    def skip_width(layer: int) -> int:
        return width if layer == layers - 1 else 2 * width

    return merged(
        *((f"in_layers.{n}.conv.conv", weight_normed(2 * width, width, kernel)) for n in range(layers)),
        *((f"res_skip_layers.{n}.conv.conv", weight_normed(skip_width(n), width, 1)) for n in range(layers)),
        ("cond_layer.conv.conv", weight_normed(2 * width * layers, width, 1)),
    )
