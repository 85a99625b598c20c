"""A whole released-layout folder of seeded weights, at any size: what end-to-end tests load.

    python tests/helpers/released_folder.py FOLDER

The names come from `released_names`, the values from `seeded`; the text model, w2v-bert and Qwen are tiny real ones.
Constants of the architecture are there too, filled with NaN: what a file says of them must not matter.
"""

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
import yaml
from safetensors.torch import save_file

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers.bpe import train_bpe
from helpers.released_names import (
    Config,
    Shapes,
    gpt_shapes,
    halved_codec_shapes,
    s2mel_shapes,
    semantic_codec_shapes,
)
from helpers.released_names_audio import bigvgan_shapes, campplus_shapes
from helpers.seeded import seeded_state, seeded_tensor
from helpers.tiny_config import TINY_CONFIG
from helpers.tiny_models import write_qwen, write_w2v_bert

State = dict[str, torch.Tensor]

SMALL_VOCABULARY = Path(__file__).parents[1] / "goldens" / "small-2.5" / "vocabulary.tiktoken"
SMALL_TOKENS = 2700
VOCABULARY_NAME = "multilingual_zh_ja_yue_char_del.tiktoken"

EMOTION_ROWS = (3, 17, 2, 8, 4, 5, 10, 24)


def write_released_folder(
    path: Path,
    config: Config = TINY_CONFIG,
    safetensors: bool = False,
    w2v_bert: Mapping[str, int] | None = None,
    version: str = "2.0",
) -> Path:
    """Write `config.yaml`, the core files and everything of `hf_cache/` under `path`, and return `path`.

    version: 2.5 has the small golden vocabulary, and a table that holds it, however small `config` wants one.
    `safetensors` writes every state dict as .safetensors, flat and unwrapped, instead of the released pickles.
    `w2v_bert`: sizes of that model beside its width, as `write_w2v_bert` takes them; tiny without.
    """
    path.mkdir(parents=True, exist_ok=True)
    if version == "2.5":
        tokens = config["gpt"]["number_text_tokens"]
        config = {**config, "gpt": {**config["gpt"], "number_text_tokens": max(tokens, SMALL_TOKENS)}}
        shutil.copyfile(SMALL_VOCABULARY, path / VOCABULARY_NAME)
        _write_codec(path, config, safetensors)
    else:
        train_bpe(path / "bpe.model", config["gpt"]["number_text_tokens"])
    write_config(path, config, version)
    _write_core(path, config, safetensors, version)
    _write_auxiliary(path / "hf_cache", config, safetensors, w2v_bert or {}, version)
    write_qwen(path / "qwen0.6bemo4-merge")
    return path


def write_config(path: Path, config: Config, version: str = "2.0") -> None:
    """`config.yaml` as released: the model's sections, then the names of the files beside it; 2.5's has stale ones."""
    stale = {"gpt_checkpoint": "/cubefs/runs/checkpoint_5000.pth", "surprise": {"unknown": True}}
    names = {
        "dataset": {"bpe_model": "bpe.model", "sample_rate": 24000, "squeeze": False},
        "gpt_checkpoint": "gpt.pth",
        "s2mel_checkpoint": "s2mel.pth",
        "w2v_stat": "wav2vec2bert_stats.pt",
        "emo_matrix": "feat2.pt",
        "spk_matrix": "feat1.pt",
        "emo_num": list(EMOTION_ROWS),
        "qwen_emo_path": "qwen0.6bemo4-merge/",
        "vocoder": {"type": "bigvgan", "name": "nvidia/bigvgan_v2_22khz_80band_256x"},
        "version": 2.0,
    }
    names |= stale if version == "2.5" else {}
    model = {key: value for key, value in config.items() if key != "bigvgan"}
    (path / "config.yaml").write_text(yaml.safe_dump(model | names, sort_keys=False), encoding="utf-8")


