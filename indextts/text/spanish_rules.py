"""What Spanish text is read by, in this order: what names before what counts, what is longer before its parts."""

import re

from .rule import DIGITS, Rule, match_any
from .sentence_ends import keep_stop
from .spanish_numbers import (
    NUMBER,
    count_noun_es,
    spell_cardinal_es,
    spell_digits_es,
    spell_number_es,
    spell_ordinal_es,
    split_number,
)
from .spanish_words import (
    ABBREVIATIONS,
    CURRENCIES,
    ENDS_SENTENCE,
    FEMININE_UNITS,
    MONTHS,
    SIGN_WORDS,
    UNITS,
)

_START, _END = r"(?<![\w.,])", r"(?!\w|[.,]\d)"
_SIGN = r"(?P<sign>(?<![\w)-])[-+±] ?)?"
_SIGNS = {"-": "menos ", "+": "más ", "±": "más menos ", "": ""}
_DASH = "(?: ?[-–] ?)"
_SYMBOL = r"(?P<symbol>US\$|[€$£¥]|EUR\b|USD\b)"
_FEMININE = re.compile(r"\s[a-záéíóúñ]{0,30}(?:as?|ión|iones|dad|dades|tud|tudes)\b", re.IGNORECASE)
_MASCULINE = re.compile(
    r"\s(?:días?|\w{0,20}(?:em|am|om)as?|mapas?|planetas?|\w{1,20}istas?|kilo\w{0,20}|a|la|las|para|hasta|cada|más|ya|entra)\b",
    re.IGNORECASE,
)
_NOUN = re.compile(r"\s[a-záéíóúñ]{2}", re.IGNORECASE)
_NO_NOUN = re.compile(r"\s(?:de|del|en|y|o|a|al|por|con|para|que|es|son|se|no|hasta|más|menos)\b", re.IGNORECASE)


def _agree(match: re.Match[str]) -> tuple[bool, bool]:
    """Whether what stands behind a number is a feminine noun, and whether it is a noun at all."""
    is_noun = bool(_NOUN.match(match.string, match.end())) and not _NO_NOUN.match(match.string, match.end())
    feminine = is_noun and bool(_FEMININE.match(match.string, match.end()))
    return feminine and not _MASCULINE.match(match.string, match.end()), is_noun


def _speak_date_es(match: re.Match[str]) -> str | None:
    day, month = int(match["day"]), int(match["month"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{_spell_day(day)} de {MONTHS.split()[month - 1]} de {spell_cardinal_es(int(match['year']))}"


def _spell_day(day: int) -> str:
    return "primero" if day == 1 else spell_cardinal_es(day)


def _speak_time_es(match: re.Match[str]) -> str | None:
    hour, minute = int(match["hour"]), int(match["minute"])
    if hour > 24 or minute > 59:
        return None
    half = {15: " y cuarto", 30: " y media"}.get(minute, f" y {spell_cardinal_es(minute)}")
    late = f" {spell_cardinal_es(minute)}"
    spoken = spell_cardinal_es(hour, feminine=True) + ("" if not minute else half if 0 < hour <= 12 else late)
    seconds = f" y {spell_cardinal_es(int(match['second']))} segundos" if match["second"] else ""
    return spoken + seconds + _speak_half_of_day(hour, match["half"])


def _speak_half_of_day(hour: int, half: str | None) -> str:
    if not half:
        return ""
    if half[0] in "aA":
        return " de la mañana"
    return " de la noche" if 8 <= hour <= 11 else " de la tarde"


def _speak_money_es(match: re.Match[str]) -> str:
    one, many, one_part, parts = CURRENCIES[match["symbol"]]
    sign = _SIGNS[(match["sign"] or "").strip()]
    feminine = one in FEMININE_UNITS
    whole, mark, fraction = split_number(match["amount"])
    if match["scale"]:
        return f"{sign}{spell_number_es(match['amount'], before_noun=True)} {match['scale']} de {many}"
    if not mark or len(fraction) != 2 or not parts:
        return sign + count_noun_es(match["amount"], one, many, feminine)
    cents = f"{spell_cardinal_es(int(fraction), before_noun=True)} {one_part if fraction == '01' else parts}"
    counted = count_noun_es(whole, one, many, feminine)
    return sign + (counted if not int(fraction) else cents if not int(whole) else f"{counted} con {cents}")


def _speak_unit_es(match: re.Match[str]) -> str:
    one, many = UNITS[match["unit"]]
    feminine = one in FEMININE_UNITS
    before = f"{spell_number_es(match['from'], feminine)} a " if match["from"] else ""
    sign = _SIGNS[(match["sign"] or "").strip()]
    if match["unit"] == "%":
        return f"{sign}{before}{spell_number_es(match['amount'])} {one}"
    return f"{sign}{before}{count_noun_es(match['amount'], one, many, feminine)}"


def _speak_ordinal_es(match: re.Match[str]) -> str:
    ending = "a" if match[2] in ("ª", "a", "da", "ra") else "er" if match[2] in ("er", "ᵉʳ") else "o"
    return spell_ordinal_es(int(match[1]), ending)


def _speak_fraction_es(match: re.Match[str]) -> str:
    above, below = int(match[1]), int(match[2])
    names = {2: "medio", 3: "tercio", 4: "cuarto", 5: "quinto", 8: "octavo", 10: "décimo"}
    if below not in names:
        return f"{spell_cardinal_es(above)} sobre {spell_cardinal_es(below)}"
    return f"{spell_cardinal_es(above, before_noun=True)} {names[below]}{'s' * (above != 1)}"


_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50}


def _read_roman_es(written: str) -> int:
    values = [_ROMAN_VALUES[letter] for letter in written]
    return sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))


