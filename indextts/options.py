"""What a user may choose: once when the models are loaded, and for each run."""

from dataclasses import dataclass, field

from ..accel.sampling.params import SamplingParams

ATTENTION_CHOICES = ("auto", "triton", "flash", "sdpa")
"""Attention backends of the engine, as a user names them; auto is the first that can run."""


@dataclass(frozen=True)
class LoadOptions:
    """Fixed while a pipeline lives. `device` None picks CUDA, then MPS, then the CPU.

    use_fp16: half precision for GPT, S2Mel and vocoder, where the device has it.
    use_accel: decode on the batched KV-cache engine; off is the plain loop.
    use_torch_compile: compile the flow's estimator. use_cuda_kernel: the fused vocoder kernel. low_memory:
    encoders and generators take turns on the device (offload.py). attention: one of `ATTENTION_CHOICES`.
    """

    device: str | None = None
    use_fp16: bool = False
    use_accel: bool = True
    use_torch_compile: bool = False
    use_cuda_kernel: bool = True
    low_memory: bool = False
    attention: str = "auto"


@dataclass(frozen=True)
class SpeakOptions:
    """One run's settings; the defaults are the reference's.

    max_codes: a segment's limit, 50 codes are a second of speech. flow_batch: how many segments share one flow.
    """

    language: str = "auto"
    temperature: float = 0.8
    top_k: int = 30
    top_p: float = 0.8
    repetition_penalty: float = 10.0
    num_beams: int = 3
    do_sample: bool = True
    length_penalty: float = 0.0
    max_codes: int = 1500
    max_segment_tokens: int = 120
    segment_silence_seconds: float = 0.2
    steps: int = 25
    guidance: float = 0.7
    flow_batch: int = 8
    sampling: SamplingParams = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, value, low in (
            ("max_codes", self.max_codes, 1),
            ("steps", self.steps, 1),
            ("flow_batch", self.flow_batch, 1),
        ):
            if value < low:
                raise ValueError(f"{name}: got {value}, expected at least {low}")
        sampling = SamplingParams(
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            repetition_penalty=self.repetition_penalty,
            num_beams=self.num_beams,
            do_sample=self.do_sample,
            length_penalty=self.length_penalty,
        )
        object.__setattr__(self, "sampling", sampling)
