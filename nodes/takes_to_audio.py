"""IndexTTS2_TakesToAudio: spoken lines as a mix, stems, single lines, subtitles and lists."""

from comfy_api.latest import io

from ..indextts.dialogue.subtitle_writer import to_srt, to_vtt
from ..indextts.dialogue.timeline import TIMINGS
from .audio import audio_to
from .inputs import TakesType
from .takes import AS_SPOKEN, TakeList, describe_lines, stems_of


class TakesToAudio(io.ComfyNode):
    """Nothing is spoken here: the same takes, laid out anew and taken apart."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IndexTTS2_TakesToAudio",
            display_name="IndexTTS2 Takes to Audio",
            category="IndexTTS2",
            description="Mix, a stem for each speaker, single lines, SRT, WebVTT, a list of lines, and the report.",
            search_aliases=["stems", "mix", "subtitles", "srt", "export takes", "分轨", "混音"],
            inputs=[
                TakesType.Input("takes", tooltip="From a node that has spoken."),
                io.Combo.Input(
                    "timing",
                    options=[AS_SPOKEN, *TIMINGS],
                    default=AS_SPOKEN,
                    optional=True,
                    tooltip="Where subtitles' lines go: as the speaking node placed them, or otherwise.",
                ),
            ],
            outputs=[
                io.Audio.Output("audio", tooltip="The whole."),
                io.Audio.Output("stems", is_output_list=True, tooltip="Each speaker alone, as long as the whole."),
                io.String.Output("stem_names", is_output_list=True, tooltip="The speakers, in the order of the stems."),
                io.Audio.Output("lines", is_output_list=True, tooltip="Each line alone."),
                io.String.Output("srt", tooltip="What was said and when, as SRT."),
                io.String.Output("vtt", tooltip="The same as WebVTT."),
                io.String.Output("line_list", tooltip="Place, words and settings of every line, as JSON."),
                io.String.Output("report", tooltip="What ran."),
            ],
        )

    @classmethod
    def execute(cls, takes: TakeList, timing: str = AS_SPOKEN) -> io.NodeOutput:
        timeline = takes.assemble(timing)
        stems = stems_of(timeline)
        lines = [audio_to(wave, timeline.sample_rate) for wave in timeline.waves]
        return io.NodeOutput(
            audio_to(timeline.waveform, timeline.sample_rate),
            list(stems.values()),
            list(stems),
            lines,
            to_srt(timeline),
            to_vtt(timeline),
            describe_lines(takes, timeline),
            takes.report,
        )
