"""What is trained for how long: the whole plan for one GPU, one for two CPU cores that takes up the decoder and trains
the flow, and a toy one that proves that everything runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from indextts2_multitalk.indextts.config import ModelConfig

from .flow_stage import FlowLengths
from .gpt_stage import Manner
from .sizes import CONFIG_FILE, VOCODER, demo_config
from .stage import Budget

LANES = (("semantic", "codec", "gpt", "flow"), ("style", "vocoder"))
"""Stages that wait for each other stand in one lane; lanes run side by side on the GPU. The flow also needs `style`."""


@dataclass(frozen=True)
class Plan:
    """first_speaker: the number of the first; speakers of an earlier run are known to the decoder, text by text.
    ready_speakers: how many must be synthesized before the first stages start. batches: codes in a batch of each
    stage; of the vocoder, clips. rates: peak learning rates, where they are not the stages' own. bfloat16: matrix
    products of gpt and flow in half precision, for CPUs that have such units. decoder: how it is trained. flow: lengths
    that it is trained on.
    """

    speakers: int
    utterances: int
    ready_speakers: int
    budgets: dict[str, Budget]
    batches: dict[str, int]
    first_speaker: int = 0
    unheard_speakers: int = 16
    unheard_utterances: int = 15
    bpe_texts: int = 60000
    rates: dict[str, float] = field(default_factory=dict)
    bfloat16: bool = False
    decoder: Manner = field(default_factory=Manner)
    flow: FlowLengths = field(default_factory=FlowLengths)
    config_file: Path = CONFIG_FILE
    vocoder: dict[str, Any] = field(default_factory=lambda: VOCODER)

    @property
    def numbers(self) -> range:
        """Of the speakers."""
        return range(self.first_speaker, self.first_speaker + self.speakers)

    @property
    def config(self) -> ModelConfig:
        return demo_config(self.config_file)

    def with_seconds(self, seconds: Mapping[str, float]) -> "Plan":
        """The same plan with other budgets for some stages; a stage that was done goes on where it has more now."""
        changed = {name: replace(self.budgets[name], seconds=value) for name, value in seconds.items()}
        return replace(self, budgets=self.budgets | changed)

    def with_batches(self, sizes: Mapping[str, float]) -> "Plan":
        """The same plan with larger or smaller batches for some stages."""
        return replace(self, batches={**self.batches, **{name: int(size) for name, size in sizes.items()}})


FULL = Plan(
    speakers=600,
    utterances=60,
    ready_speakers=120,
    budgets={
        "semantic": Budget(100),
        "codec": Budget(45),
        "gpt": Budget(480),
        "flow": Budget(480),
        "style": Budget(150),
        "vocoder": Budget(780),
    },
    batches={"semantic": 12800, "codec": 25600, "gpt": 32000, "flow": 16000, "style": 36000, "vocoder": 48},
)

TOY = Plan(
    speakers=4,
    utterances=10,
    ready_speakers=4,
    unheard_speakers=4,
    unheard_utterances=4,
    bpe_texts=2000,
    budgets={name: Budget(3600, steps) for name, steps in {
        "semantic": 40, "codec": 40, "gpt": 40, "flow": 40, "style": 10, "vocoder": 30,
    }.items()},
    batches={"semantic": 800, "codec": 1600, "gpt": 800, "flow": 400, "style": 480, "vocoder": 2},
    config_file=Path(__file__).with_name("toy.yaml"),
    vocoder=VOCODER | {"upsample_initial_channel": 32, "resblock_dilation_sizes": [[1], [1]]},
)  # fmt: skip

CPU = replace(
    FULL,
    speakers=96,
    utterances=40,
    ready_speakers=96,
    unheard_speakers=12,
    budgets=FULL.budgets | {"gpt": Budget(600), "flow": Budget(2100)},
    batches=FULL.batches | {"gpt": 6000, "flow": 2000},
    rates={"gpt": 6e-4, "flow": 2e-3},
    bfloat16=True,
    decoder=Manner(dropout=0.0, fixed_voices=True, compiled=True),
    flow=FlowLengths(prompt=(50, 200), longest=320, style=(150,)),
)

PLANS = {"full": FULL, "cpu": CPU, "toy": TOY}
