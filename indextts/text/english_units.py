"""English measures: a number with its unit."""

import re

from .english_money import MAGNITUDES
from .english_nouns import is_adjective, is_before_noun, is_counted
from .english_numbers import DASH, NUMBER, SIGN, START, spell_number, spell_signed
from .english_sums import spell_fraction
from .english_unit_names import UNIT_NAMES
from .rule import DIGITS, Rule
from .sentence_ends import keep_stop

_UNCHANGED = ("percent", "per mille", "horsepower")
_INGREDIENTS = frozenset(
    ["g", "mg", "kg", "ml", "mL", "cl", "dl", "oz", "lb", "lbs", "tsp", "tbsp", "qt", "pt", "%"]
)  # 500g flour, but a 2TB drive
_PLURALS = {"foot": "feet", "inch": "inches"}
_DIRECTIONS = {"N": "north", "S": "south", "E": "east", "W": "west"}
_POWER = r"[²³]|\^[23]|(?<=m)[23]"
_POWERS = {"²": "square", "2": "square", "³": "cubic", "3": "cubic"}

_NAMES = "|".join(re.escape(unit) for unit in sorted(UNIT_NAMES, key=len, reverse=True))
_UNIT = rf"(?P<unit>{_NAMES})(?P<power>{_POWER})?(?![\w²³])"
_PER = rf"(?: ?/ ?(?P<per>{_NAMES}|[a-z]+)(?P<per_power>{_POWER}|(?<=s)2)?(?![\w²³])|(?P<number>/(?=\d)))?"

# "in" is an inch before what is measured in inches, "m" a million before people.
_INCH_BEHIND = re.compile(
    r"\.? ?(?:x\b|by\b|tall|wide|long|deep|thick|high|screen|display|monitor|tv\b|television|laptop|tablet|phone|pipe"
    r"|wheel|tire|tyre|rim|gun|blade|knife|nail|screw|bolt|board|plate|pan\b|skillet|pizza|cake|sub\b|ruler|diameter"
    r"|disk|hose|pot\b|heel|stud|drive|speaker|cannon|telescope|waist|inseam|of (?:rain|snow|water)|from|above|below"
    r"|apart|ribbon)",
    re.IGNORECASE,
)


_DEVICE_BEHIND = re.compile(
    r" (?:batter(?:y|ies)|(?:adapt[eo]r|outlet|socket|bulb|motor|charger|lamp|laser|heater|fuse|circuit|inverter)s?"
    r"|power suppl(?:y|ies))\b"
)


def _name_unit(unit: str, power: str | None, singular: bool) -> str:
    """square meters, miles per hour: the part that is counted takes the plural."""
    counted, *rest = UNIT_NAMES.get(unit, unit).split(" ")
    if counted in ("square", "cubic", "fluid"):
        head, (counted, *rest) = f"{counted} ", rest
    else:
        head = f"{_POWERS[power[-1]]} " if power else ""
    if rest and rest[0] in ("hour", "meter"):
        head, counted, rest = f"{head}{counted} ", rest[0], rest[1:]
    if not singular and " ".join([counted, *rest]) not in _UNCHANGED and not counted.endswith("hertz"):
        counted = _PLURALS.get(counted, f"{counted}s")
    return " ".join([head + counted, *rest])


def _speak_measure(match: re.Match[str]) -> str | None:
    if not _is_unit(match):
        return None
    one = match["amount"] == "1" and not match["from"]
    name = _name_unit(match["unit"], match["power"], one or _is_before_measured(match)) + _name_per(match)
    stop = keep_stop(match) if match["stop"] else ""
    return _speak_amounts(match) + f"{name}{stop}"


def _is_before_measured(match: re.Match[str]) -> bool:
    """a 2 m rope, 2TB drive: the unit in the singular."""
    if match["gap"] == "-":
        return True
    if _DEVICE_BEHIND.match(match.string, match.end()):
        return True
    attached = match["unit"] == "in" or (match["gap"] == "" and match["unit"] not in _INGREDIENTS)
    return is_adjective(match) or (attached and not match["per"] and is_before_noun(match))


def _name_per(match: re.Match[str]) -> str:
    if match["number"]:
        return " per "
    if not match["per"]:
        return ""
    unit, power = match["per"], match["per_power"]
    if power and unit in ("s", "sec"):
        return f" per second {'squared' if power[-1] in '²2' else 'cubed'}"
    return f" per {_name_unit(unit, power, True)}"


