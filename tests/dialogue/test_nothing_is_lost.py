"""Every word of a subtitle or a script is spoken, names a speaker, or is told of in a note."""

from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.dialogue.script import parse_script

SAID = st.sampled_from(["alpha", "beta,", "gamma.", "你好", "42", "delta!", "it's", "a-b", "e…"])
SOUND = st.sampled_from(["[door slams]", "(sighs)", "[MUSIC]", "♪ la la ♪", "*coughs*", "（叹气）", "[zzz]"])
MARKUP = st.sampled_from(["<i>", "</i>", "{\\an8}", "<b>", "<font color='#fff'>", "</font>"])
KINDS = st.one_of(st.tuples(st.just("said"), SAID), st.tuples(st.just("sound"), SOUND), st.tuples(st.just(""), MARKUP))


@given(st.lists(st.lists(KINDS, min_size=1, max_size=7), min_size=1, max_size=4))
def test_what_a_subtitle_holds_is_said_or_told(cues):
    cues = [*cues, [("said", "omega")]]
    blocks = [
        f"{number}\n00:00:{number:02},000 --> 00:00:{number:02},900\n{' '.join(word for _, word in cue)}\n"
        for number, cue in enumerate(cues, start=1)
    ]
    lines = parse_script("\n".join(blocks), ["Anna"])
    said = "".join("".join(line.text.split()) for line in lines)
    notes = " ".join(note for line in lines for note in line.notes)
    assert said == "".join(word for cue in cues for kind, word in cue if kind == "said")
    assert all(word in notes for cue in cues for kind, word in cue if kind == "sound")
    starts = [line.start_seconds for line in lines]
    assert starts == sorted(starts)


NAMES = ["Anna", "小红", "Old Tom"]
LABELS = [
    "{}: {}",
    "{}：{}",
    "[{}] {}",
    "**{}:** {}",
    "- {}: {}",
    "{}|{}",
    "<{}>{}",
    ">> {}: {}",
    "{}\n{}",
    "{} (happy): {}",
]


@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(LABELS), st.lists(SAID, min_size=1, max_size=5)), min_size=1
    )
)
def test_what_a_script_holds_is_said_by_whom_it_names(rows):
    script = "\n\n".join(label.format(name, "x " + " ".join(words)) for name, label, words in rows)
    expected = [(name, "x " + " ".join(words)) for name, _, words in rows]
    assert [(line.speaker, line.text) for line in parse_script(script, NAMES)] == expected
