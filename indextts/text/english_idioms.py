"""English forms in which a number, a stop or a hyphen is not what it is elsewhere, read before all other rules."""

import re

from .english_numbers import (
    END,
    NUMBER,
    START,
    count_roman,
    spell_cardinal,
    spell_code,
    spell_digits,
    spell_number,
    spell_ordinal,
    spell_part,
)
from .english_sums import spell_fraction
from .english_unit_names import UNIT_NAMES
from .rule import DIGITS, Rule, match_any

_GIVEN = match_any(
    "John James Robert William George Charles Henry Thomas Edward Richard Joseph David Michael Paul Frank Harry Walter "
    "Samuel Daniel Martin Peter Albert Arthur Louis Fred Alexander"
)
_GENERATIONS = {"II": 2, "III": 3, "IV": 4}
_SERIES = match_any(
    [
        "GTA",
        "Grand Theft Auto",
        "Saturn",
        "Civilization",
        "Street Fighter",
        "Final Fantasy",
        "Super Bowl",
        "Mac OS",
        "Mk.",
    ]
)
_BOOKS = match_any(
    "John Matthew Mark Luke Acts Romans Genesis Exodus Leviticus Numbers Deuteronomy Joshua Judges Ruth Kings Psalm "
    "Psalms Proverbs Isaiah Jeremiah Ezekiel Daniel Hosea Corinthians Galatians Ephesians Philippians Hebrews Peter "
    "Revelation"
)
_DOLLARS = {"AU": "Australian", "NZ": "New Zealand", "HK": "Hong Kong", "SG": "Singapore", "NT": "New Taiwan"}
_DIRECTIONS = {"N": "North", "S": "South", "E": "East", "W": "West"}
_PER = match_any(["lb", "kg", "oz", "mi", "km", "hr", "gal", "ft", "min", "sec", "yd", "ml", "mg"])
_COUNTABLE = "(?:bills?|notes?|coins?|gift|fine|fee|deposit|coupon|reward|bonus|prize|bet|ticket|tickets|refund)"


def _speak_verses(match: re.Match[str]) -> str:
    chapter, first, last = match[2], match[3], match[4]
    verses = f"{spell_cardinal(int(first))} to {spell_cardinal(int(last))}" if last else spell_cardinal(int(first))
    return f"{match[1]} {spell_cardinal(int(chapter))} {verses}"


