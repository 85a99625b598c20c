"""Which decoder runs: the engine with its KV cache, or the plain loop that it must agree with."""

import logging
from dataclasses import dataclass

import torch

from ..accel.attention import choose_attention
from ..accel.engine import Engine, EngineOptions
from ..accel.request import Decoder
from .errors import ConfigError
from .gpt.latent_graphs import LatentGraphs
from .gpt.model import UnifiedVoice
from .gpt.plain_decoder import PlainDecoder
from .model_version import V2_0
from .options import LoadOptions

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Decoding:
    """The decoder in use. choice: its name and why it was chosen, for the report.

    hidden_states: what runs the latent pass after it; None is the model itself.
    """

    decoder: Decoder
    choice: str
    hidden_states: LatentGraphs | None = None

    def close(self) -> None:
        """Give back the engine's cache and all graphs; the plain loop holds nothing."""
        if isinstance(self.decoder, Engine):
            self.decoder.close()
        if self.hidden_states is not None:
            self.hidden_states.release()


def check_attention(options: LoadOptions, device: torch.device, dtype: torch.dtype, head_dim: int) -> None:
    """Raises `ConfigError` where the attention asked for by name cannot run. It concerns the engine: the plain loop has
    none to choose."""
    if not options.use_accel or options.attention == "auto":
        return
    try:
        choose_attention(device, dtype, head_dim, options.attention)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def choose_decoder(
    model: UnifiedVoice,
    use_accel: bool,
    weights_stay: bool = True,
    attention: str = "auto",
    usual_codes: int = V2_0.usual_codes,
) -> Decoding:
    """The engine over the model's own weights, or the plain loop. Only for weights that stay where they are is the
    latent pass worth capturing. attention: see `check_attention`. usual_codes: what the engine's cache starts with for
    a line; it grows where lines get longer."""
    if use_accel:
        engine = Engine(model.decoder_weights(), EngineOptions(expected_tokens=usual_codes, attention=attention))
        latent_graphs = LatentGraphs(model) if weights_stay else None
        decoding = Decoding(engine, f"engine, {engine.describe_attention()}", latent_graphs)
    else:
        unused = "" if attention == "auto" else f"; attention {attention} not used, it is the engine's"
        decoding = Decoding(PlainDecoder(model), f"plain loop (use_accel is off{unused})")
    log.info("decoder: %s", decoding.choice)
    return decoding
