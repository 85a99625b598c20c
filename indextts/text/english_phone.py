"""English numbers that are read by their digits: telephones, versions, addresses of machines, cards."""

import re

from .english_nouns import is_counted
from .english_numbers import END, spell_cardinal, spell_code, spell_digits, spell_part
from .rule import DIGITS, Rule, match_any

_CALL = match_any(
    "call dial phone ring text tel telephone fax mobile cell hotline called dialed calling dialing number ext extension"
)
_SOFTWARE = match_any(
    "Version version Python Node Java Android Ubuntu macOS iOS CUDA PyTorch Firefox Chrome Section section Chapter"
)
_THINGS = match_any(
    "Room Xbox Flight Route Highway Interstate Boeing Airbus RTX GTX RX Bus Gate Suite Studio Area Error"
)
_GROUPS = re.compile(r"\d+")
_ROUND = re.compile("[1-9]00")
_GAP = "[-. ]"


def _speak_groups(match: re.Match[str]) -> str:
    """Group by group with a pause between; 800 and its like are counted."""
    groups = [
        f"{spell_cardinal(int(group))}" if _ROUND.fullmatch(group) else spell_digits(group)
        for group in _GROUPS.findall(match.group())
    ]
    return ("plus " if match.group().startswith("+") else "") + ", ".join(groups)


def _speak_local(match: re.Match[str]) -> str | None:
    """555-1234; two round numbers are a range: 500-1000."""
    return None if match.group().endswith("00") and match.group()[1:3] == "00" else _speak_groups(match)


def _speak_dotted(match: re.Match[str]) -> str:
    """2.0.1; four groups up to 255 are the address of a machine, whose digits are read."""
    groups = match["groups"].split(".")
    if len(groups) == 4 and not match["v"] and all(int(group) < 256 for group in groups) and int(groups[0]) > 9:
        return " dot ".join(map(spell_digits, groups))
    spoken = " point ".join(map(spell_part, groups))
    return f"{'v ' if match['v'] else ''}{spoken}"


