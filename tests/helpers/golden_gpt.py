"""The golden run's model, prompt and searches, for the plain decoder's parity tests and the engine's."""

import torch
from indextts2_multitalk.accel.request import Finished, Request
from indextts2_multitalk.accel.sampling.params import SamplingParams
from indextts2_multitalk.indextts.conditioning.voice_encoder import PREFIXES
from indextts2_multitalk.indextts.config import GPTConfig
from indextts2_multitalk.indextts.gpt.model import IGNORED, UnifiedVoice, rename_gpt_weights
from indextts2_multitalk.indextts.gpt.prompt import build_prompt, initial_penalty_tokens
from indextts2_multitalk.indextts.loading.strict import load_strict

HEAD_GAIN = 4.0
"""The golden run multiplied the head's weight by this before it generated, so that choices have clear margins."""

SEARCHES = {
    "greedy": SamplingParams(do_sample=False, num_beams=1, repetition_penalty=1.0),
    "greedy_repetition_penalty": SamplingParams(do_sample=False, num_beams=1, repetition_penalty=10.0),
    "beam3": SamplingParams(do_sample=False, num_beams=3, repetition_penalty=10.0),
}
LONG_SEARCHES = {
    "long_repetition_penalty": SEARCHES["greedy_repetition_penalty"],
    "long_beam3": SEARCHES["beam3"],
}
"""IndexTTS-2.5's: so much is taken from the stop code's bias that none stops early."""
LONG_CUT = 30.0


def golden_voice(goldens, head_gain: float = 1.0, stop_cut: float = 0.0) -> UnifiedVoice:
    """The seeded decoder of a goldens folder, loaded as released files are. stop_cut: off the stop code's bias."""
    config = GPTConfig.model_validate(goldens.config["gpt"])
    state = {name: tensor for name, tensor in goldens.state("gpt").items() if not name.startswith(PREFIXES)}
    state["mel_head.weight"] = state["mel_head.weight"] * head_gain
    state["mel_head.bias"][config.stop_mel_token] -= stop_cut
    languages = len(state.get("lang_embedding.weight", ()))
    return load_strict(
        lambda: UnifiedVoice(config, languages), state, file=goldens.folder, ignored=IGNORED, rename=rename_gpt_weights
    )


def golden_prompt(
    model: UnifiedVoice,
    figures: dict[str, torch.Tensor],
    language_row: int | None = None,
    emotion: torch.Tensor | None = None,
) -> torch.Tensor:
    """[P, D]. language_row, emotion: others than the golden run's."""
    text, emotion = figures["text"][0].tolist(), figures["emovec_merged"][0] if emotion is None else emotion
    if "conditioning" in figures:
        return build_prompt(model, figures["conditioning"][0], emotion, text)
    language = int(figures["language"]) if language_row is None else language_row
    return build_prompt(model, figures["speaker"], emotion, text, language)


def golden_request(name: str, model: UnifiedVoice, figures: dict[str, torch.Tensor]) -> Request:
    """The request whose codes are `figures[name]`. All had one limit, which the longest met."""
    limit = max(figures[each].shape[1] for each in SEARCHES | LONG_SEARCHES if each in figures)
    history = initial_penalty_tokens(model.config)
    return Request(golden_prompt(model, figures), 0, (SEARCHES | LONG_SEARCHES)[name], limit, history)


def check_codes(answer: Finished, expected: torch.Tensor, stop_token: int) -> None:
    """`expected`: int64 [T], the stop token and what pads it included."""
    stops = (expected == stop_token).nonzero()
    assert answer.tokens.tolist() == expected[: int(stops[0]) if len(stops) else None].tolist()
    assert answer.finished == bool(len(stops))
