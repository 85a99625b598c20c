import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.dialogue.literal_marks import NONCHARACTERS
from indextts2_multitalk.indextts.dialogue.rows import UNSEEN
from indextts2_multitalk.indextts.dialogue.script import parse_script
from indextts2_multitalk.indextts.errors import ScriptError

TWO = ["Speaker1", "Speaker2"]


def said(script, speakers=TWO):
    return [(line.speaker, line.text) for line in parse_script(script, speakers)]


def error(script, speakers=TWO) -> ScriptError:
    with pytest.raises(ScriptError) as caught:
        parse_script(script, speakers)
    return caught.value


@pytest.mark.parametrize(
    "label",
    [
        *("Speaker1: {}", "Speaker1:{}", "speaker1：{}", "SPEAKER 1 : {}", "S1: {}", "s1：{}", "说话人1：{}"),
        *("[S1] {}", "[Speaker1]: {}", "【说话人1】{}", "【Speaker1】：{}", "<S1>{}", "<speaker1> {}", "Speaker1|{}"),
        *("说话人1｜{}", "[S1]\n{}", "Speaker1:\n\n{}", "  Speaker1: {}  ", "Speaker01: {}", "Ｓ１：{}"),
    ],
)
def test_every_label_of_a_numbered_speaker(label):
    assert said("S2: before\n" + label.format("Hello, world.")) == [
        ("Speaker2", "before"),
        ("Speaker1", "Hello, world."),
    ]


@pytest.mark.parametrize("label", ["{}: hi", "{}：hi", "[{}] hi", "【{}】hi", "<{}> hi", "{}|hi", "{} [sad]: hi"])
@pytest.mark.parametrize("name", ["Alice", "老王", "Old Tom", "O'Neil", "Mary-Jane", "Dr. Smith", "R2-D2", "Señor Ñ"])
def test_any_name(label, name):
    assert said(label.format(name), None) == [(name, "hi")]
    assert said(label.format(name.lower()), ["Bob", name]) == [(name, "hi")]


def test_numbered_speakers_have_one_name_where_none_were_given():
    assert said("S1: a\nspeaker 1: b\n说话人2：c", None) == [("Speaker1", "a"), ("Speaker1", "b"), ("Speaker2", "c")]


@pytest.mark.parametrize(
    "text",
    [
        *("12:30 is late", "at 12:30", "http://example.com", "Room 5:30", "so he said: go", "3 < 5 > 2", "a - b -c"),
        *(
            "he, too: yes",
            "一句很长很长的话在这里：好",
            "注意，听好：走",
            "\u2026and so",
            "5-10s- or so",
            "x【注】y: z",
        ),
    ],
)
def test_what_is_no_label_and_no_tag_goes_on_with_the_speaker_above(text):
    assert said(f"S2: before\n{text}") == [("Speaker2", "before"), ("Speaker2", text)]


def test_a_backslash_makes_any_mark_plain_text():
    script = "S1: a\nNote\\: see http://x\n\\# one\n\\[Happy] \\<b> \\-1s- c\\\\d\n小明\\：好"
    assert [text for _, text in said(script)] == [
        "a",
        "Note: see http://x",
        "# one",
        "[Happy] <b> -1s- c\\d",
        "小明：好",
    ]


def test_comments_and_blank_lines_are_left_out_but_counted():
    lines = parse_script("\ufeff# title\r\n\r\nS1: a\r\n  # note\r\nb", TWO)
    assert [(line.index, line.source_line, line.text) for line in lines] == [(0, 3, "a"), (1, 5, "b")]


def test_a_lone_speaker_needs_no_label():
    assert said("Hello.\nAgain.", ["Alice"]) == [("Alice", "Hello."), ("Alice", "Again.")]


@pytest.mark.parametrize("label", ["{}: hi", "{}：hi", "[{}] hi", "【{}】hi", "<{}> hi", "<{} pause='1'> hi", "{}|hi"])
@pytest.mark.parametrize("name", ["Speaker3", "Alice", "旁白", "Old Tom", "S9"])
def test_an_unknown_speaker_is_named_with_line_column_and_the_known_ones(label, name):
    caught = error(f"S1: a\n  {label.format(name)}")
    assert (caught.line, caught.column) == (2, 3)
    assert name in str(caught)
    assert "Speaker1, Speaker2" in str(caught)
    assert "\\" in str(caught)


