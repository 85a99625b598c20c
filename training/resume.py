"""The exported folder as checkpoints to go on from: what `export` wrote, read by the pack, under the stages' names.

Heads and discriminators that only training needs are not in the folder; a stage that is trained again starts them anew.

    python -m training.resume --model checkpoints/demo --work output/training
"""

import argparse
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from indextts2_multitalk.indextts.loading.find import find_checkpoint
from indextts2_multitalk.indextts.loading.models import Models, load_models
from indextts2_multitalk.indextts.options import LoadOptions
from safetensors.torch import load_file
from torch import Tensor

from .names import SHARPNESS, trained_bias, trained_rows
from .sizes import trained_codes
from .stage import Progress

State = dict[str, Tensor]


def resume(folder: Path, work: Path) -> None:
    """Write every stage's checkpoint, done and with no time spent, `bpe.model` and the tables of `folder` to `work`."""
    work.mkdir(parents=True, exist_ok=True)
    for name, parts in stages_of(folder).items():
        modules = {f"{part}.{key}": tensor for part, state in parts.items() for key, tensor in state.items()}
        torch.save({"modules": modules, "progress": vars(Progress(figures={"resumed": 1.0}))}, work / f"{name}.pt")
    shutil.copyfile(folder / "bpe.model", work / "bpe.model")
    tables = {"styles": "feat1.safetensors", "vectors": "feat2.safetensors"}
    torch.save({name: load_file(folder / file)[name] for name, file in tables.items()}, work / "tables.pt")


def stages_of(folder: Path) -> dict[str, dict[str, State]]:
    """By stage and part, float32: what a stage's `modules` call them."""
    models = load_models(find_checkpoint([folder]), LoadOptions(device="cpu"))
    codes = trained_codes(models.config)
    codec = models.codec.state_dict()
    codec["quantizer.codebook.weight"] = trained_rows(codec["quantizer.codebook.weight"], codes)
    return {
        "semantic": {"encoder": _encoder(folder)},
        "codec": {"codec": codec},
        "style": {"campplus": models.campplus.state_dict()},
        "gpt": {"gpt": _decoder(models, codes), "voice": models.voice_encoder.state_dict()},
        "flow": {"s2mel": models.s2mel.state_dict()},
        "vocoder": {"generator": models.vocoder.state_dict()},
    }


def _encoder(folder: Path) -> State:
    encoder = load_file(folder / "hf_cache" / "w2v-bert-2.0" / "model.safetensors")
    state = {f"model.{name}": tensor for name, tensor in encoder.items()}
    return _single(state | load_file(folder / "wav2vec2bert_stats.safetensors"))


def _decoder(models: Models, codes: int) -> State:
    state = models.gpt.state_dict()
    return state | {
        "mel_embedding.weight": trained_rows(state["mel_embedding.weight"], codes),
        "mel_head.weight": trained_rows(state["mel_head.weight"], codes) / SHARPNESS,
        "mel_head.bias": trained_bias(state["mel_head.bias"], codes) / SHARPNESS,
    }


def _single(state: Mapping[str, Tensor]) -> State:
    return {name: tensor.float() for name, tensor in state.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="the exported folder")
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args(arguments)
    resume(options.model, options.work)


if __name__ == "__main__":
    main()