def _speak_fraction_of_unit(match: re.Match[str]) -> str | None:
    whole, top, bottom, unit = match.groups()
    if int(bottom) < 2 or unit in ("%", "in", "s"):
        return None
    fraction = spell_fraction(int(top), int(bottom))
    before = f"{spell_number(whole)} and " if whole else ""
    return f"{before}{fraction} {_name_unit(unit, None, whole is None)}{keep_stop(match)}"


def _speak_amounts(match: re.Match[str]) -> str:
    if not match["from"]:
        return f"{spell_signed(match['sign'], match['amount'])} "
    return f"{spell_signed(match['sign'], match['from'])} to {spell_number(match['amount'])} "


def _is_unit(match: re.Match[str]) -> bool:
    """Whether a short word behind a number is its unit here: 6 in screen, but 3 in the morning."""
    unit, behind = match["unit"], match.string[match.end("unit") : match.end("unit") + 16]
    if unit == "in":
        return not match["per"] and (match["gap"] == "" or _INCH_BEHIND.match(behind) is not None)
    if unit in _SPACED_LETTERS and match["gap"] == " ":
        return unit not in "JVW" or not behind.startswith(". ")
    if unit == "m":
        return not is_counted(match)
    if unit == "s" and match["gap"] == "":
        return not match.string.endswith("iPhone ", 0, match.start())
    return True


_SPACED_LETTERS = ("J", "V", "W")


def _speak_feet(match: re.Match[str]) -> str | None:
    feet, inches = match["feet"], match["inches"]
    if inches:
        return f"{spell_number(feet)} foot {spell_number(inches)}"
    return f"{spell_number(feet)} {'foot' if feet == '1' or is_adjective(match) else 'feet'}"


def _speak_long_time(match: re.Match[str]) -> str | None:
    hours, large, minutes, small = match.groups()
    if large == "m" and small != "s":
        return None
    names = ("hour", "minute") if large == "h" else ("minute", "second")
    return " ".join(
        f"{spell_number(count)} {name}{'s' * (count != '1')}"
        for count, name in zip((hours, minutes.lstrip("0") or "0"), names, strict=True)
    )


_QUOTE = re.compile(r"(?<!\d)\"")


def _speak_inches(match: re.Match[str]) -> str | None:
    if len(_QUOTE.findall(match.string, 0, match.start())) % 2:
        return None  # it closes a quote
    before = f"{spell_number(match[1])} to " if match[1] else ""
    return f"{before}{spell_number(match[2])} {'inch' if match[2] == '1' or is_before_noun(match) else 'inches'}"


def _speak_magnitude(match: re.Match[str]) -> str | None:
    """1.5M people, 10k followers; a letter alone or before one thing is a name: 4K video, 2.5D game."""
    scale = MAGNITUDES[match[3].lower()]
    behind = match.string[match.end() :]
    is_last = not behind[:1].isalnum() and not behind.startswith((" ", "-")) and "." in match[2]
    is_large = match[3] in ("bn", "mn") or behind.startswith((" of ", "+")) or match[1] is not None
    if is_counted(match) or is_large or (is_last and match[3] != "T"):
        return (f"{spell_number(match[1])} to " if match[1] else "") + f"{spell_number(match[2])} {scale}"
    return None


