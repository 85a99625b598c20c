"""Recordings in the formats that phones and videos have them in."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from indextts2_multitalk.indextts import audio_file
from indextts2_multitalk.indextts.audio_file import read_audio
from indextts2_multitalk.indextts.errors import AudioError

RATE = 48000
CODECS = {
    "m4a": "aac",
    "mp4": "aac",
    "aac": "aac",
    "webm": "libopus",
    "mov": "pcm_s16le",
}


def tone(seconds: float) -> np.ndarray:
    return 0.3 * np.sin(np.arange(round(seconds * RATE)) * 0.05, dtype=np.float32)


def encode(file: Path, seconds: float) -> Path:
    av = pytest.importorskip("av")
    with av.open(str(file), "w") as container:
        stream = container.add_stream(CODECS[file.suffix[1:]], rate=RATE)
        stream.layout = "stereo"
        samples = np.stack([tone(seconds)] * 2)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="stereo")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return file


@pytest.mark.parametrize("suffix", CODECS)
def test_what_phones_and_videos_hold(tmp_path: Path, suffix: str) -> None:
    audio = read_audio(encode(tmp_path / f"voice.{suffix}", 2.0))
    assert (audio.sample_rate, len(audio.samples)) == (RATE, 2)
    assert audio.seconds == pytest.approx(2.0, abs=0.1)
    assert float(audio.samples.square().mean().sqrt()) == pytest.approx(0.3 / 2**0.5, rel=0.1)


@pytest.mark.parametrize("suffix", ["wav", "m4a"])
def test_a_long_file_is_read_to_the_minute(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"long.{suffix}"
    if suffix == "wav":
        soundfile.write(file, tone(70), RATE)
    else:
        encode(file, 70)
    assert read_audio(file).samples.shape[1] == 60 * RATE


def test_without_pyav_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "voice.m4a"
    file.write_bytes(b"no sound")
    monkeypatch.setattr(audio_file, "find_spec", lambda name: None)
    with pytest.raises(AudioError, match=r"expected wav, flac, ogg, mp3. For m4a, .* install PyAV: pip install av"):
        read_audio(file)


def test_no_sound_at_all(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    with pytest.raises(AudioError, match="no such file"):
        read_audio(tmp_path / "none.m4a")
    broken = tmp_path / "broken.m4a"
    broken.write_bytes(b"no sound")
    with pytest.raises(AudioError, match=r"broken.m4a: cannot be read as audio \(.*expected wav, .*webm"):
        read_audio(broken)
    silent = tmp_path / "silent.mp4"
    with av.open(str(silent), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        for packet in [*stream.encode(av.VideoFrame(64, 64, "yuv420p")), *stream.encode(None)]:
            container.mux(packet)
    with pytest.raises(AudioError, match="has no sound track"):
        read_audio(silent)


@pytest.mark.parametrize(
    "name", ["n" * 300 + ".wav", "a\ud83d.wav", "a\0.wav", "http://127.0.0.1:9/x.wav", "pipe:0", ""]
)
def test_names_of_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(AudioError, match="cannot be read as audio"):
        read_audio(tmp_path / name)


def test_a_list_of_other_files_is_no_recording(tmp_path: Path) -> None:
    pytest.importorskip("av")
    inner = encode(tmp_path / "inner.m4a", 0.5)
    lists = {
        "list.mp4": f"#EXTM3U\n#EXTINF:1\n{inner}\n#EXT-X-ENDLIST\n",
        "concat.mp4": f"ffconcat version 1.0\nfile {inner.name}\n",
        "list.raw": "x" * 1000,
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(AudioError, match="cannot be read as audio"):
            read_audio(tmp_path / name)
