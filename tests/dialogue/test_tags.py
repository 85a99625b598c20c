import pytest
from indextts2_multitalk.indextts.dialogue.emotions import NAMED_WEIGHT, read_emotion
from indextts2_multitalk.indextts.dialogue.pauses import read_pause
from indextts2_multitalk.indextts.dialogue.script import parse_script
from indextts2_multitalk.indextts.errors import ScriptError
from indextts2_multitalk.indextts.records import EMOTIONS


def lines(text):
    return parse_script(f"A: {text}", ["A"])


def weights(emotion):
    return {name: weight for name, weight in zip(EMOTIONS, emotion.vector, strict=True) if weight}


@pytest.mark.parametrize(
    ("names", "emotion"),
    [
        ("happy Happy HAPPY Excited joyful 高兴 开心", "happy"),
        ("angry 愤怒 生气", "angry"),
        ("sad 悲伤 难过", "sad"),
        ("fear afraid scared 恐惧 害怕", "afraid"),
        ("hate disgusted 反感 厌恶", "disgusted"),
        ("low melancholic 低落 忧郁", "melancholic"),
        ("surprise surprised 惊讶", "surprised"),
        ("neutral calm natural 自然 平静", "calm"),
    ],
)
def test_names_of_emotions(names, emotion):
    for name in names.split():
        assert weights(read_emotion(name)) == {emotion: NAMED_WEIGHT}


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("happy:0.5|sad:0.2", {"happy": 0.5, "sad": 0.2}),
        ("happy=.5, sad=.2", {"happy": 0.5, "sad": 0.2}),
        ("开心：0.5，低落：1", {"happy": 0.5, "melancholic": 1.0}),
        ("sad|hate:0.1", {"sad": NAMED_WEIGHT, "disgusted": 0.1}),
        ("0.1,0,0,0,0,0,0,1", {"happy": 0.1, "calm": 1.0}),
        ("0 0.5 0 0 0 0 0 0", {"angry": 0.5}),
        ("emotion:happy", {"happy": NAMED_WEIGHT}),
        ("emotion: happy:0.5|sad:0.2", {"happy": 0.5, "sad": 0.2}),
    ],
)
def test_weights(tag, expected):
    (line,) = lines(f"[{tag}] hi")
    assert line.emotion.mode == "vector"
    assert weights(line.emotion) == expected


@pytest.mark.parametrize("tag", ['[emotion:"tired but kind"]', "[情感：“tired but kind”]", "[emo='tired but kind']"])
def test_emotion_in_words(tag):
    (line,) = lines(f"{tag} hi")
    assert (line.emotion.mode, line.emotion.text) == ("text", "tired but kind")


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("[happy:1.5]", "happy has weight 1.5, expected 0 to 1"),
        ("[happy:0.5|grumpy:0.2]", "unknown emotion 'grumpy', expected one of happy, angry"),
        ("[0.1, 0.2]", "got 2 numbers, expected eight: happy"),
        ("[0,0,0,0,0,0,0,2]", "calm has weight 2"),
        ("[emotion:mauve]", "unknown emotion 'mauve'"),
        ('[emotion:""]', "the emotion is empty"),
        ("[pause:long]", "got the duration 'long', expected seconds"),
        ("[pause]", "got the duration ''"),
        ("[pause:500]", "a pause of 500 s, expected at most 60"),
        ("-90s-", "a pause of 90 s"),
    ],
)
def test_faulty_tags(tag, message):
    with pytest.raises(ScriptError, match=message) as caught:
        lines(f"hi {tag} ho")
    assert (caught.value.line, caught.value.column) == (1, 7)


@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        *(("pause:2", 2.0), ("pause:500ms", 0.5), ("pause=0.5", 0.5), ("Pause 1.5s", 1.5), ("pause:.5", 0.5)),
        *(('break time="500ms"/', 0.5), ("break time='1s' /", 1.0), ("停顿：1秒", 1.0), ("happy", None)),
        *(("paused", None), ("breaking time", None)),
    ],
)
def test_pauses(content, seconds):
    assert read_pause(content) == seconds


@pytest.mark.parametrize("pause", ["-0.5s-", "-500ms-", "[pause:0.5]", "<pause=0.5>", '<break time="500ms"/>'])
def test_where_a_pause_goes(pause):
    first, second = lines(f"one {pause} two{pause}")
    assert (first.text, first.pause_before, first.pause_after) == ("one", None, 0.5)
    assert (second.text, second.pause_before, second.pause_after) == ("two", None, 0.5)
    (line,) = lines(f"{pause} one {pause}.{pause}")
    assert (line.text, line.pause_before, line.pause_after) == ("one.", 0.5, 1.0)


def test_a_pause_on_its_own_row_follows_the_line_above():
    first, second = parse_script("A: one\n[pause:2]\n-1s-\nB: two", None)
    assert (first.pause_after, second.pause_before) == (3.0, None)


def test_an_emotion_holds_from_its_place_to_the_end_of_the_row():
    one, two, three = lines("[sad] one -1s- two [happy] three")
    assert weights(one.emotion) == weights(two.emotion) == {"sad": NAMED_WEIGHT}
    assert weights(three.emotion) == {"happy": NAMED_WEIGHT}
    assert (one.pause_after, two.pause_after, three.pause_after) == (1.0, 0.0, None)
    (line,) = lines("hello there [happy]")
    assert weights(line.emotion) == {"happy": NAMED_WEIGHT}
    labelled, following = parse_script("A: [happy] one\ntwo", None)
    assert labelled.emotion is not None
    assert following.emotion is None


def test_tags_before_a_label_or_within_it():
    for script in (
        "[sad] A: hi",
        "A [sad]: hi",
        "A:【悲伤】hi",
        "A【sad】：hi",
        "[sad]\nA: hi",
        "A:\n[sad] hi",
        '<A emo="sad">hi',
    ):
        (line,) = parse_script(script, ["A", "B"])
        assert (line.text, weights(line.emotion)) == ("hi", {"sad": NAMED_WEIGHT})


def test_attributes_of_a_label():
    (line,) = parse_script('<Character1 emo="tired, but kind" pause="1.0">Hi.', None)
    assert (line.speaker, line.text, line.emotion.text, line.pause_after) == (
        "Character1",
        "Hi.",
        "tired, but kind",
        1.0,
    )
