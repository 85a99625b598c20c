"""Acoustic features against the golden ones."""

from indextts2_multitalk.indextts.conditioning.features import (
    KaldiFilterBank,
    MelSpectrogram,
    log_energies,
    subtract_mean,
)

VERSIONS = ("2.0",)


def test_mel(goldens, close):
    figures = goldens.npz("audio")
    mel = MelSpectrogram()(figures["wav22"])
    close(mel[None], figures["mel"], 1e-4)


def test_fbank(goldens, close):
    figures = goldens.npz("audio")
    fbank = log_energies(KaldiFilterBank(figures["fbank"].shape[1])(figures["wav16"]))
    close(fbank, figures["fbank"], 1e-4)
    close(subtract_mean(fbank), figures["fbank_centred"], 1e-4)
