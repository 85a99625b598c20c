"""How long a line is to last, where its script says so: a tag of its own, or what stands behind a name."""

import pytest
from indextts2_multitalk.indextts.dialogue.script import parse_script
from indextts2_multitalk.indextts.errors import ScriptError

LENGTHS = {
    "Ann: [duration:2.5s] Hello.\nAnn: Bye.": [2.5, None],
    "Ann: Hello. [duration:2500ms]\nAnn: Bye.": [2.5, None],
    "Ann: [时长：3秒] 你好。 [Happy] 再见。": [3.0, None],
    "Ann: Hello [duration:1s] there [duration:2s] you.": [None, 1.0, 2.0],
    "[Ann|duration:1.5] Hello.\nBen: [DURATION=2] Bye.": [1.5, 2.0],
    "Ann: [duration:2s][pause:0.5] Hello.": [2.0],
    '<Ann duration="4s"> Hello [duration:1s] there': [4.0, 1.0],
}


@pytest.mark.parametrize("script", LENGTHS)
def test_a_duration_holds_for_what_it_begins(script: str) -> None:
    assert [line.fixed_seconds for line in parse_script(script)] == LENGTHS[script]


def test_a_duration_factor_is_a_speed() -> None:
    speeds = [line.speed for line in parse_script("[Ann|duration_factor:1.25] One.\n[Ben|speed:0.8] Two.")]
    assert speeds == [0.8, 0.8]


@pytest.mark.parametrize("tag", ["[duration:soon]", "[duration:0]", "[duration:90s]", "[Ann|duration_factor:3]"])
def test_a_duration_that_is_none(tag: str) -> None:
    with pytest.raises(ScriptError):
        parse_script(f"{tag} Hello." if "|" in tag else f"Ann: {tag} Hello.")
