"""The whole way from lines to takes, on a seeded model in the released layout."""

import os
import shutil
from dataclasses import replace

import pytest
import torch
from indextts2_multitalk.indextts.errors import AudioError, OutOfMemory, TextError
from indextts2_multitalk.indextts.events import Event
from indextts2_multitalk.indextts.options import LoadOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import Codes, Emotion, Voice
from indextts2_multitalk.indextts.segments import count_mel_frames


def speak(pipeline, lines, options, on_event=None):
    return list(pipeline.speak(lines, options, *([on_event] if on_event else [])))


def test_every_line_is_spoken_in_script_order(pipeline, lines, options):
    takes = speak(pipeline, lines, options)
    assert [take.line.index for take in takes] == [0, 1, 2]
    for take in takes:
        assert take.waveform.shape[0] == 1
        assert take.waveform.dtype == torch.float32
        assert torch.isfinite(take.waveform).all()
        assert 0 < take.waveform.abs().max() <= 1


def test_waveform_is_as_long_as_its_codes_say(pipeline, lines, options):
    take = speak(pipeline, lines[:1], options)[0]
    assert take.waveform.shape[1] == 256 * int(len(take.codes[0]) * 1.72)


def test_same_seed_same_take_whatever_else_runs(pipeline, lines, options):
    together = speak(pipeline, lines, options)
    alone = speak(pipeline, lines[1:2], options)[0]
    assert [c.tolist() for c in alone.codes] == [c.tolist() for c in together[1].codes]
    torch.testing.assert_close(alone.waveform, together[1].waveform, atol=2e-3, rtol=0)


def test_another_seed_rerolls_one_line_and_leaves_the_others(pipeline, lines, options, codes):
    before = codes(speak(pipeline, lines, options))
    after = codes(speak(pipeline, [lines[0], replace(lines[1], seed=12345), lines[2]], options))
    assert before[0] == after[0]
    assert before[1] != after[1]
    assert before[2] == after[2]


def test_plain_and_accelerated_say_the_same(released_folder, lines, options, codes):
    said = [
        codes(speak(Pipeline.load(released_folder, LoadOptions(device="cpu", use_accel=accel)), lines, options))
        for accel in (False, True)
    ]
    assert said[0] == said[1]


def test_speed_changes_length_not_codes(pipeline, lines, options):
    normal = speak(pipeline, lines[:1], options)[0]
    fast = speak(pipeline, [replace(lines[0], speed=2.0)], options)[0]
    assert [c.tolist() for c in normal.codes] == [c.tolist() for c in fast.codes]
    assert abs(fast.seconds / normal.seconds - 0.5) < 0.05


@pytest.mark.parametrize(("speed", "frames"), [(1.0, 172), (2.0, 86), (0.5, 344), (1.3, 132)])
def test_frames_follow_speed(speed, frames):
    assert count_mel_frames(Codes(torch.zeros(100, dtype=torch.int64), torch.zeros(100, 4)), 1.72, speed) == frames


def test_emotion_changes_the_take(pipeline, lines, options, codes):
    plain = codes(speak(pipeline, lines[:1], options))
    happy = Emotion("vector", vector=(1.0, 0, 0, 0, 0, 0, 0, 0))
    assert codes(speak(pipeline, [replace(lines[0], emotion=happy)], options)) != plain


def test_a_voice_is_computed_once(pipeline, lines, options, monkeypatch):
    pipeline.release()
    heard = []
    compute = pipeline._conditioning._compute_voice
    monkeypatch.setattr(pipeline._conditioning, "_compute_voice", lambda *a: heard.append(1) or compute(*a))
    speak(pipeline, lines, options)
    speak(pipeline, lines, options)
    assert len(heard) == 2


def test_long_text_becomes_segments_with_a_breath_between(pipeline, lines, options):
    long = replace(lines[0], text="One two three. Four five six. Seven eight nine. Ten eleven twelve.")
    take = speak(pipeline, [long], replace(options, max_segment_tokens=8))[0]
    assert len(take.codes) > 1
    gap = round(0.2 * 22050)
    spoken = sum(256 * int(len(codes) * 1.72) for codes in take.codes)
    assert take.waveform.shape[1] == spoken + gap * (len(take.codes) - 1)


def test_what_runs_out_of_codes_is_noted(pipeline, lines, options):
    takes = speak(pipeline, lines, replace(options, max_codes=3))
    assert any("cut off after 3 codes" in note for take in takes for note in take.notes)
    assert "cut off" in pipeline.report().to_text()


def test_an_error_names_its_line(pipeline, lines, options):
    with pytest.raises(TextError, match=r"line 2 \(Bob\)"):
        speak(pipeline, [lines[0], replace(lines[1], text="привет"), lines[2]], options)
    with pytest.raises(AudioError, match=r"line 3 \(Ann\).*no voice"):
        speak(pipeline, [*lines[:2], replace(lines[2], voice=None)], options)
    with pytest.raises(AudioError, match=r"line 1 \(Ann\)"):
        speak(pipeline, [replace(lines[0], voice=Voice("Ann", None))], options)


@pytest.mark.parametrize("silent", [[0], [1], [2], [0, 1, 2]])
def test_a_line_without_letters_is_a_pause_and_a_note(pipeline, lines, options, silent):
    mixed = [replace(line, text="……", notes=("line 1: x",)) if line.index in silent else line for line in lines]
    takes = speak(pipeline, mixed, options)
    assert [take.line for take in takes] == mixed
    for take in takes:
        assert bool(take.waveform.any()) == (take.line.index not in silent)
        assert take.waveform.shape[1] > 0
    assert pipeline.report().to_text().count("'……' has no letters and is a pause") == len(silent)
    assert "left out or changed:\n  line 1: x" in pipeline.report().to_text()


