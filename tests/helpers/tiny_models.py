"""Tiny w2v-bert and Qwen3 folders in the Hugging Face layout, seeded, for tests that load real folders.

The Qwen folder answers: attention and feed-forward outputs are zero, so its next token depends on the last one alone,
and the output head is laid so that the chat prompt's final newline leads to the answer and the answer to the end.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import Wav2Vec2BertConfig, Wav2Vec2BertModel

from .seeded import seeded_tensor, seeded_tensors

QWEN_ANSWER = '{"高兴": 0.6, "惊讶": 0.2}'

_CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_THINK = ("<think>", "</think>")


def write_w2v_bert(folder: Path, hidden_size: int = 64, layers: int = 18, heads: int = 2, expansion: int = 2) -> Path:
    """A w2v-bert-2.0 folder with random weights: config, preprocessor config and `model.safetensors`.

    The released one has 1024, 24, 16 and 4.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_type": "wav2vec2-bert",
        "architectures": ["Wav2Vec2BertModel"],
        "add_adapter": False,
        "apply_spec_augment": False,
        "conv_depthwise_kernel_size": 31,
        "feature_projection_input_dim": 160,
        "hidden_act": "swish",
        "hidden_size": hidden_size,
        "intermediate_size": expansion * hidden_size,
        "left_max_position_embeddings": 64,
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "output_hidden_size": hidden_size,
        "position_embeddings_type": "relative_key",
        "right_max_position_embeddings": 8,
    }
    _write_json(folder / "config.json", config)
    preprocessor = {
        "feature_extractor_type": "SeamlessM4TFeatureExtractor",
        "feature_size": 80,
        "num_mel_bins": 80,
        "padding_side": "right",
        "padding_value": 1,
        "return_attention_mask": True,
        "sampling_rate": 16000,
        "stride": 2,
    }
    _write_json(folder / "preprocessor_config.json", preprocessor)
    with torch.device("meta"):
        model = Wav2Vec2BertModel(Wav2Vec2BertConfig(**config))
    shapes = {f"w2v_bert.{name}": tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    state = {name.removeprefix("w2v_bert."): tensor for name, tensor in seeded_tensors(shapes).items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def write_qwen(folder: Path, answer: str = QWEN_ANSWER, hidden_size: int = 64) -> Path:
    """A Qwen3 folder that answers every chat with `answer`, then stops."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _byte_tokenizer(answer)
    _write_tokenizer(folder, tokenizer)
    vocabulary, head_dim = tokenizer.get_vocab_size(), hidden_size // 2
    end = tokenizer.token_to_id("<|im_end|>")
    config = {
        "model_type": "qwen3",
        "architectures": ["Qwen3ForCausalLM"],
        "eos_token_id": end,
        "head_dim": head_dim,
        "hidden_act": "silu",
        "hidden_size": hidden_size,
        "intermediate_size": hidden_size,
        "max_position_embeddings": 1024,
        "num_attention_heads": 2,
        "num_hidden_layers": 1,
        "num_key_value_heads": 1,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "vocab_size": vocabulary,
    }
    _write_json(folder / "config.json", config)
    # As released: sampling is on by default, so a caller that wants the same answer twice must say so.
    sampling = {"do_sample": True, "temperature": 0.6, "top_k": 20, "top_p": 0.95}
    _write_json(folder / "generation_config.json", sampling | {"eos_token_id": [end], "pad_token_id": 0})
    state = _qwen_state(vocabulary, hidden_size, head_dim)
    newline, reply = tokenizer.token_to_id("Ċ"), tokenizer.token_to_id(answer)
    for token, following in ((newline, reply), (reply, end)):
        state["lm_head.weight"][following] = state["model.embed_tokens.weight"][token]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _qwen_state(vocabulary: int, hidden: int, head_dim: int) -> dict[str, torch.Tensor]:
    layer = "model.layers.0"
    random = {
        "model.embed_tokens.weight": (vocabulary, hidden),
        f"{layer}.self_attn.q_proj.weight": (2 * head_dim, hidden),
        f"{layer}.self_attn.k_proj.weight": (head_dim, hidden),
        f"{layer}.self_attn.v_proj.weight": (head_dim, hidden),
        f"{layer}.mlp.gate_proj.weight": (hidden, hidden),
        f"{layer}.mlp.up_proj.weight": (hidden, hidden),
    }
    ones = {f"{layer}.self_attn.{name}_norm.weight": (head_dim,) for name in "qk"}
    ones |= {f"{layer}.{name}_layernorm.weight": (hidden,) for name in ("input", "post_attention")}
    ones |= {"model.norm.weight": (hidden,)}
    zeros = {
        f"{layer}.self_attn.o_proj.weight": (hidden, 2 * head_dim),
        f"{layer}.mlp.down_proj.weight": (hidden, hidden),
        "lm_head.weight": (vocabulary, hidden),
    }
    return (
        {name: seeded_tensor(f"qwen.{name}", shape) for name, shape in random.items()}
        | {name: torch.ones(shape) for name, shape in ones.items()}
        | {name: torch.zeros(shape) for name, shape in zeros.items()}
    )


def _byte_tokenizer(answer: str) -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: n for n, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in _SPECIAL])
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in (*_THINK, answer)])
    return tokenizer


def _write_tokenizer(folder: Path, tokenizer: Tokenizer) -> None:
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "chat_template": _CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": 1024,
    }
    _write_json(folder / "tokenizer_config.json", settings)


def _write_json(path: Path, data: dict[str, object]) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1), encoding="utf-8")
