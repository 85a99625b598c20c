"""The smallest model that runs end to end, as the dict of a released `config.yaml`; a line takes about a second."""

from helpers.released_names import Config

_CONFORMER = {
    "output_size": 32,
    "linear_units": 48,
    "attention_heads": 2,
    "num_blocks": 1,
    "input_layer": "conv2d2",
    "perceiver_mult": 2,
}

TINY_CONFIG: Config = {
    "gpt": {
        "model_dim": 64,
        "max_mel_tokens": 400,
        "max_text_tokens": 160,
        "heads": 2,
        "layers": 2,
        "number_text_tokens": 300,
        "number_mel_codes": 66,
        "start_mel_token": 64,
        "stop_mel_token": 65,
        "use_mel_codes_as_input": True,
        "mel_length_compression": 1024,
        "start_text_token": 0,
        "stop_text_token": 1,
        "train_solo_embeddings": False,
        "condition_type": "conformer_perceiver",
        "condition_module": _CONFORMER,
        "emo_condition_module": _CONFORMER,
    },
    "semantic_codec": {
        "codebook_size": 64,
        "hidden_size": 64,
        "codebook_dim": 8,
        "vocos_dim": 32,
        "vocos_intermediate_dim": 48,
        "vocos_num_layers": 2,
    },
    "s2mel": {
        "dit_type": "DiT",
        "reg_loss_type": "l1",
        "style_encoder": {"dim": 192},
        "length_regulator": {
            "channels": 32,
            "in_channels": 64,
            "content_codebook_size": 64,
            "sampling_ratios": [1, 1, 1, 1],
        },
        "DiT": {
            "in_channels": 80,
            "hidden_dim": 32,
            "num_heads": 2,
            "depth": 3,
            "content_dim": 32,
            "content_codebook_size": 64,
        },
        "wavenet": {"hidden_dim": 32, "num_layers": 2, "kernel_size": 5},
    },
    "bigvgan": {
        "upsample_rates": [4, 4, 2, 2, 2, 2],
        "upsample_kernel_sizes": [8, 8, 4, 4, 4, 4],
        "upsample_initial_channel": 64,
        "resblock": "1",
        "resblock_kernel_sizes": [3, 7],
        "resblock_dilation_sizes": [[1, 3], [1, 3]],
        "activation": "snakebeta",
        "snake_logscale": True,
        "use_tanh_at_final": False,
        "use_bias_at_final": False,
        "num_mels": 80,
        "n_fft": 1024,
        "hop_size": 256,
        "win_size": 1024,
        "sampling_rate": 22050,
        "fmin": 0,
        "fmax": None,
    },
    "semantic_layer": 2,
}
"""`bigvgan` goes to its own file; `semantic_layer` is for small models alone."""