def seeded(prefix: str, shapes: Shapes) -> State:
    """Every tensor of a file: constants as NaN (0 where they are integers), the rest by the golden files' recipe."""
    drawn = seeded_state(prefix, shapes)
    return {name: drawn[name] if name in drawn else _constant(name, shape) for name, shape in shapes.items()}


def _constant(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    if name.rsplit(".", 1)[-1] in ("input_pos", "num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    return torch.full(shape, float("nan"))


def save_state(state: State, file: Path, safetensors: bool, key: str | None = None) -> None:
    """A state dict as a pickle (under `key`, where the released file has one), or flat as .safetensors beside it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if safetensors:
        save_file(state, file.with_suffix(".safetensors"))
    else:
        torch.save({key: state} if key else state, file)


def _write_core(path: Path, config: Config, safetensors: bool, version: str) -> None:
    width, semantic_width = config["gpt"]["model_dim"], config["semantic_codec"]["hidden_size"]
    unused = {"gpt.wte.weight": torch.full((2, width), float("nan"))}
    save_state(seeded("gpt", gpt_shapes(config, version)) | unused, path / "gpt.pth", safetensors, key="model")
    _write_s2mel(path, config, safetensors)
    for name, columns in (("feat1", 192), ("feat2", width)):
        torch.save(seeded_tensor(name, (sum(EMOTION_ROWS), columns)), path / f"{name}.pt")
    statistics = {"mean": "w2v_stat.mean", "var": "w2v_stat.running_var"}
    torch.save(
        {key: seeded_tensor(name, (semantic_width,)) for key, name in statistics.items()},
        path / "wav2vec2bert_stats.pt",
    )


def _write_s2mel(path: Path, config: Config, safetensors: bool) -> None:
    parts = {
        part: seeded(f"s2mel.{part}", shapes)
        for part, shapes in s2mel_shapes(config, config["gpt"]["model_dim"]).items()
    }
    if safetensors:
        flat = {f"{part}.{name}": tensor for part, state in parts.items() for name, tensor in state.items()}
        save_file(flat, path / "s2mel.safetensors")
    else:
        wrapped = {part: {f"module.{name}": tensor for name, tensor in state.items()} for part, state in parts.items()}
        torch.save({"net": wrapped, "epoch": 1, "iters": 2}, path / "s2mel.pth")


def _write_codec(path: Path, config: Config, safetensors: bool) -> None:
    """2.5's codec, with the optimizer state that is twice its size in the released file."""
    state = seeded("codec", halved_codec_shapes(config))
    if safetensors:
        save_file(state, path / "codec.safetensors")
        return
    moments = {key: {number: torch.zeros_like(t) for number, t in enumerate(state.values())} for key in ("m", "v")}
    torch.save({"model": state, "optimizer": {"state": moments}, "step": 5000}, path / "codec.pth")


def _write_auxiliary(path: Path, config: Config, safetensors: bool, w2v_bert: Mapping[str, int], version: str) -> None:
    if version == "2.0":
        codec = path / "semantic_codec" / "model.safetensors"
        save_state(seeded("semantic_codec", semantic_codec_shapes(config)), codec, safetensors=True)
    save_state(seeded("campplus", campplus_shapes()), path / "campplus_cn_common.bin", safetensors)
    vocoder = seeded("bigvgan", bigvgan_shapes(config["bigvgan"]))
    save_state(vocoder, path / "bigvgan" / "bigvgan_generator.pt", safetensors, key="generator")
    (path / "bigvgan" / "config.json").write_text(json.dumps(config["bigvgan"]), encoding="utf-8")
    width = config["semantic_codec"]["hidden_size"]
    sizes = {"layers": config.get("semantic_layer", 17) + 1, "heads": max(2, width // 64)} | dict(w2v_bert)
    write_w2v_bert(path / "w2v-bert-2.0", hidden_size=width, **sizes)


if __name__ == "__main__":
    write_released_folder(Path(sys.argv[1]))
