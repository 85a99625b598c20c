"""IndexTTS2_Voice: a recording, connected or from the voice library, with the name that scripts call it by."""

from typing import Any

from comfy_api.latest import io

from ..indextts.errors import AudioError
from . import voice_library as library
from .emotions import SpeakerEmotion
from .inputs import SpeakerEmotionType, VoiceType, audio_input, switch_input
from .voices import NodeVoice

NOT_FROM_LIBRARY = "none"


class Voice(io.ComfyNode):
    """An INDEXTTS2_VOICE for Say and Talk."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IndexTTS2_Voice",
            display_name="IndexTTS2 Voice",
            category="IndexTTS2",
            description="A speaker: a few seconds of a recording, or a voice that was kept in the library before.",
            search_aliases=["voice clone", "speaker", "reference audio", "音色", "声音克隆"],
            inputs=_voice_inputs(),
            outputs=[
                VoiceType.Output("voice", tooltip="Connect it to a voice input of Say or Talk."),
                io.Audio.Output("audio", tooltip="The recording itself."),
                io.String.Output("info", tooltip="Which recording it is."),
            ],
        )

    @classmethod
    def validate_inputs(cls, library: str = NOT_FROM_LIBRARY, name: str = "", save: bool = False) -> bool | str:
        return _check(library, name, save)

    @classmethod
    def fingerprint_inputs(cls, library: str = NOT_FROM_LIBRARY, **_: Any) -> str:
        """Changes with the file of the library that is chosen."""
        return library if library == NOT_FROM_LIBRARY else _stamp(library)

    @classmethod
    def execute(
        cls,
        audio: Any = None,
        library: str = NOT_FROM_LIBRARY,
        name: str = "",
        reference_boost: bool = True,
        emotion: SpeakerEmotion | None = None,
        save: bool = False,
    ) -> io.NodeOutput:
        recording, origin = _choose_recording(audio, library)
        name = name.strip() or (library if library != NOT_FROM_LIBRARY else "")
        info = f"{name or 'unnamed'}: {origin}"
        if save:
            info = f"{info}, kept as {_keep(name, recording)}"
        return io.NodeOutput(NodeVoice(recording, name, reference_boost, emotion), recording, info)


def _voice_inputs() -> list[io.Input]:
    return [
        audio_input("audio", "A few clean seconds of one speaker; 15 at most are used."),
        io.Combo.Input(
            "library",
            options=[NOT_FROM_LIBRARY, *library.list_voices()],
            default=NOT_FROM_LIBRARY,
            optional=True,
            tooltip="A voice that was kept before, in place of audio. They lie in user/default/indextts2/voices.",
        ),
        io.String.Input(
            "name",
            default="",
            optional=True,
            tooltip="What a script calls this speaker. Left empty, voices speak in the order of their sockets.",
        ),
        switch_input("reference_boost", True, "Trim the recording and bring it to one level first."),
        SpeakerEmotionType.Input(
            "emotion",
            optional=True,
            tooltip="How this speaker feels. A tag in the script, such as [Happy], wins for its line.",
        ),
        switch_input("save", False, "Keep the recording in the voice library under its name."),
    ]


def _check(chosen: str, name: str, save: bool) -> bool | str:
    """True, or what is wrong: ComfyUI shows it before anything runs."""
    try:
        if chosen != NOT_FROM_LIBRARY:
            library.voice_file(chosen)
        if save:
            library.check_name(name)
    except AudioError as error:
        return str(error)
    return True


def _stamp(chosen: str) -> str:
    try:
        return f"{chosen} {library.voice_file(chosen).stat().st_mtime_ns}"
    except AudioError as error:
        return str(error)


def _choose_recording(audio: Any, chosen: str) -> tuple[Any, str]:
    """AUDIO, and where it is from in words."""
    if chosen == NOT_FROM_LIBRARY:
        if audio is None:
            raise AudioError("audio: got no recording; connect a Load Audio node, or choose a voice in library")
        return audio, "a connected recording"
    if audio is not None:
        raise AudioError(f"library: got {chosen}, but audio is connected, too; disconnect it or set library to none")
    return library.read_voice(chosen), "from the voice library"


def _keep(name: str, recording: Any) -> str:
    return str(library.save_voice(name, recording).name)
