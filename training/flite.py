"""Debian's flite through its C library: a sentence to samples, phones and words, with a pitch contour of our choosing.

Statistical voices (slt, rms, awb) are rendered twice: the second time from the first one's spectra and a new contour.
The diphone voice (kal16) takes a mean and a deviation instead.
"""

import ctypes
from ctypes import POINTER, c_char_p, c_float, c_int, c_short, c_void_p
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SAMPLE_RATE = 16000
VOICES = ("slt", "rms", "awb", "kal16")
_CONTOUR_VOICES = ("slt", "rms", "awb")
_NEUTRAL_DEVIATION = 0.11
"""Deviation of kal16's pitch over its mean that sounds as lively as the other voices do on their own."""


@dataclass(frozen=True)
class Prosody:
    """pitch_hz: geometric mean. span: factor on the contour's width (in octaves). stretch: factor on durations."""

    pitch_hz: float
    span: float = 1.0
    stretch: float = 1.0


@dataclass(frozen=True, eq=False)
class Speech:
    """samples: float32 [N] in -1..1 at 16 kHz. phones: names and end times in seconds; words: start and end of each.

    A word is one that stands between spaces in the text.
    """

    samples: np.ndarray
    phones: tuple[tuple[str, float], ...]
    words: tuple[tuple[float, float], ...]


class FliteMissingError(RuntimeError):
    """flite's libraries are not installed."""


class _Wave(ctypes.Structure):
    _fields_ = [
        ("type", c_char_p),
        ("sample_rate", c_int),
        ("num_samples", c_int),
        ("num_channels", c_int),
        ("samples", POINTER(c_short)),
    ]


class _Track(ctypes.Structure):
    _fields_ = [
        ("type", c_char_p),
        ("num_frames", c_int),
        ("num_channels", c_int),
        ("times", POINTER(c_float)),
        ("frames", POINTER(POINTER(c_float))),
    ]


class _Voice(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("features", c_void_p)]


class _Utterance(ctypes.Structure):
    _fields_ = [("features", c_void_p)]


_FUNCTIONS = {
    "flite_synth_text": (POINTER(_Utterance), [c_char_p, POINTER(_Voice)]),
    "utt_wave": (POINTER(_Wave), [POINTER(_Utterance)]),
    "utt_relation": (c_void_p, [POINTER(_Utterance), c_char_p]),
    "relation_head": (c_void_p, [c_void_p]),
    "item_next": (c_void_p, [c_void_p]),
    "item_as": (c_void_p, [c_void_p, c_char_p]),
    "item_daughter": (c_void_p, [c_void_p]),
    "item_last_daughter": (c_void_p, [c_void_p]),
    "item_prev": (c_void_p, [c_void_p]),
    "item_feat_string": (c_char_p, [c_void_p, c_char_p]),
    "item_feat_float": (c_float, [c_void_p, c_char_p]),
    "feat_set_float": (None, [c_void_p, c_char_p, c_float]),
    "feat_val": (c_void_p, [c_void_p, c_char_p]),
    "val_track": (POINTER(_Track), [c_void_p]),
    "val_cg_db": (c_void_p, [c_void_p]),
    "mlpg": (POINTER(_Track), [POINTER(_Track), c_void_p]),
    "mlsa_resynthesis": (POINTER(_Wave), [POINTER(_Track), POINTER(_Track), c_void_p, c_void_p, c_int]),
    "delete_utterance": (None, [POINTER(_Utterance)]),
    "delete_track": (None, [POINTER(_Track)]),
    "delete_wave": (None, [POINTER(_Wave)]),
}

# flite keeps the pointer to a feature's name, so the names must outlive every call.
_STRETCH, _MEAN, _DEVIATION = (
    ctypes.create_string_buffer(name) for name in (b"duration_stretch", b"int_f0_target_mean", b"int_f0_target_stddev")
)