IDIOM_RULES = (
    Rule(
        "saints of places",
        re.compile(r"\b(Mount|Mt\.|Fort|Lake|Port) St\.(?= [A-Z])"),
        lambda match: f"{match[1].replace('Mt.', 'Mount')} Saint",
        needs="MFLP",
        examples=[("Mount St. Helens", "Mount Saint Helens"), ("Fort St. John", "Fort Saint John")],
    ),
    Rule(
        "decades in a wrong quote",
        re.compile(r"(?<!\w)[‘'](?=\d0s(?!\w))"),
        lambda match: "’",
        needs="‘'",
        final=False,
        examples=[("the ‘90s", "the nineties")],
    ),
    Rule(
        "verses",
        re.compile(rf"\b({_BOOKS}) (\d{{1,3}}):(\d{{1,3}})(?:[-–](\d{{1,3}}))?{END}"),
        _speak_verses,
        needs=":",
        examples=[("John 3:16-18", "John three sixteen to eighteen"), ("Psalm 23:4", "Psalm twenty three four")],
    ),
    Rule(
        "generations of a family",
        re.compile(rf"\b({_GIVEN}(?: [A-Z]\.)? [A-Z][a-z]{{2,20}}) (II|III|IV)(?!\w)"),
        lambda match: f"{match[1]} the {spell_ordinal(_GENERATIONS[match[2]])}",
        needs="I",
        examples=[("John Smith III spoke", "John Smith the third spoke")],
    ),
    Rule(
        "parts of a series",
        re.compile(rf"\b({_SERIES}) ([IVXL]{{1,6}})(?!\w)"),
        lambda match: f"{match[1]} {spell_cardinal(count)}" if (count := count_roman(match[2])) else None,
        needs="IVXL",
        examples=[("GTA V and Saturn V", "GTA five and Saturn five"), ("Final Fantasy X", "Final Fantasy ten")],
    ),
    Rule(
        "dollars of other countries",
        re.compile(rf"\b(AU|NZ|HK|SG|NT)\$({NUMBER}){END}"),
        lambda match: f"{spell_number(match[2])} {_DOLLARS[match[1]]} dollars",
        needs="$",
        examples=[("AU$30", "thirty Australian dollars")],
    ),
    Rule(
        "signs apart from their country",
        re.compile(r"\b(US|AU|NZ|HK|CA) (?=\$\d)"),
        lambda match: match[1],
        needs="$",
        final=False,
        examples=[("US $20", "twenty US dollars")],
    ),
    Rule(
        "rupees",
        re.compile(rf"\bRs\.? ?({NUMBER}){END}"),
        lambda match: f"{spell_number(match[1])} rupees",
        needs="R",
        examples=[("Rs. 500", "five hundred rupees")],
    ),
    Rule(
        "bills of one kind",
        re.compile(r"(?<![\w.,])\$(10|20|50|100)s(?!\w)"),
        lambda match: {"10": "tens", "20": "twenties", "50": "fifties"}.get(match[1], "hundreds"),
        needs="$",
        examples=[("a stack of $20s", "a stack of twenties")],
    ),
    Rule(
        "temperatures behind a dash",
        re.compile(r"(?<![\w)])[–−](?=\d{1,3}(?:\.\d)? ?°)"),
        lambda match: "-",
        needs="°",
        final=False,
        examples=[("It was –5°C.", "It was negative five degrees Celsius.")],
    ),
    Rule(
        "streets by number",
        re.compile(r"(?<=\dth |\dst |\dnd |\drd )(Ave|St|Blvd|Rd)(?![\w.])"),
        lambda match: {"Ave": "Avenue", "St": "Street", "Blvd": "Boulevard", "Rd": "Road"}[match[1]],
        needs=DIGITS,
        examples=[("on 5th Ave", "on fifth Avenue")],
    ),
    Rule(
        "fuses",
        re.compile(r"(?<![\w.,])(\d{1,3}) ?A (?=(?:fuse|breaker|circuit|outlet|socket)s?\b)"),
        lambda match: f"{spell_number(match[1])} amp ",
        needs="A",
        examples=[("a 30 A fuse", "a thirty amp fuse")],
    ),
    Rule(
        "parts of an inch",
        re.compile(r"(?<![\w.,/])(\d{1,2})/(\d{1,2})[\"″] (?=[a-z]{3})"),
        lambda match: f"{spell_fraction(int(match[1]), int(match[2]))} inch ",
        needs="/",
        examples=[('a 3/8" bolt', "a three eighths inch bolt")],
    ),
    Rule(
        "endings of cards",
        re.compile(r"(?<=\bending in )(\d{4})(?!\w)"),
        lambda match: spell_digits(match[1]),
        needs=DIGITS,
        examples=[("a card ending in 4242", "a card ending in four two four two")],
    ),
    Rule(
        "money before what it is",
        re.compile(rf"(?<![\w.,$])\$(\d{{1,3}}(?:,\d{{3}})?|\d{{1,5}})(?= {_COUNTABLE}\b)"),
        lambda match: f"{spell_number(match[1])} dollar",
        needs="$",
        examples=[("fifty $100 bills", "fifty one hundred dollar bills"), ("a $50 fine", "a fifty dollar fine")],
    ),
    Rule(
        "prices per unit",
        re.compile(rf"(?<=\bper )({_PER})(?!\w)\.?(?=\W|$)"),
        lambda match: UNIT_NAMES[match[1]],
        needs="p",
        examples=[("$3.99 per lb", "three dollars and ninety nine cents per pound")],
    ),
    Rule(
        "feet before a noun",
        re.compile(r"(?<=\ba )(\d{1,3})['’′] (?=[a-z]{3})"),
        lambda match: f"{spell_number(match[1])} foot ",
        needs="'’′",
        examples=[("a 6' fence", "a six foot fence")],
    ),
    Rule(
        "inches by inches",
        re.compile(rf"{START}({NUMBER}) in\.? ?[x×] ?({NUMBER}) in(?:\.(?! [A-Z])|(?!\w))"),
        lambda match: f"{spell_number(match[1])} inches by {spell_number(match[2])} inches",
        needs="x×",
        examples=[("2 in x 4 in", "two inches by four inches")],
    ),
    Rule(
        "a unit said twice",
        re.compile(rf"{START}({NUMBER})(m|km|kg|cm|mm|mi|ft|lb|oz|ml|mg)[-–](?={NUMBER}\2(?!\w))"),
        lambda match: f"{match[1]}-",
        needs="-–",
        final=False,
        examples=[("100m-200m", "one hundred to two hundred meters")],
    ),
    Rule(
        "powers of ten",
        re.compile(rf"{START}({NUMBER}) ?[x×] ?10\^([-−]?)(?![23](?!\d))(\d{{1,3}}){END}"),
        lambda match: (
            f"{spell_number(match[1])} times ten to the power of "
            f"{'minus ' if match[2] else ''}{spell_cardinal(int(match[3]))}"
        ),
        needs="^",
        examples=[("3×10^8", "three times ten to the power of eight")],
    ),
    Rule(
        "versions behind a name",
        re.compile(r"(?<![\w.])([A-Za-z]{2,20})(\d{1,4}(?:\.\d{1,4}){2,4})(?![\w.]\w|\w)"),
        lambda match: f"{match[1]} {' point '.join(map(spell_part, match[2].split('.')))}",
        needs=".",
        examples=[("MIUI14.0.5", "MIUI fourteen point zero point five")],
    ),
    Rule(
        "versions before the first",
        re.compile(r"(?<=\d)-(alpha|beta|rc|preview|dev)\.(\d{1,3})(?![\w.])"),
        lambda match: f" {match[1]} {spell_cardinal(int(match[2]))}",
        needs="-",
        examples=[("v1.0.0-beta.1", "v one point zero point zero beta one")],
    ),
    Rule(
        "video codecs",
        re.compile(r"\bH\.(26[1-6])(?!\w)"),
        lambda match: f"H {spell_code(match[1])}",
        needs="H",
        examples=[("H.264 video", "H two sixty four video")],
    ),
    Rule(
        "standards",
        re.compile(r"\b(ISO|IEC|EN|DIN) ?(\d{3,5}):(\d{4})(?!\w)"),
        lambda match: f"{match[1]} {spell_number(match[2])} {spell_code(match[3])}",
        needs=":",
        examples=[("ISO9001:2015", "ISO nine thousand and one twenty fifteen")],
    ),
    Rule(
        "secret codes",
        re.compile(r"(?i)(\b(?:code|passcode|password|otp|pin)(?: is| was|:)? )(\d{4,8})(?![\w,.]\d|\w)"),
        lambda match: f"{match[1]}{spell_digits(match[2])}",
        needs=DIGITS,
        examples=[("Your code is 482913.", "Your code is four eight two nine one three.")],
    ),
    Rule(
        "what he does",
        re.compile(
            r"\b([Ww])hat['’]s (?=(?:he|she|it|that|this) (?:want|need|mean|think|say|know|do|like|look|cost|take)\b)"
        ),
        lambda match: f"{match[1]}hat does ",
        needs="'’",
        examples=[("What's he want?", "What does he want?")],
    ),
    Rule(
        "what it has done to me",
        re.compile(
            r"\b(It|He|She|That|it|he|she|that)['’]s (?=(?:cost|hurt|let|hit|put|cut) (?:me|us|him|her|them|you)\b)"
        ),
        lambda match: f"{match[1]} has ",
        needs="'’",
        examples=[("It's cost me dearly.", "It has cost me dearly."), ("He's let us down", "He has let us down")],
    ),
    Rule(
        "least and most",
        re.compile(r"\b([Mm])(in|ax)\.(?=,? (?:and|or) m(?:in|ax)\b)|(?<= and )m(ax|in)\.(?=\W|$)"),
        lambda match: f"{match[1] or 'm'}{match[2] or match[3]}imum",
        needs="x",
        examples=[("min. and max. speed", "minimum and maximum speed")],
    ),
    Rule(
        "temporary",
        re.compile(r"\b([Tt])emp\.(?= (?:worker|agency|job|staff|position|file|contract)s?\b)"),
        lambda match: f"{match[1]}emporary",
        needs="Tt",
        examples=[("a temp. worker", "a temporary worker")],
    ),
    Rule(
        "directions of streets",
        re.compile(r"\b([NSEW])\. (?=[A-Z][a-z]{2,20} (?:St|Ave|Rd|Blvd|Dr|Ln|Street|Avenue|Road)\b)"),
        lambda match: f"{_DIRECTIONS[match[1]]} ",
        needs="NSEW",
        examples=[("N. Main St.", "North Main Street.")],
    ),
    Rule(
        "sizes of type",
        re.compile(r"(?<![\w.,])(\d{1,3}) ?pt (?=font|type|text|size)"),
        lambda match: f"{spell_number(match[1])} point ",
        needs="p",
        examples=[("a 12 pt font", "a twelve point font")],
    ),
)
