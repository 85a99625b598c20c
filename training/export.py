"""The trained stages as a released folder: safetensors in half precision, under the released names.

python -m training.export --work output/training --out checkpoints/demo
"""

import argparse
import json
import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from .names import SHARPNESS, named, shared
from .sizes import CONFIG_FILE, PREPROCESSOR, VOCODER, demo_config, trained_codes, w2v_bert

logger = logging.getLogger(__name__)

State = dict[str, Tensor]
SIZE_LIMIT_BYTES = 40_000_000


def export(work: Path, out: Path, config_file: Path = CONFIG_FILE, vocoder: dict[str, Any] = VOCODER) -> int:
    """Write every file of the folder; returns its size in bytes.

    Raises ValueError for a weight that half precision cannot hold.
    """
    config = demo_config(config_file)
    tables = torch.load(work / "tables.pt", weights_only=True)
    codes, beside = trained_codes(config), out / "hf_cache"
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(config_file, out / "config.yaml")
    shutil.copyfile(work / "bpe.model", out / "bpe.model")
    gpt = _part(work, "gpt", "gpt")
    _save(gpt_names(gpt, codes) | _part(work, "gpt", "voice"), out / "gpt.safetensors")
    _save(s2mel_names(_part(work, "flow", "s2mel")), out / "s2mel.safetensors")
    _save({"styles": tables["styles"]}, out / "feat1.safetensors")
    _save({"vectors": tables["vectors"]}, out / "feat2.safetensors")
    encoder = _part(work, "semantic", "encoder")
    _save({name: encoder.pop(name) for name in ("mean", "var")}, out / "wav2vec2bert_stats.safetensors")
    _save(_renamed(encoder, lambda name: name.removeprefix("model.")), beside / "w2v-bert-2.0" / "model.safetensors")
    _write_json(w2v_bert(config), beside / "w2v-bert-2.0" / "config.json")
    _write_json(PREPROCESSOR, beside / "w2v-bert-2.0" / "preprocessor_config.json")
    _save(codec_names(_part(work, "codec", "codec"), codes), beside / "semantic_codec" / "model.safetensors")
    _save(_part(work, "style", "campplus"), beside / "campplus_cn_common.safetensors")
    _save(vocoder_names(_part(work, "vocoder", "generator")), beside / "bigvgan" / "bigvgan_generator.safetensors")
    _write_json(vocoder, beside / "bigvgan" / "config.json")
    return report_sizes(out)


def report_sizes(out: Path) -> int:
    """Log every file's size; returns their sum in bytes."""
    files = sorted(file for file in out.rglob("*") if file.is_file())
    for file in files:
        logger.info("%-48s %6.2f MB", file.relative_to(out), file.stat().st_size / 1e6)
    total = sum(file.stat().st_size for file in files)
    logger.info("%.2f MB of at most %.0f", total / 1e6, SIZE_LIMIT_BYTES / 1e6)
    return total


def gpt_names(state: State, codes: int) -> State:
    """The decoder's tensors as released: matrices of `gpt.h` as [in, out], codes under all their names."""
    tables = {
        "mel_embedding.weight": named(state["mel_embedding.weight"], codes),
        "mel_head.weight": named(SHARPNESS * state["mel_head.weight"], codes),
        "mel_head.bias": shared(SHARPNESS * state["mel_head.bias"], codes),
    }
    return {
        name: tensor.T if name.startswith("gpt.h.") and tensor.dim() == 2 else tensor for name, tensor in state.items()
    } | tables


def codec_names(state: State, codes: int) -> State:
    """The codec's tensors as released, without its decoder."""
    quantizer = {
        name.replace("quantizer.", "quantizer.quantizers.0."): tensor
        for name, tensor in state.items()
        if name.startswith("quantizer.")
    }
    quantizer["quantizer.quantizers.0.codebook.weight"] = named(state["quantizer.codebook.weight"], codes)
    return quantizer | {name: tensor for name, tensor in state.items() if name.startswith("encoder.")}


def s2mel_names(state: State) -> State:
    """The flow's tensors as released; layers that the pack joins are taken apart again."""
    named: State = {}
    wavenet: State = {}
    for name, tensor in state.items():
        if name.startswith("cfm.estimator.wavenet."):
            wavenet[name.removeprefix("cfm.estimator.wavenet.")] = tensor
        elif name.endswith("feed_forward.w13.weight"):
            stem = name.removesuffix("w13.weight")
            named[f"{stem}w1.weight"], named[f"{stem}w3.weight"] = tensor.chunk(2)
        else:
            named[name] = tensor
    return named | {f"cfm.estimator.{name}": tensor for name, tensor in wavenet_names(wavenet).items()}


def wavenet_names(state: State) -> State:
    """Convolutions as such, each layer's skip output by itself; their biases all lie in the long residual's."""
    width, wide = state["out_layer.weight"].shape
    layers = sum(name.startswith("in_layers.") and name.endswith(".weight") for name in state)
    *skips, long = state["out_layer.weight"].split([width] * layers + [wide - layers * width], dim=1)
    named: State = {
        "wavenet.cond_layer.conv.conv.weight": state["cond_layer.weight"][..., None],
        "wavenet.cond_layer.conv.conv.bias": state["cond_layer.bias"],
        "res_projection.weight": long,
        "res_projection.bias": state["out_layer.bias"],
    }
    for layer, skip in enumerate(skips):
        weight, bias = skip, torch.zeros(width)
        if layer < layers - 1:
            weight = torch.cat((state[f"res_layers.{layer}.weight"], skip))
            bias = torch.cat((state[f"res_layers.{layer}.bias"], bias))
        convolution = state[f"in_layers.{layer}.weight"].unflatten(1, (-1, width)).transpose(1, 2)
        named[f"wavenet.in_layers.{layer}.conv.conv.weight"] = convolution
        named[f"wavenet.in_layers.{layer}.conv.conv.bias"] = state[f"in_layers.{layer}.bias"]
        named[f"wavenet.res_skip_layers.{layer}.conv.conv.weight"] = weight[..., None]
        named[f"wavenet.res_skip_layers.{layer}.conv.conv.bias"] = bias
    return named


def vocoder_names(state: State) -> State:
    """The generator's tensors as released: `ups.0.0`, `activations.0.act.alpha`."""

    def released(name: str) -> str:
        if name.startswith("ups."):
            _, stage, leaf = name.split(".")
            return f"ups.{stage}.0.{leaf}"
        stem, leaf = name.rsplit(".", 1)
        return f"{stem}.act.{leaf}" if leaf in ("alpha", "beta") else name

    return _renamed(state, released)


def _part(work: Path, stage: str, part: str) -> State:
    """What `stage` trained under the name `part`, float32."""
    state = torch.load(work / f"{stage}.pt", map_location="cpu", weights_only=True)["modules"]
    return {n.removeprefix(f"{part}."): t.float() for n, t in state.items() if n.startswith(f"{part}.")}


def _renamed(state: State, rename: Callable[[str], str]) -> State:
    return {rename(name): tensor for name, tensor in state.items()}


def _save(state: State, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    half = {name: tensor.half().contiguous() for name, tensor in state.items()}
    if wrong := [name for name, tensor in half.items() if not torch.isfinite(tensor).all()]:
        raise ValueError(f"{file.name}: {wrong[:3]} hold numbers that half precision does not; train that stage again")
    save_file(half, file, metadata={"format": "pt"})


def _write_json(data: dict, file: Path) -> None:
    file.write_text(json.dumps(data, indent=1), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="the stages' checkpoints, bpe.model and tables.pt")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    export(options.work, options.out)


if __name__ == "__main__":
    main()
