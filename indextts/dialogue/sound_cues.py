"""What is heard and not said: `[door slams]`, `♪ … ♪`, `(sighs)`, `*laughs*`."""

import re
from collections.abc import Callable, Sequence

_NOTES = "♪♫♬♩🎵🎶¶"
_SONG = re.compile(rf"[{_NOTES}]{{1,9}}(?:[^{_NOTES}]*[{_NOTES}]{{1,9}}|[^\n{_NOTES}]*)")
_EMPTY = re.compile(r"[\[(（【]\s{0,9}[\])）】]")
_HASH_SONG = re.compile(r"^[^\S\n]{0,9}#(?:[^\S\n].*|[^\n#]*#[^\S\n]{0,9})$", re.MULTILINE)
_ASIDE = re.compile(r"[(（](?P<round>[^()（）]*)[)）]|\*{1,3}(?P<starred>[^*]+)\*{1,3}")
_SOUND = re.compile(
    r"\b(?:sigh|laugh|chuckl|giggl|cough|gasp|groan|moan|sob|cry|cries|crying|scream|shout|yell|whisper|mutter|mumbl"
    r"|sniff|snor|yawn|clears?\b|grunt|pant(?:s|ing)\b|breath|exhal|inhal|music|song|sing(?:s|ing)\b|hum(?:s|ming)\b"
    r"|applau|clap|cheer|door|phone|ring(?:s|ing)\b|bell|knock|footstep|thunder|gunshot|gunfire|explo|siren|horn"
    r"|engine|bark|meow|beep|buzz|click|static|silence|pause|beat\b|inaudible|indistinct|unintelligible|speaking"
    r"|smil|grin|smirk|nods?\b|shrug|frown|blush|wink|blink|stammer|stutter|whistl|snicker|scoff|gulp|wail|weep|whimper|growl|snarl|roar|chatter|crowd|narrat)"
    r"|[笑哭叹咳]|音乐|掌声|欢呼|脚步|敲门|关门|开门|铃声|枪声|爆炸|雷声|雨声|风声|尖叫|喘|哽咽|沉默|画外音|低语|耳语"
    r"|歌声|鼓掌|电话|背景音|静默|听不清|停顿",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,，;；0-9]|\b(?:I|you|we|well|is|was|are)\b|[是我你他她]", re.IGNORECASE)
"""What stands in brackets of a sentence, and in no sound."""
_WORD_BEFORE, _WORD_BEHIND = re.compile(r"\w\s?$"), re.compile(r"\s?\w")
_OPENS = re.compile(r"(?:^|[:：])[\s\-–—]*$")
_MOST_WORDS = 6
_LAST_SPACED = 0x2E7F
"""Scripts whose letters stand beyond have no spaces between words."""
_NO_SPACE = re.compile("[,.!?;:…\u2e80-\U0003ffff]")


def remove_songs(text: str) -> tuple[str, list[str]]:
    """A subtitle's rows without what is sung, and the songs; the rows stay as many as they were.

    A row that begins with # and a space, or ends with another, is sung too, as British subtitles have it; #1 is said.
    """
    songs: list[str] = []

    def leave_out(match: re.Match[str]) -> str:
        songs.append(" ".join(match.group().split()))
        return "\n" * match.group().count("\n")

    rest = _HASH_SONG.sub(leave_out, _SONG.sub(leave_out, text))
    return (_EMPTY.sub("", rest) if songs else rest), songs


def remove_asides(text: str, is_kept: Callable[[str], bool]) -> tuple[str, list[str]]:
    """`text` without asides that name a sound or stand at its start, and these.

    Others belong to the sentence. `is_kept`: whether what an aside at the start holds is a speaker or an emotion.
    """
    asides: list[str] = []
    pieces: list[str] = []
    end = 0
    for match in _ASIDE.finditer(text):
        content = match["round"] if match["starred"] is None else match["starred"]
        begins = match["starred"] is None and _OPENS.search(match.string[max(0, match.start() - 9) : match.start()])
        if (begins and is_kept(content)) or not _is_sound(content, bool(begins)) or _is_said(match, content, begins):
            continue
        asides.append(match.group())
        pieces.append(text[end : match.start()])
        end = match.end() + (text[match.end() : match.end() + 1] in (":", "：") if begins else 0)
    return close_gaps([*pieces, text[end:]]), asides


def _is_said(match: re.Match[str], content: str, begins: object) -> bool:
    """Whether an aside inside a sentence is part of it: a clause in brackets, or emphasis such as *the phone*."""
    if begins:
        return False
    if match["starred"] is None:
        return _CLAUSE.search(content) is not None
    inside = _WORD_BEFORE.search(match.string[max(0, match.start() - 2) : match.start()]) and _WORD_BEHIND.match(
        match.string, match.end()
    )
    return bool(inside) and not content.split()[0].endswith(("s", "ing"))


def close_gaps(pieces: Sequence[str]) -> str:
    """What is left of a text around what was left out: one space at each gap, where there were words in Latin."""
    if len(pieces) == 1:
        return pieces[0]
    parts: list[str] = []
    for piece in filter(None, map(str.strip, pieces)):
        if parts and not _NO_SPACE.match(piece) and ord(parts[-1][-1]) <= _LAST_SPACED:
            parts.append(" ")
        parts.append(piece)
    return "".join(parts)


def _is_sound(content: str, begins: bool) -> bool:
    if not any(map(str.isalpha, content)) or len(content.split()) > _MOST_WORDS:
        return False
    return begins or _SOUND.search(content) is not None