def test_a_line_has_the_language_that_its_script_gives_it(pipeline, lines, options, monkeypatch):
    asked = []
    prepare = pipeline._text.prepare_text
    monkeypatch.setattr(pipeline._text, "prepare_text", lambda *given: asked.append(given[1]) or prepare(*given))
    speak(pipeline, [lines[0], replace(lines[0], language="zh"), replace(lines[0], language="auto")], options)
    assert asked == ["en", "zh", "en"]


def test_a_run_can_be_cancelled_inside_a_long_text(pipeline, lines, options):
    told = []

    def stop(event: Event) -> None:
        told.append(event)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        speak(pipeline, [replace(lines[0], text="how are you " * 1000)], options, stop)
    assert {event.stage for event in told} == {"text"}
    assert speak(pipeline, lines[:1], options)


@pytest.mark.parametrize("stage", ["conditioning", "gpt", "s2mel", "vocoder"])
def test_cancelled_anywhere_it_runs_again_unharmed(pipeline, lines, options, codes, stage):
    expected = codes(speak(pipeline, lines, options))

    class Interrupt(BaseException):
        pass

    def stop(event: Event) -> None:
        if event.stage == stage and event.done > 0:
            raise Interrupt

    with pytest.raises(Interrupt) as held:
        speak(pipeline, lines, options, stop)
    assert codes(speak(pipeline, lines, options)) == expected
    assert held.value.__traceback__ is not None, "the run before is still referred to while the next one runs"


def test_progress_never_goes_back_within_a_stage(pipeline, lines, options):
    events: list[Event] = []
    speak(pipeline, lines, options, events.append)
    assert {event.stage for event in events} == {"text", "conditioning", "gpt", "latents", "s2mel", "vocoder"}
    for stage in {event.stage for event in events}:
        done = [event.done for event in events if event.stage == stage]
        assert done == sorted(done), stage
    assert all(0 <= event.done <= event.total for event in events)
    last = {event.stage: event for event in events}
    assert all(event.done == event.total for event in last.values())
    assert last["vocoder"].total == 3


def test_a_long_call_tells_how_far_it_is(released_folder, lines, options):
    """On a CPU: of every block of every flow step, and of the vocoder inside of one line."""
    pipeline, events = Pipeline.load(released_folder, LoadOptions(device="cpu")), []
    speak(pipeline, lines[:1], options, events.append)
    places = {stage: {e.done for e in events if e.stage == stage} for stage in ("conditioning", "s2mel", "vocoder")}
    blocks = len(pipeline.modules.s2mel.cfm.estimator.transformer.layers)
    assert len(places["s2mel"]) > (options.steps - 1) * 2 * blocks
    assert len(places["conditioning"]) > len(pipeline.modules.semantic.layers)
    assert len(places["vocoder"]) > len(pipeline.modules.vocoder.resblocks)
    hooked = [part for part in pipeline.modules.modules() if part._forward_hooks]
    assert not hooked, "hooks stay behind"


def test_finished_lines_are_not_lost(pipeline, lines, options):
    takes = pipeline.speak(lines, replace(options, flow_batch=1))
    first = next(takes)
    takes.close()
    assert first.line.index == 0
    assert len(speak(pipeline, lines, options)) == 3


def test_no_graph_is_kept(pipeline, lines, options):
    take = speak(pipeline, lines[:1], options)[0]
    assert take.waveform.grad_fn is None
    voice = pipeline._conditioning.encode_voice(lines[0].voice.audio)
    assert all(tensor.is_inference() and tensor.grad_fn is None for tensor in vars(voice).values())


def test_the_report_says_what_ran(pipeline, lines, options):
    speak(pipeline, lines, options)
    text = pipeline.report().to_text()
    assert "float32" in text
    assert "lines: 3 in 3 segments, 2 voices" in text
    assert ("engine" in text) == pipeline.options.use_accel
    assert "RTF" in text


def test_two_pipelines_live_side_by_side(released_folder, pipeline, lines, options, codes):
    other = Pipeline.load(released_folder, LoadOptions(device="cpu"))
    one, two = pipeline.speak(lines, options), other.speak(lines, options)
    interleaved = [(next(one), next(two)) for _ in lines]
    assert codes([a for a, _ in interleaved]) == codes([b for _, b in interleaved])


def test_a_segment_the_model_leaves_empty_is_noted(pipeline, lines, options):
    stop = pipeline.modules.config.gpt.stop_mel_token
    pipeline.release()
    with torch.inference_mode():
        bias = pipeline.modules.gpt.mel_head.bias
        before = bias.clone()
        bias[stop] += 1e4
        try:
            takes = speak(pipeline, lines, options)
        finally:
            bias.copy_(before)
    assert [take.waveform.shape[1] for take in takes] == [0, 0, 0]
    assert all("try another seed" in note for take in takes for note in take.notes)


def test_too_little_memory_says_what_to_lower(pipeline, lines, options, monkeypatch):
    def refuse(*_: object) -> None:
        raise torch.OutOfMemoryError("tried to allocate 2 GiB")

    monkeypatch.setattr(pipeline.modules.s2mel, "generate_mels", refuse)
    with pytest.raises(OutOfMemory, match=r"2 GiB.*num_beams"):
        speak(pipeline, lines, options)


def test_a_glossary_in_the_models_folder_is_read(released_folder, lines, options, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(released_folder, folder, copy_function=os.link)
    (folder / "glossary.yaml").write_text("k8s: K eight S", encoding="utf-8")
    pipeline = Pipeline.load(folder, LoadOptions(device="cpu"))
    speak(pipeline, [replace(lines[0], text="Hello k8s.")], options)
    assert pipeline._text.normalizer.normalize("我们用k8s部署") == "我们用K eight S部署"
