"""What is paid ahead of its time: in threads, which nobody waits for and whose failures nobody feels."""

import logging
import threading

import pytest
import torch
from helpers.tiny_encoders import tiny_encoders, tiny_semantic
from indextts2_multitalk.indextts.loading import warm_up


def wait_for_all():
    for thread in threading.enumerate():
        if thread.name.startswith("warm up"):
            thread.join()


def test_work_runs_aside_in_inference_mode_and_may_fail(caplog):
    seen = []

    def work():
        seen.append((torch.is_inference_mode_enabled(), threading.current_thread() is threading.main_thread()))
        raise RuntimeError("out of luck")

    with caplog.at_level(logging.INFO):
        warm_up._run_aside("hoping", torch.device("cpu"), work)
        wait_for_all()
    assert seen == [(True, False)]
    assert "hoping ahead of time failed: out of luck" in caplog.text


def test_encoders_hear_noise_as_they_hear_a_voice(tmp_path):
    encoders, heard = tiny_encoders(tiny_semantic(tmp_path)), []
    latents = encoders.voice.voice_latents
    encoders.voice.voice_latents = lambda *given: heard.append(1) or latents(*given)
    warm_up._hear_noise(encoders, torch.device("cpu"))
    assert heard == [1]


def test_a_cpu_has_no_libraries_to_load(tmp_path, monkeypatch):
    monkeypatch.setattr(warm_up, "_run_aside", lambda *_: pytest.fail("nothing to do"))
    warm_up.warm_up_device(torch.device("cpu"))
    warm_up.warm_up_encoders(tiny_encoders(tiny_semantic(tmp_path)))