UNIT_RULES = (
    Rule(
        "sides",
        re.compile(r"(?<=\d)( ?(?:mm|cm|m|km|in|ft|yd|['\"’”]))( ?)[x×] ?(?=\d)"),
        lambda match: f"{match[1]} by ",
        needs="x×",
        final=False,
        examples=[("10 cm x 15 cm", "ten centimeters by fifteen centimeters")],
    ),
    Rule(
        "relays",
        re.compile(r"(?<![\w.,])(\d) ?[x×] ?(\d{2,4}) ?(?=m\b)"),
        lambda match: f"{match[1]} by {match[2]}",
        needs="x×",
        final=False,
        examples=[("the 4x100m relay", "the four by one hundred meter relay")],
    ),
    Rule(
        "temperatures in both scales",
        re.compile(r"(?<=°[CF]) ?/ ?(?=-?\d{1,3}(?:\.\d)? ?°)"),
        lambda match: " or ",
        needs="°",
        final=False,
        examples=[("37°C/98.6°F", "thirty seven degrees Celsius or ninety eight point six degrees Fahrenheit")],
    ),
    Rule(
        "feet and inches in letters",
        re.compile(
            rf"{START}(?P<feet>\d{{1,3}}) ?ft\.?,? (?P<inches>\d{{1,2}}(?:\.\d+)?) ?in(?:\.(?! [A-Z])|(?![\w.]))"
        ),
        lambda match: f"{spell_number(match['feet'])} feet {spell_number(match['inches'])} inches",
        needs="f",
        examples=[("5 ft. 6 in. tall", "five feet six inches tall")],
    ),
    Rule(
        "feet and inches",
        re.compile(rf"{START}(?P<feet>\d{{1,3}}) ?['’′] ?(?P<inches>\d{{1,2}}(?:\.\d+)?)(?: ?(?:[\"”″]|''|’’))?(?!\w)"),
        _speak_feet,
        needs="'’′",
        examples=[("He is 5'10\" tall.", "He is five foot ten tall."), ("a 6'2 man", "a six foot two man")],
    ),
    Rule(
        "feet",
        re.compile(r"(?<![\w.,])(\d{1,3})['’′](?= (?:tall|wide|long|high|deep|by|x|and)\b)"),
        lambda match: f"{spell_number(match[1])} {'foot' if match[1] == '1' else 'feet'}",
        needs="'’′",
        examples=[("It is 6' tall.", "It is six feet tall.")],
    ),
    Rule(
        "inches",
        re.compile(rf"{START}(?:({NUMBER})[\"″]?{DASH})?({NUMBER}) ?[\"″](?!\w)"),
        _speak_inches,
        needs='"″',
        examples=[('a 27" screen', "a twenty seven inch screen"), ('He said "I am 5".', "He said 'I am five'.")],
    ),
    Rule(
        "hours and minutes",
        re.compile(r"(?<![\w.,])(\d{1,3})(h|m) ?(\d{1,2})(m|min|s)?(?!\w)"),
        _speak_long_time,
        needs="hm",
        examples=[("It took 2h30m.", "It took two hours thirty minutes.")],
    ),
    Rule(
        "fractions of a unit",
        re.compile(rf"(?<![\w.,/])(?:(\d{{1,3}})[ -])?(\d{{1,2}})/(\d{{1,2}})[ -]?({_NAMES}|inch)(?![\w²³])\.?"),
        _speak_fraction_of_unit,
        needs="/",
        examples=[("1/2 tsp salt, 2 1/2 lb", "one half teaspoon salt, two and one half pounds")],
    ),
    Rule(
        "latitudes",
        re.compile(rf"{START}({NUMBER}) ?° ?([NSEW])(?!\w)"),
        lambda match: f"{spell_number(match[1])} degrees {_DIRECTIONS[match[2]]}",
        needs="°",
        examples=[("45° N, 93°W", "forty five degrees north, ninety three degrees west")],
    ),
    Rule(
        "measures",
        re.compile(
            rf"(?P<sign>{SIGN}){START}(?<!\d/)(?:(?P<from>{NUMBER})(?: ?%| ?°[CF]?)?(?:{DASH}| to ))?"
            rf"(?P<amount>{NUMBER})(?P<gap> ?|-){_UNIT}{_PER}"
            r"(?P<stop>(?<=lb|ft|in|oz|hr|mi|sq|yd|pt)\.|(?<=lbs|min|sec|hrs|gal|yrs)\.|(?<=mins|secs|tbsp)\.)?"
        ),
        _speak_measure,
        needs=DIGITS,
        examples=[
            ("It moves at 5 m/s, or 60 mph.", "It moves at five meters per second, or sixty miles per hour."),
            ("He is 1.5m tall and weighs 80kg.", "He is one point five meters tall and weighs eighty kilograms."),
            ("A 6 in screen, 3 in the morning", "A six inch screen, three in the morning"),
            ("It used 100 kWh at 20°C.", "It used one hundred kilowatt hours at twenty degrees Celsius."),
            ("It rose 5-10%, to 50 m².", "It rose five to ten percent, to fifty square meters."),
            ("a 1.5L bottle, -5 °C", "a one point five liter bottle, negative five degrees Celsius"),
        ],
    ),
    Rule(
        "magnitudes",
        re.compile(rf"{START}(?<![A-Za-z]-)(?:({NUMBER}){DASH})?({NUMBER}) ?(k|K|M|m|mn|B|bn|T)(?!\w)"),
        _speak_magnitude,
        needs="kKmMbBT",
        examples=[
            ("1.5M people and 10k followers", "one point five million people and ten thousand followers"),
            ("a 2.5D game in 4K", "a two point five D game in four K"),
        ],
    ),
)
