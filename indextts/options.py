"""What a user may choose: once when the models are loaded, and for each run."""

from dataclasses import dataclass, field, fields

from ..accel.sampling.params import SamplingParams
from ..s2mel.solver import MOST_STEPS
from .records import LONGEST_SILENCE

ATTENTION_CHOICES = ("auto", "triton", "flash", "sdpa")
"""Attention backends of the engine, as a user names them; auto is the first that can run."""

QUANTIZE_CHOICES = ("none", "int8")
"""What the matrices of the GPT's layers are stored in: the precision of everything else, or 8 bits."""


FLOW_SOLVERS = ("auto", "reference", "fast", "draft")
"""Ways to solve the flow: the cheapest that is no farther from the converged solution than the reference, measured once
for a checkpoint; 25 Euler steps; 9 and 6 steps of the multistep solver, however far."""


@dataclass(frozen=True)
class LoadOptions:
    """Fixed while a pipeline lives. `device` None picks CUDA, then MPS, then the CPU.

    use_fp16: half precision for GPT, S2Mel and vocoder, where the device has it.
    use_accel: decode on the batched KV-cache engine; off is the plain loop.
    use_torch_compile: compile the flow's estimator. use_cuda_kernel: the fused vocoder kernel. low_memory:
    encoders and generators take turns on the device (offload.py). attention: one of `ATTENTION_CHOICES`.
    quantize: one of `QUANTIZE_CHOICES`; int8 needs a CUDA device, or a CPU with VNNI.
    """

    device: str | None = None
    use_fp16: bool = False
    use_accel: bool = True
    use_torch_compile: bool = False
    use_cuda_kernel: bool = True
    low_memory: bool = False
    attention: str = "auto"
    quantize: str = "none"


@dataclass(frozen=True)
class SpeakOptions(SamplingParams):
    """One run's settings; the defaults are the reference's. `sampling`: those that the decoder asks for.

    glossary: own readings of this run, as text/glossary_file.py reads them; they win over the model's and the user's.
    flow_solver: one of `FLOW_SOLVERS`. steps: of the flow; 0 is the solver's own number, and with auto any other number
    is that of Euler steps.
    max_codes: a segment's limit, 50 codes (25 of IndexTTS-2.5) are a second of speech.
    flow_batch: how many segments share one flow.
    fit_speeds: the slowest and the fastest a line with `wished_seconds` may be spoken to last as long.
    verify: have a recognizer hear each take (verify/loop.py). candidates: takes of a line of which the best is kept,
    tries: how often a line that lost or repeated words is spoken at most; both only where takes are verified.
    """

    language: str = "auto"
    glossary: str = ""
    max_codes: int = 1500
    max_segment_tokens: int = 120
    segment_silence_seconds: float = 0.2
    flow_solver: str = "auto"
    steps: int = 0
    guidance: float = 0.7
    flow_batch: int = 8
    fit_speeds: tuple[float, float] = (0.7, 1.4)
    verify: bool = False
    candidates: int = 1
    tries: int = 3
    sampling: SamplingParams = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("max_codes", "max_segment_tokens", "flow_batch", "candidates", "tries"):
            if (value := getattr(self, name)) < 1:
                raise ValueError(f"{name}: got {value}, expected at least 1")
        if not 0 <= self.segment_silence_seconds <= LONGEST_SILENCE:
            got = self.segment_silence_seconds
            raise ValueError(f"segment_silence_seconds: got {got}, expected 0 to {LONGEST_SILENCE:g}")
        if not -100 <= self.guidance <= 100:
            raise ValueError(f"guidance: got {self.guidance}, expected -100 to 100")
        if self.flow_solver not in FLOW_SOLVERS:
            raise ValueError(f"flow_solver: got {self.flow_solver!r}, expected one of {', '.join(FLOW_SOLVERS)}")
        if not 0 <= self.steps <= MOST_STEPS:
            raise ValueError(f"steps: got {self.steps}, expected 0 (the solver's own number) to {MOST_STEPS}")
        slowest, fastest = self.fit_speeds
        if not 0.25 <= slowest <= fastest <= 4:
            raise ValueError(f"fit_speeds: got {slowest:g} and {fastest:g}, expected the slower first, from 0.25 to 4")
        sampling = SamplingParams(**{each.name: getattr(self, each.name) for each in fields(SamplingParams)})
        object.__setattr__(self, "sampling", sampling)
