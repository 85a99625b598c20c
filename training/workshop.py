"""Each stage with what it needs of those before it: speech, features, codes, trained modules."""

import time
from functools import cached_property
from pathlib import Path

import torch
from indextts2_multitalk.indextts.conditioning.campplus import CAMPPlus
from indextts2_multitalk.indextts.conditioning.codec import SemanticCodec
from torch import Tensor

from .acoustics import Acoustics
from .codec_stage import CodecStage, quantize_corpus
from .convolution import as_products
from .corpus import Corpus, load_corpus, wait_for_shards
from .flow_stage import FlowStage
from .gpt_stage import GPTStage
from .plan import Plan
from .prosody import prosody_of
from .references import Heard
from .semantic_stage import SemanticStage, encode_corpus
from .sizes import Listener, new_campplus, new_codec
from .stage import Stage, is_done, load_part, restore
from .style_stage import StyleStage
from .tables import write_tables
from .team import ALONE, Team
from .tokens import Reader, train_bpe
from .vocoder_stage import VocoderStage

PATIENCE_SECONDS = 240.0
"""After the start, to wait for the last speakers before training goes on with those there are."""


def text_model(work: Path, plan: Plan) -> Path:
    """`bpe.model`, trained where it is not there yet."""
    file = work / "bpe.model"
    if not file.is_file():
        train_bpe(file, plan.config.gpt.number_text_tokens, plan.bpe_texts)
    return file


class Workshop:
    """`work`: the folder of speech, checkpoints and logs. What was computed once is kept for the next stage.

    Each process of a `team` has speakers of its own.
    """

    def __init__(self, work: Path, plan: Plan, device: torch.device, deadline: float, team: Team = ALONE) -> None:
        self.work, self.plan, self.device, self.deadline, self.team = work, plan, device, deadline, team
        self.config, self.begun = plan.config, time.monotonic()

    def stage(self, name: str) -> Stage:
        """A stage ready to run, waiting for what it needs. Raises TimeoutError at the deadline."""
        stage: Stage = getattr(self, f"_{name}")()
        stage.tune(self.plan.rates.get(name), self.plan.bfloat16)
        stage.team = self.team
        return stage

    @cached_property
    def corpus(self) -> Corpus:
        """All speakers, or those there are when patience ends."""
        self._wait_for_all()
        return load_corpus(self.work / "speech", self.device, team=self.team)

    @cached_property
    def unheard(self) -> Corpus:
        wait_for_shards(self.work / "unheard", self.plan.unheard_speakers, self.deadline)
        return load_corpus(self.work / "unheard", self.device)

    @cached_property
    def codec(self) -> SemanticCodec:
        codec = load_part(self.work, "codec", "codec", new_codec(self.config))
        return codec.to(self.device)

    @cached_property
    def campplus(self) -> CAMPPlus:
        while not is_done(self.work, "style"):
            self._pause("the style stage")
        return load_part(self.work, "style", "campplus", new_campplus()).to(self.device)

    @cached_property
    def heard(self) -> Heard:
        return self._heard(self.corpus, self.features)

    @cached_property
    def features(self) -> Tensor:
        return self._features(self.corpus)

    @cached_property
    def gpt(self) -> GPTStage:
        """New, or as far as an earlier run has trained it."""
        unheard = self._heard(self.unheard, self._features(self.unheard))
        batch, manner = self.plan.batches["gpt"], self.plan.decoder
        stage = GPTStage(self.config, self.heard, unheard, self.device, batch, manner)
        restore(stage, self.work)
        return stage

    def _semantic(self) -> SemanticStage:
        self._wait_for(self.plan.ready_speakers)
        speech = load_corpus(self.work / "speech", self.device, ("wav16",))
        return SemanticStage(self.config, speech, self.unheard, self.device, self.plan.batches["semantic"])

    def _codec(self) -> CodecStage:
        return CodecStage(self.config, self.corpus, self.features, self.device, self.plan.batches["codec"])

    def _gpt(self) -> GPTStage:
        return self.gpt

    def _flow(self) -> FlowStage:
        parts = (self.gpt, self.codec, self.campplus)
        stage = FlowStage(self.config, *parts, self.device, self.plan.batches["flow"], self.plan.flow)
        if self.team.leads:
            write_tables(self.work / "tables.pt", self.config, stage)
        return stage

    def _style(self) -> StyleStage:
        self._wait_for_all()
        speech = load_corpus(self.work / "speech", self.device, ("wav16",))
        return StyleStage(self.plan.numbers.stop, speech, self.unheard, self.device, self.plan.batches["style"])

    def _vocoder(self) -> VocoderStage:
        self._wait_for(self.plan.ready_speakers)
        speech = load_corpus(self.work / "speech", self.device, ("wav22",))
        return VocoderStage(self.plan.vocoder, speech, self.unheard, self.device, self.plan.batches["vocoder"])

    def _features(self, corpus: Corpus) -> Tensor:
        encoder = load_part(self.work, "semantic", "encoder", Listener(self.config))
        as_products(encoder)
        return encode_corpus(encoder.to(self.device), Acoustics().to(self.device), corpus)

    def _heard(self, corpus: Corpus, features: Tensor) -> Heard:
        codes = quantize_corpus(self.codec, features)
        return Heard(corpus, features, codes, prosody_of(corpus), Reader(text_model(self.work, self.plan), corpus))

    def _wait_for(self, speakers: int) -> None:
        there = wait_for_shards(self.work / "speech", speakers, self.deadline)
        if there < speakers:
            raise TimeoutError(f"{there} of {speakers} speakers are synthesized; run again to go on")

    def _wait_for_all(self) -> None:
        self._wait_for(self.plan.ready_speakers)
        wait_for_shards(self.work / "speech", self.plan.speakers, min(self.deadline, self.begun + PATIENCE_SECONDS))

    def _pause(self, what: str) -> None:
        if time.monotonic() > self.deadline:
            raise TimeoutError(f"{what} is not done; run again to go on")
        time.sleep(1)
