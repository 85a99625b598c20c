"""English Roman numerals: chapters, rulers, wars, centuries; I, mix and Malcolm X are none."""

import re

from .english_numbers import count_roman, spell_cardinal, spell_ordinal
from .rule import Rule, match_any

_ROMAN_HEADS = (
    "Chapter|Part|Act|Scene|Book|Volume|Section|Article|Appendix|Phase|Type|Class|Level|Stage|Episode|Season|War|Bowl|Title"
    "|Grade|Unit|Figure|Table|Canto|Round|Lesson|Schedule|Tier|Mark|Page|Form|Column|Category|Group|Step|Verse|Psalm|Sonata"
    "|Symphony|Concerto|Movement|Vatican|Apollo|Division|Region|Zone|Area|Plan|Protocol|Amendment|Item|Case|Factor|Module"
)
_RULERS = (
    "Henry|Louis|Charles|George|Edward|Elizabeth|Richard|James|William|Mary|John|Paul|Pius|Benedict|Leo|Philip|Ferdinand"
    "|Frederick|Friedrich|Wilhelm|Napoleon|Nicholas|Alexander|Catherine|Peter|Ivan|Gregory|Innocent|Clement|Urban|Boniface"
    "|Francis|Otto|Rames?ses|Ptolemy|Cleopatra|Amenhotep|Thutmose|Seti|Xerxes|Darius|Cyrus|Alfonso|Carlos|Felipe|Gustav"
    "|Christian|Harald|Haakon|Margrethe|Emmanuel|Umberto|Leopold|Albert|Rainier|Mehmed|Selim|Murad|Suleiman|Pedro|Sixtus"
    "|Julius|Adrian|Celestine|Stephen|Robert|David|Malcolm|Kenneth|Constantine|Justinian|Theodosius|Tiberius|Basil|Michael"
    "|Joseph|Maximilian|Ludwig|Sigismund|Casimir|Augustus|Victor|Edmund|Harold|Olaf|Oscar|Wilhelmina|Isabella|Anne|Philippe"
    "|Antiochus|Seleucus|Abdullah|Mohammed|Hassan|Faisal|Farouk|Menelik|Kamehameha|Rudolf|Rudolph|Conrad|Charlemagne|Leopold"
)
_CROWNS = "King|Queen|Pope|Emperor|Empress|Tsar|Czar|Kaiser|Prince|Princess|Sultan|Pharaoh|Shah|Saint|Lord|Duke|Lady"
_NUMERAL = "[IVX]+|[IVXLC]{2,}"
_VERBS = match_any(
    "am have like love think know want need would will can could should do did don saw said read wrote played hate mean"
    " never always just really also use used prefer get got see met went go came come found find made make"
)
_NOT_I_SAY = rf"(?!(?<= I) ?{_VERBS}\b)(?!(?<= I)['’])"


def _speak_roman(match: re.Match[str]) -> str | None:
    if not count_roman(match["numeral"]):
        return None
    rest = re.sub("[IVX]+", lambda numeral: spell_cardinal(count_roman(numeral.group())), match["rest"])
    return f"{match['head']} {spell_cardinal(count_roman(match['numeral']))}{rest}"


def _speak_small_roman(match: re.Match[str]) -> str | None:
    first, last = count_roman(match["numeral"]), count_roman(match["last"] or "")
    if not first or (match["tail"] in tuple("-–") and not last):
        return None
    tail = f" to {spell_cardinal(last)}" if last else match["tail"]
    return f"{match['head']}{spell_cardinal(first)}{tail}"


def _speak_ruler(match: re.Match[str]) -> str | None:
    value = count_roman(match["numeral"])
    return f"{match['head']} the {spell_ordinal(value)}" if value else None


ROMAN_RULES = (
    Rule(
        "rulers",
        re.compile(
            rf"\b(?P<head>(?:(?:{_CROWNS}) [A-Z][a-z]+(?: [A-Z][a-z]+)?|{_RULERS}))"
            rf" (?P<numeral>{_NUMERAL})\b{_NOT_I_SAY}(?<!Malcolm X)"
        ),
        _speak_ruler,
        needs="IVX",
        final=False,
        examples=[
            ("Henry VIII, Queen Elizabeth II", "Henry the eighth, Queen Elizabeth the second"),
            ("As Henry I know him.", "As Henry I know him."),
        ],
    ),
    Rule(
        "Roman numerals",
        re.compile(
            rf"\b(?P<head>{_ROMAN_HEADS}|{_ROMAN_HEADS.upper()}) (?P<numeral>{_NUMERAL}|[ivx]+)\b{_NOT_I_SAY}(?!\.\w)"
            rf"(?P<rest>(?:(?:, | and | or | & | to |[-–])[IVX]+\b{_NOT_I_SAY}){{0,6}})"
        ),
        _speak_roman,
        needs="IVXivx",
        final=False,
        examples=[
            ("Chapter IV, Act II, Part I", "Chapter four, Act two, Part one"),
            ("World War II", "World War two"),
            ("Part I like best", "Part I like best"),
            ("Type I and II errors", "Type one and two errors"),
        ],
    ),
    Rule(
        "Roman headings",
        re.compile(r"^(?P<numeral>II|III|IV|VI{1,3}|IX|XI{1,3}|XI?V|XVI{1,3})(?=\. )", re.MULTILINE),
        lambda match: spell_cardinal(count_roman(match["numeral"])),
        needs="IVX",
        final=False,
        examples=[("II. Methods", "two. Methods")],
    ),
    Rule(
        "small Roman numerals",
        re.compile(
            r"(?P<head>\b[Pp]ages? |(?<!\w)\()(?P<numeral>[ivxl]+)(?P<tail>[-–]|\)|\b)(?P<last>(?<=[-–])[ivxl]+\b)?"
        ),
        _speak_small_roman,
        needs="ivxl",
        final=False,
        examples=[("page xii, pages ix–xi, (iv)", "page twelve, pages nine to eleven, 'four'")],
    ),
    Rule(
        "world wars",
        re.compile(r"\bWW ?(II?)\b"),
        lambda match: f"World War {spell_cardinal(count_roman(match[1]))}",
        needs="W",
        final=False,
        examples=[("before WWII", "before World War two")],
    ),
    Rule(
        "Roman centuries",
        re.compile(r"\b(?P<numeral>[IVX]+)(?:th|st)? (?=[Cc]entur|Olympi|Congress|Dynasty|Corps|Legion|[Ee]dition)"),
        lambda match: f"{spell_ordinal(count_roman(match['numeral']))} " if count_roman(match["numeral"]) else None,
        needs="IVX",
        final=False,
        examples=[("the XIX century", "the nineteenth century")],
    ),
    Rule(
        "Roman names",
        re.compile(
            r"\b(?P<head>(?!(?:The|An|A|No|And|For|In|On|Of|Or|With|Is|By|To|From|My|Your|His|Her|Its|Xi|This|That)\b)"
            r"[A-Z][a-z]+) (?P<numeral>I{2,3}|IV|VI{1,3}|IX|XI{1,3}|XI?V|XVI{1,3}|XI?X|XXI{0,3}|XXI?[VX])\b(?P<rest>)"
            r"(?![-.]\w)"
        ),
        _speak_roman,
        needs="IVX",
        final=False,
        examples=[
            ("Rocky IV and Final Fantasy VII", "Rocky four and Final Fantasy seven"),
            ("the IV drip", "the IV drip"),
        ],
    ),
)
