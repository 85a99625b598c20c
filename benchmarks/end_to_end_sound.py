"""What the end-to-end benchmark speaks, and its check: half precision changes no sound by more than its tolerance."""

import torch
from helpers.tones import tone
from indextts2_multitalk.indextts.gpt.latent_pass import latent_pass
from indextts2_multitalk.indextts.gpt.prompt import build_prompt
from indextts2_multitalk.indextts.loading.find import CheckpointFiles
from indextts2_multitalk.indextts.loading.models import Models
from indextts2_multitalk.indextts.options import LoadOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import Audio, Codes, Line, Voice
from indextts2_multitalk.indextts.seeds import seed_lines
from indextts2_multitalk.indextts.segments import LatentSegment, Segment
from measure import Refused, emit

MEL_TOLERANCE, LOG_SPECTRAL_TOLERANCE = 1e-2, 0.5
TEXT = "We walked along the river for {} hours until the lights of the town were far behind us and nobody spoke."
HOURS = (10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 30, 40, 50, 60, 70)
Sound = tuple[torch.Tensor, torch.Tensor]


def lines_of(count: int, voices: int) -> list[Line]:
    """`count` lines for `voices` speakers in turn, all alike in length."""
    cast = [Voice(f"S{n}", Audio(tone(110.0 + 40 * n, 10.0, 22050), 22050)) for n in range(voices)]
    texts = [TEXT.format(HOURS[n % len(HOURS)]) for n in range(count)]
    return seed_lines([Line(n, f"S{n % voices}", texts[n], n + 1, cast[n % voices]) for n in range(count)], seed=1)


def check_half_precision(half: Sound, exact: Sound, prefix: str = "") -> None:
    """The same codes and noise through both precisions' flow and vocoder; raises `Refused` where they part."""
    (half_mel, half_wave), (mel, wave) = half, exact
    error = (torch.linalg.vector_norm(half_mel - mel) / torch.linalg.vector_norm(mel)).item()
    distance = log_spectral_distance(half_wave, wave)
    emit("end_to_end", prefix + "half-precision-mel", error, "relative", "float16")
    emit("end_to_end", prefix + "half-precision-spectrum", distance, "dB", "float16")
    if error > MEL_TOLERANCE or distance > LOG_SPECTRAL_TOLERANCE:
        raise Refused(f"half precision: mel differs by {error:.2e}, spectrum by {distance:.2f} dB; no figures reported")


def sound_of(files: CheckpointFiles, modules: Models) -> Sound:
    """Mel [80, F] and waveform [N] of 5 s of fixed codes, float32 on the CPU."""
    pipeline = Pipeline(modules, files, LoadOptions(str(modules.emotions.styles.device)))
    voice = lines_of(1, 1)[0].voice
    assert voice is not None, "every line of the benchmark has a voice"
    features = pipeline._conditioning.encode_voice(voice.audio)
    codes, entries = 5 * modules.version.codes_per_second, modules.config.semantic_codec.codebook_size
    drawn = torch.randint(0, entries, (codes,), generator=torch.Generator().manual_seed(0))
    latents = None
    if modules.version.has_latents:
        prompt = build_prompt(modules.gpt, features.speaker, features.emotion, range(2, 30))
        latents = latent_pass(modules.gpt, [prompt], [drawn])[0]
    segment = Segment(0, 0, Line(0, voice.name, TEXT, voice=voice), (), features, features.emotion)
    line = pipeline._renderer.flow_line(LatentSegment(segment, Codes(drawn, latents)))
    mel = modules.s2mel.generate_mels([line])[0]
    wave = modules.vocoder(mel[None].to(modules.vocoder.dtype))[0, 0]
    pipeline.release()
    return mel.float().cpu(), wave.float().cpu()


def log_spectral_distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """Root mean square difference of two waveforms' log power spectra, dB, over frames within 60 dB of the loudest."""
    window = torch.hann_window(1024)
    powers = [torch.stft(wave, 1024, 256, window=window, return_complex=True).abs().square() for wave in (a, b)]
    floor = powers[1].max() * 1e-6
    levels = [10 * power.clamp_min(floor).log10() for power in powers]
    return (levels[0] - levels[1]).square().mean(dim=0).sqrt().mean().item()