def _speak_abbreviation(match: re.Match[str]) -> str:
    stop = keep_stop(match) if match.group() in ENDS_SENTENCE else ""
    return ABBREVIATIONS[match.group()] + stop


def _speak_address_es(match: re.Match[str]) -> str:
    return match.group().replace("@", " arroba ").replace(".", " punto ")


SPANISH_RULES = (
    Rule(
        "addresses",
        re.compile(
            r"(?<![\w.])[A-Za-z0-9_]{1,40}(?:\.[A-Za-z0-9_]{1,40}){0,4}@[A-Za-z0-9-]{1,40}(?:\.[A-Za-z]{2,10}){1,3}"
        ),
        _speak_address_es,
        needs="@",
        final=False,
        examples=[("ana@mail.com", "ana arroba mail punto com")],
    ),
    Rule(
        "abbreviations",
        re.compile(rf"(?<![\w.]){match_any(ABBREVIATIONS)}(?!\w)"),
        _speak_abbreviation,
        examples=[
            ("El Sr. Gil y la Dra. Paz, etc.", "El señor Gil y la doctora Paz, etcétera."),
            ("nº 5", "número cinco"),
        ],
    ),
    Rule(
        "dates",
        re.compile(r"(?<![\w/.-])(?P<day>\d{1,2})(?P<mark>[/.-])(?P<month>\d{1,2})(?P=mark)(?P<year>\d{4})(?![\w/-])"),
        _speak_date_es,
        needs=DIGITS,
        examples=[
            ("el 1/2/2025", "el primero de febrero de dos mil veinticinco"),
            ("05-03-2024", "cinco de marzo de dos mil veinticuatro"),
        ],
    ),
    Rule(
        "ISO dates",
        re.compile(r"(?<![\w/.-])(?P<year>\d{4})(?P<mark>[/-])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})(?![\w/-])"),
        _speak_date_es,
        needs=DIGITS,
        examples=[("2024-12-31", "treinta y uno de diciembre de dos mil veinticuatro")],
    ),
    Rule(
        "telephones",
        re.compile(r"(?<![\w.,+-])(?:\+\d{1,3}[ -]?)?\d{2,4}(?:[ -]\d{2,4}){2,4}(?![\w-]|[.,]\d)"),
        lambda match: (
            ("más " if match.group()[0] == "+" else "")
            + ", ".join(map(spell_digits_es, re.findall(r"\d+", match.group())))
        ),
        needs=DIGITS,
        examples=[("Llame al 612 345 678.", "Llame al seis uno dos, tres cuatro cinco, seis siete ocho.")],
    ),
    Rule(
        "spaced thousands",
        re.compile(r"(?<![\w.,])(?<!\d )(\d{1,3}) (\d{3})(?! ?\d)(?!\w)"),
        lambda match: f"{match[1]}.{match[2]}",
        needs=DIGITS,
        final=False,
        examples=[("1 000 m y 12 500 €", "mil metros y doce mil quinientos euros")],
    ),
    Rule(
        "first of a month",
        re.compile(rf"{_START}1\.?º? de (?={match_any(MONTHS)}\b)", re.IGNORECASE),
        lambda match: "primero de ",
        needs="1",
        examples=[("el 1 de mayo, el 21 de mayo", "el primero de mayo, el veintiuno de mayo")],
    ),
    Rule(
        "times",
        re.compile(
            r"(?<![\w:.,])(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?(?![\d:])(?: ?h(?:oras|rs)?\b)?"
            r"(?: ?(?P<half>[ap]\. ?m\.|[apAP]\.?[mM]\b))?"
        ),
        _speak_time_es,
        needs=":",
        examples=[
            (
                "Son las 8:30 de la mañana del 5 de marzo de 2024.",
                "Son las ocho y media de la mañana del cinco de marzo de dos mil veinticuatro.",
            ),
            ("a la 1:05 p. m., a las 20:15 h", "a la una y cinco de la tarde, a las veinte quince"),
        ],
    ),
    Rule(
        "ratios",
        re.compile(r"(?<![\w:.,])(\d{1,5}):(\d{1,5})(?![\w:])"),
        lambda match: f"{spell_cardinal_es(int(match[1]))} a {spell_cardinal_es(int(match[2]))}",
        needs=":",
        examples=[("Ganamos 3:2.", "Ganamos tres a dos.")],
    ),
    Rule(
        "money, sign before",
        re.compile(
            rf"{_SIGN}(?<!\w){_SYMBOL} ?(?P<amount>{NUMBER})(?!\d|[.,]\d)(?: (?P<scale>millones|millón|mil millones))?"
        ),
        _speak_money_es,
        needs="€$£¥ED",
        examples=[
            (
                "$5, US$12.50 y €3 millones",
                "cinco dólares, doce dólares con cincuenta centavos y tres millones de euros",
            )
        ],
    ),
    Rule(
        "money, sign behind",
        re.compile(
            rf"{_SIGN}{_START}(?P<amount>{NUMBER})(?: (?P<scale>millones|millón|mil millones)(?: de)?)? ?{_SYMBOL}"
        ),
        _speak_money_es,
        needs="€$£¥ED",
        examples=[
            ("El precio es 25,50 €.", "El precio es veinticinco euros con cincuenta céntimos."),
            ("1 €, 21 £ y 1.000 USD", "un euro, veintiuna libras y mil dólares"),
            (
                "1.000.000 € o 1,200.50 $",
                "un millón de euros o mil doscientos dólares con cincuenta centavos",
            ),
        ],
    ),
    Rule(
        "units",
        re.compile(
            rf"{_SIGN}{_START}(?:(?P<from>{NUMBER}){_DASH})?(?P<amount>{NUMBER}) ?(?P<unit>{match_any(UNITS)})(?!\w)"
        ),
        _speak_unit_es,
        needs=DIGITS,
        examples=[
            ("42,195 km a 1 km/h", "cuarenta y dos coma uno nueve cinco kilómetros a un kilómetro por hora"),
            ("-5 °C y 25 %", "menos cinco grados Celsius y veinticinco por ciento"),
            ("10-21 h", "diez a veintiuna horas"),
        ],
    ),
    Rule(
        "ordinals",
        re.compile(rf"{_START}(\d{{1,3}})\.?(º|ª|er|ᵉʳ|do|da|ra|ro|to|vo|mo|no)(?!\w)"),
        _speak_ordinal_es,
        needs=DIGITS,
        examples=[("el 3.er piso, la 2ª vez, el 21.º", "el tercer piso, la segunda vez, el vigésimo primero")],
    ),
    Rule(
        "centuries",
        re.compile(r"\b(siglos?|capítulo|tomo|volumen) ([IVXL]{1,7})\b", re.IGNORECASE),
        lambda match: f"{match[1]} {spell_cardinal_es(_read_roman_es(match[2].upper()))}",
        needs="IVXLivxl",
        examples=[("el siglo XXI", "el siglo veintiuno")],
    ),
    Rule(
        "ranges",
        re.compile(rf"{_START}({NUMBER}){_DASH}({NUMBER}){_END}(?![-–]\d)"),
        lambda match: f"{spell_number_es(match[1], _agree(match)[0])} a {spell_number_es(match[2], *_agree(match))}",
        needs="-–",
        examples=[
            ("10-20 veces", "diez a veinte veces"),
            ("1936–1939", "mil novecientos treinta y seis a mil novecientos treinta y nueve"),
        ],
    ),
    Rule(
        "fractions",
        re.compile(r"(?<![\w/.,])(\d{1,4})/(\d{1,4})(?![\w/])"),
        _speak_fraction_es,
        needs="/",
        examples=[("1/2 y 3/4 y 7/9", "un medio y tres cuartos y siete sobre nueve")],
    ),
    Rule(
        "numbered",
        re.compile(r"# ?(\d{1,9})(?!\w)"),
        lambda match: f"número {spell_cardinal_es(int(match[1]))}",
        needs="#",
        examples=[("#1", "número uno")],
    ),
    Rule(
        "numbers",
        re.compile(rf"{_SIGN}{_START}(?P<amount>{NUMBER}){_END}"),
        lambda match: _SIGNS[(match["sign"] or "").strip()] + spell_number_es(match["amount"], *_agree(match)),
        needs=DIGITS,
        examples=[
            (
                "21 casas, 200 personas, 21 días y 1 libro",
                "veintiuna casas, doscientas personas, veintiún días y un libro",
            ),
            (
                "1.234.567, 3,5, 3.14 y -2",
                "un millón doscientos treinta y cuatro mil quinientos sesenta y siete, tres coma cinco, "
                "tres punto catorce y menos dos",
            ),
            ("007 y 1.000", "cero cero siete y mil"),
        ],
    ),
    Rule(
        "digits left",
        re.compile(r"\d{1,400}"),
        lambda match: spell_number_es(match.group()),
        needs=DIGITS,
        examples=[("A4 y MP3", "A cuatro y MP tres")],
    ),
    Rule(
        "signs",
        re.compile(r" ?[&+=×÷%@€$£] ?"),
        lambda match: f" {SIGN_WORDS[match.group().strip()]} ",
        needs="&+=×÷%@€$£",
        examples=[("2 + 3 = 5 & más", "dos más tres igual a cinco y más")],
    ),
)