@pytest.mark.parametrize("tag", ["[Hapy]", "[laughs]", "<b>", "</S1>", "[5]", "[]", "[S7]", "[happi:0.5]"])
def test_an_unknown_tag_is_named_with_line_and_column(tag):
    caught = error(f"S1: a\nS2: b {tag} c")
    assert (caught.line, caught.column) == (2, 7)
    assert "happy, angry, sad" in str(caught)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("", "the script says nothing"),
        ("# nothing\n\n", "the script says nothing"),
        ("-1s-", "the script says nothing"),
        ("S1:", "the script says nothing"),
        ("S1: a [pause:1", "line 1, column 7: '\\[' is never closed"),
        ("S1: [sad] a [happy]", "line 1, column 13: an emotion with no text after it"),
        ("S1: a\n[happy]", "line 2, column 1: an emotion with no text after it"),
        ("S1【注】: a", "line 1, column 3: unknown tag 【注】"),
        ("<S1 mood='x'> a", "line 1, column 1: got mood='x', expected emo="),
        ("<S1 pause='x'> a", "line 1, column 1: got the duration 'x'"),
    ],
)
def test_other_mistakes(script, message):
    with pytest.raises(ScriptError, match=message):
        parse_script(script, TWO)


def test_subtitles():
    script = (
        "1\n00:00:01,000 --> 00:00:02,000\nAlice: Hello\nthere <i>you</i>\n\n"
        "2\n00:00:03,500 --> 00:00:04,000 X1:1\nBob: [sad] one -1s- two\nAlice: three\n\n"
        "3\n00:00:05.000 --> 00:00:06.000\n\n"
        "4\n00:00:07,000 --> 00:00:08,000\n{\\an8}4\n"
    )
    lines = parse_script(script.replace("\n", "\r\n"), ["Alice", "Bob"])
    assert [(line.speaker, line.text, line.start_seconds, line.source_line) for line in lines] == [
        ("Alice", "Hello there you", 1.0, 3),
        ("Bob", "one", 3.5, 8),
        ("Bob", "two", None, 8),
        ("Alice", "three", None, 9),
        ("Alice", "4", 7.0, 16),
    ]


def test_a_damaged_time_names_its_line():
    damaged = "2\nnonsense --> here\nS1: b"
    with pytest.raises(ScriptError, match=r"line 6, column 1: .*got 'nonsense --> here', expected times such as"):
        parse_script(f"1\n00:00:01,000 --> 00:00:02,000\nS1: a\n\n{damaged}", TWO)
    with pytest.raises(ScriptError, match=r"line 2, column 1: .*'nonsense --> here'"):
        parse_script(f"{damaged}\n\n3\n00:00:06,000 --> 00:00:07,000\nS1: a", TWO)


WORDS = st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1, max_size=6)
TEXT = st.lists(WORDS, min_size=1, max_size=5).map(" ".join)
NAMES = ("Alice", "小红", "Speaker2", "Old Tom")
LABELS = ("{}: {}", "{}：{}", "[{}] {}", "【{}】{}", "<{}> {}", "{}|{}", "{}:\n{}", "# x\n\n  {} : {}", "[{}]\n{}")
TAGS = ("[Happy]", "[sad:0.5|happy:0.1]", "-0.8s-", "[pause:2]", "<pause=0.5>", '<break time="500ms"/>', "[停顿:1秒]")


@given(st.lists(st.tuples(st.sampled_from(NAMES), TEXT, st.sampled_from(LABELS)), min_size=1, max_size=8))
def test_generated_scripts_come_back(lines):
    script = "\n".join(label.format(name, text) for name, text, label in lines)
    assert said(script, NAMES) == [(name, text) for name, text, _ in lines]


@given(st.lists(st.one_of(WORDS, st.sampled_from(TAGS), st.sampled_from([",", "。", "…", "!"])), max_size=12))
def test_tags_take_no_text_with_them(parts):
    script = "Alice: start " + " ".join(parts) + " end"
    text = "".join(line.text for line in parse_script(script, NAMES))
    expected = "start" + "".join(part for part in parts if part not in TAGS) + "end"
    assert re.sub(r"\s", "", text) == expected


CHANGED = "\u2028\u2029［］＜＞﹕︰∶" + UNSEEN + "".join(map(chr, NONCHARACTERS))


@given(st.text(alphabet=st.characters(exclude_characters=CHANGED, exclude_categories=["Cs", "Cc"]), max_size=40))
def test_escaped_text_comes_back_whatever_it_holds(text):
    escaped = re.sub(r"([\[\]【】<>:：|｜#\\-])", r"\\\1", text)
    assert said(f"Alice: .{escaped}.\nx{escaped}.", NAMES) == [("Alice", f".{text}."), ("Alice", f"x{text}.")]


MARKS = st.sampled_from(
    [*"[]【】<>:：|#\\-=\"' \n\t.0195asS", "happy", "pause", "S1", "00:00:01,000 --> 00:00:02,000\n"]
)


@given(st.one_of(st.text(max_size=60), st.lists(MARKS, max_size=25).map("".join)), st.booleans())
def test_any_script_is_read_or_refused(script, known):
    try:
        lines = parse_script(script, TWO if known else None)
    except ScriptError:
        return
    assert lines
    assert [line.index for line in lines] == list(range(len(lines)))
    assert all(line.text.strip() and line.speaker for line in lines)
