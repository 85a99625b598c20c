"""Which decoder runs: the batched engine, or the plain loop that it must agree with."""

import logging
from dataclasses import dataclass

from ..accel.engine import Engine, EngineOptions
from ..accel.request import Decoder
from .gpt.latent_graphs import LatentGraphs
from .gpt.model import UnifiedVoice
from .gpt.plain_decoder import PlainDecoder

log = logging.getLogger(__name__)

USUAL_CODES = 1000
"""What the engine's cache starts with for a line; it grows where lines get longer."""


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


def choose_decoder(model: UnifiedVoice, use_accel: bool, weights_stay: bool = True) -> Decoding:
    """The engine over the model's own weights, or the plain loop. Only for weights that stay where they are is the
    latent pass worth capturing."""
    if use_accel:
        engine = Engine(model.decoder_weights(), EngineOptions(expected_tokens=USUAL_CODES))
        latent_graphs = LatentGraphs(model) if weights_stay else None
        decoding = Decoding(engine, f"engine, {engine.describe_attention()}", latent_graphs)
    else:
        decoding = Decoding(PlainDecoder(model), "plain loop (use_accel is off)")
    log.info("decoder: %s", decoding.choice)
    return decoding