PHONE_RULES = (
    Rule(
        "telephones abroad",
        re.compile(
            rf"(?<![\w+])\+\d{{1,3}}(?:{_GAP}?\(\d{{1,5}}\))?(?:{_GAP}\d{{2,5}}){{2,5}}(?![\w-])|(?<![\w+])\+\d{{8,15}}(?!\w)"
        ),
        _speak_groups,
        needs="+",
        examples=[("+44 20 7946 0958", "plus four four, two zero, seven nine four six, zero nine five eight")],
    ),
    Rule(
        "telephones",
        re.compile(
            rf"(?<![\w+.-])(?:\+?1{_GAP}?)?(?:\(\d{{3}}\) ?|\d{{3}}{_GAP})\d{{3}}{_GAP}\d{{4}}(?![\w-])"
            r"|(?<![\w+.-])0\d{2,4} \d{3,4} ?\d{3,4}(?![\w-])|(?<![\w.-])\d{3}-\d{2}-\d{4}(?![\w-])"
            r"|(?<![\w.-])\d{4}(?:[- ]\d{4}){2,3}(?![\w-])"
        ),
        _speak_groups,
        needs=DIGITS,
        examples=[
            ("(555) 123-4567", "five five five, one two three, four five six seven"),
            ("Call 1-800-555-1234.", "Call one, eight hundred, five five five, one two three four."),
        ],
    ),
    Rule(
        "local telephones",
        re.compile(r"(?<![\w+.,$£€-])\d{3}-\d{4}(?![\w%-]| ?[A-Za-z]{1,2}\b)"),
        _speak_local,
        needs="-",
        examples=[
            ("Call 555-1234.", "Call five five five, one two three four."),
            ("500-1000", "five hundred to one thousand"),
        ],
    ),
    Rule(
        "numbers to call",
        re.compile(
            rf"\b(?P<call>{_CALL}(?: (?:at|me at|us at|on|us on|me on|is|to|[a-z]{{2,12}} to))?[.:]? )"
            r"(?P<number>[1-9]11|999|112|988|\d{5,12}|\d{3} \d{4})(?![\w,.-]\d|\w)",
            re.IGNORECASE,
        ),
        lambda match: match["call"] + ", ".join(map(spell_digits, match["number"].split())),
        needs=DIGITS,
        examples=[("Call 911 now.", "Call nine one one now."), ("Dial 112!", "Dial one one two!")],
    ),
    Rule(
        "telephones with letters",
        re.compile(r"(?<![\w+-])1-(8\d\d)-(?=[A-Z\d-]{3,12}(?!\w))"),
        lambda match: f"one, {spell_cardinal(int(match[1]))}, ",
        needs="8",
        examples=[("1-800-FLOWERS", "one, eight hundred, FLOWERS")],
    ),
    Rule(
        "digits with hyphens",
        re.compile(r"(?<![\w.,-])\d(?:-\d){2,20}(?![\w-]|[.,]\d)"),
        lambda match: spell_digits(match.group()),
        needs="-",
        examples=[("a 4-4-2, dial 9-1-1", "a four four two, dial nine one one")],
    ),
    Rule(
        "codes with hyphens",
        re.compile(r"(?<![\w.,-])\d{1,7}(?:-\d{1,7}){3,6}(?![\w-]|[.,]\d)"),
        lambda match: ", ".join(map(spell_digits, match.group().split("-"))),
        needs="-",
        examples=[
            (
                "ISBN 978-3-16-148410-0",
                "ISBN nine seven eight, three, one six, one four eight four one zero, zero",
            )
        ],
    ),
    Rule(
        "emergencies",
        re.compile(rf"(?<![\w.,$£€#/–-])(?<!Porsche )911{END}(?![-–/:%])"),
        lambda match: None if is_counted(match) else "nine one one",
        needs="9",
        examples=[("a 911 call", "a nine one one call")],
    ),
    Rule(
        "versions",
        re.compile(r"(?<![\w.,])(?P<v>[vV]\.? ?)?(?P<groups>\d{1,6}(?:\.\d{1,6}){2,5})(?!\d|\.\d)"),
        _speak_dotted,
        needs=".",
        examples=[
            ("Version 2.0.1 is out.", "Version two point zero point one is out."),
            ("See 4.1.2, v1.2.3.", "See four point one point two, v one point two point three."),
            ("192.168.0.1", "one nine two dot one six eight dot zero dot one"),
        ],
    ),
    Rule(
        "short versions",
        re.compile(r"(?<![\w.,])([vV])(\d{1,4})(?:\.(\d{1,4}))?(?![\w]|\.\d)"),
        lambda match: (
            f"{match[1]} {spell_cardinal(int(match[2]))}" + (f" point {spell_part(match[3])}" if match[3] else "")
        ),
        needs="vV",
        examples=[("v2.0 and v3", "v two point zero and v three")],
    ),
    Rule(
        "versions of software",
        re.compile(rf"\b({_SOFTWARE} )(\d{{1,3}})\.(\d{{1,3}})(?![\w]|\.\d)"),
        lambda match: f"{match[1]}{spell_cardinal(int(match[2]))} point {spell_part(match[3])}",
        needs=".",
        examples=[("Python 3.11", "Python three point eleven")],
    ),
    Rule(
        "numbers of things",
        re.compile(
            rf"\b({_THINGS} |(?<![A-Za-z])[A-Z]{{1,4}}-?)(\d{{3,4}})(?=\w?\b)(?![.,%]\d|:|%)|\b(\d{{3,4}})(?=[pi]\b)"
        ),
        lambda match: f"{(match[1] or '').rstrip(' -')} {spell_code(match[2] or match[3])}".strip(),
        needs=DIGITS,
        examples=[
            ("a 1080p screen", "a ten eighty p screen"),
            ("Room 404 of A320, RTX 4090", "Room four oh four of A three twenty, RTX forty ninety"),
        ],
    ),
)
