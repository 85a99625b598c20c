"""IndexTTS2_DemoVoice: a reference recording that comes with the pack, for a first try without one's own."""

from comfy_api.latest import io

from ..indextts.audio_file import read_audio
from ..indextts.loading.layouts import DEMO_FOLDER
from .audio import audio_to

VOICES = ("anna", "ben", "anna_happy")
"""Names of recordings in the demonstration voice's folder."""


class DemoVoice(io.ComfyNode):
    """An AUDIO to connect where a recording is asked for."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IndexTTS2_DemoVoice",
            display_name="IndexTTS2 Demo Voice",
            category="IndexTTS2/Config",
            description="A recording that comes with the pack, to try the nodes with. Synthetic: nobody's voice.",
            inputs=[
                io.Combo.Input(
                    "voice",
                    options=list(VOICES),
                    default=VOICES[0],
                    tooltip="anna and ben read a sentence; anna_happy is for an emotion input.",
                )
            ],
            outputs=[io.Audio.Output("audio", tooltip="Connect it to a speaker's audio, voice or emotion input.")],
        )

    @classmethod
    def execute(cls, voice: str) -> io.NodeOutput:
        recording = read_audio(DEMO_FOLDER / "voices" / f"{voice}.flac")
        return io.NodeOutput(audio_to(recording.samples, recording.sample_rate))