class Flite:
    """One process' flite. `folder`: where the libraries lie; None for the system's own place."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        if folder is not None and (alsa := folder / "libasound.so.2").is_file():
            ctypes.CDLL(str(alsa), mode=ctypes.RTLD_GLOBAL)  # flite links it and never plays a sound here
        self._lib = self._open("flite")
        for name in ("flite_usenglish", "flite_cmulex"):
            self._open(name)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(self._lib, name)
            function.restype, function.argtypes = result, arguments
        self._lib.flite_init()
        self._voices = {name: self._register(name) for name in VOICES}

    def speak(self, voice: str, text: str, prosody: Prosody) -> Speech:
        """`text` of plain words and punctuation in one of `VOICES`."""
        self._set(voice, prosody)
        utterance = self._lib.flite_synth_text(text.encode("ascii"), self._voices[voice])
        try:
            contour = voice in _CONTOUR_VOICES
            samples = (
                self._resynthesized(utterance, prosody) if contour else self._samples(self._lib.utt_wave(utterance))
            )
            return Speech(samples, self._phones(utterance), self._words(utterance))
        finally:
            self._lib.delete_utterance(utterance)

    def _open(self, name: str) -> ctypes.CDLL:
        file = f"lib{name}.so.1"
        try:
            return ctypes.CDLL(str(self._folder / file if self._folder else file), mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise FliteMissingError(f"{file}: {error}; install Debian's package libflite1") from error

    def _register(self, name: str) -> "ctypes._Pointer[_Voice]":
        register = getattr(self._open(f"flite_cmu_us_{name}"), f"register_cmu_us_{name}")
        register.restype, register.argtypes = POINTER(_Voice), [c_char_p]
        return register(None)

    def _set(self, voice: str, prosody: Prosody) -> None:
        features = self._voices[voice].contents.features
        self._lib.feat_set_float(features, _STRETCH, prosody.stretch)
        if voice not in _CONTOUR_VOICES:
            self._lib.feat_set_float(features, _MEAN, prosody.pitch_hz)
            self._lib.feat_set_float(features, _DEVIATION, _NEUTRAL_DEVIATION * prosody.span * prosody.pitch_hz)

    def _resynthesized(self, utterance: "ctypes._Pointer[_Utterance]", prosody: Prosody) -> np.ndarray:
        features = utterance.contents.features
        spectra = self._lib.val_track(self._lib.feat_val(features, b"param_track"))
        excitation = self._lib.val_track(self._lib.feat_val(features, b"str_track"))
        database = self._lib.val_cg_db(self._lib.feat_val(features, b"cg_db"))
        track = self._lib.mlpg(spectra, database)
        _bend(track.contents, prosody)
        wave = self._lib.mlsa_resynthesis(track, excitation, database, None, 0)
        samples = self._samples(wave)
        self._lib.delete_wave(wave)
        self._lib.delete_track(track)
        return samples

    @staticmethod
    def _samples(wave: "ctypes._Pointer[_Wave]") -> np.ndarray:
        count = wave.contents.num_samples
        return np.ctypeslib.as_array(wave.contents.samples, (count,)).astype(np.float32) / 2**15

    def _phones(self, utterance: "ctypes._Pointer[_Utterance]") -> tuple[tuple[str, float], ...]:
        return tuple(
            (self._lib.item_feat_string(item, b"name").decode(), self._lib.item_feat_float(item, b"end"))
            for item in self._items(utterance, b"Segment")
        )

    def _words(self, utterance: "ctypes._Pointer[_Utterance]") -> tuple[tuple[float, float], ...]:
        spans = []
        for token in self._items(utterance, b"Token"):
            first, last = self._lib.item_daughter(token), self._lib.item_last_daughter(token)
            if first and last:
                spans.append((self._edge(first, b"start"), self._edge(last, b"end")))
        return tuple(spans)

    def _edge(self, word: int, side: bytes) -> float:
        """When a word's first phone starts or its last one ends, seconds."""
        down = self._lib.item_daughter if side == b"start" else self._lib.item_last_daughter
        phone = down(down(self._lib.item_as(word, b"SylStructure")))
        if side == b"start":
            phone = self._lib.item_prev(self._lib.item_as(phone, b"Segment"))
        return float(self._lib.item_feat_float(phone, b"end")) if phone else 0.0

    def _items(self, utterance: "ctypes._Pointer[_Utterance]", relation: bytes):
        item = self._lib.relation_head(self._lib.utt_relation(utterance, relation))
        while item:
            yield item
            item = self._lib.item_next(item)


def _bend(track: _Track, prosody: Prosody) -> None:
    """Give the contour (first channel, Hz, 0 where unvoiced) another mean and width."""
    hz = np.array([track.frames[frame][0] for frame in range(track.num_frames)])
    voiced = hz > 0
    octaves = np.log2(np.where(voiced, hz, 1.0))
    middle = octaves[voiced].mean() if voiced.any() else 0.0
    bent = np.where(voiced, prosody.pitch_hz * 2.0 ** (prosody.span * (octaves - middle)), 0.0)
    for frame in range(track.num_frames):
        track.frames[frame][0] = bent[frame]
