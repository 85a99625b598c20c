"""Numbers into Spanish words, with their gender."""

import re

NUMBER = (
    r"(?:\d{1,3}(?:\.\d{3}){1,5}(?![\d.])(?:,\d{1,9})?|\d{1,3}(?:,\d{3}){2,5}(?!\d)(?:\.\d{1,9})?"
    r"|\d{1,3}(?:,\d{3}){1,5}\.\d{1,9}|\d{1,400}(?:[.,]\d{1,400})?)"
)
"""A number as it is written: 5, 1.000, 3,14, 3.14, 1,000,000."""

_SMALL = (
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
    "dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete "
    "veintiocho veintinueve"
)
_TENS = "treinta cuarenta cincuenta sesenta setenta ochenta noventa"
_HUNDREDS = "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"
_SCALES = ((10**12, "billón", "billones"), (10**6, "millón", "millones"))
_MOST = 10**18
_ORDINALS = (
    "primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo undécimo duodécimo decimotercero "
    "decimocuarto decimoquinto decimosexto decimoséptimo decimoctavo decimonoveno vigésimo"
)
_TENTHS = {30: "trigésimo", 40: "cuadragésimo", 50: "quincuagésimo", 60: "sexagésimo", 70: "septuagésimo"} | {
    20: "vigésimo",
    80: "octogésimo",
    90: "nonagésimo",
    100: "centésimo",
}
_GROUPED = re.compile(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*(?!\d)")


def spell_cardinal_es(number: int, feminine: bool = False, before_noun: bool = False) -> str:
    """123 → ciento veintitrés. before_noun: uno is un, veintiuno veintiún; feminine: una, doscientas."""
    if number >= _MOST:
        return spell_digits_es(str(number))
    words = []
    for scale, one, many in _SCALES:
        count, number = divmod(number, scale)
        if count:
            words.append(f"{_spell_below_million_es(count, False, True)} {one if count == 1 else many}")
    if number or not words:
        words.append(_spell_below_million_es(number, feminine, before_noun))
    return " ".join(words)


def _spell_below_million_es(number: int, feminine: bool, before_noun: bool) -> str:
    thousands, rest = divmod(number, 1000)
    words = []
    if thousands:
        words.append("mil" if thousands == 1 else f"{_spell_below_thousand_es(thousands, feminine, True)} mil")
    if rest or not thousands:
        words.append(_spell_below_thousand_es(rest, feminine, before_noun))
    return " ".join(words)


def _spell_below_thousand_es(number: int, feminine: bool, before_noun: bool) -> str:
    hundreds, rest = divmod(number, 100)
    words = []
    if hundreds:
        name = "cien" if number == 100 else _HUNDREDS.split()[hundreds - 1]
        words.append(f"{name[:-2]}as" if feminine and hundreds > 1 else name)
    if rest or not hundreds:
        words.append(_agree_one(_spell_below_hundred_es(rest), feminine, before_noun))
    return " ".join(words)


def _spell_below_hundred_es(number: int) -> str:
    if number < 30:
        return _SMALL.split()[number]
    tens, ones = divmod(number, 10)
    return _TENS.split()[tens - 3] + (f" y {_SMALL.split()[ones]}" if ones else "")


def _agree_one(word: str, feminine: bool, before_noun: bool) -> str:
    if not word.endswith("uno") or not (feminine or before_noun):
        return word
    if feminine:
        return f"{word[:-1]}a"
    return "veintiún" if word == "veintiuno" else word[:-1]


def spell_ordinal_es(number: int, ending: str = "o") -> str:
    """3 → tercero, with ending "a" tercera, with "er" tercer; beyond 100 the cardinal, as people say."""
    if not 0 < number <= 100:
        return spell_cardinal_es(number, ending == "a")
    if number <= 20:
        spelled = _ORDINALS.split()[number - 1]
    else:
        tens = number - number % 10 if number < 100 else 100
        spelled = _TENTHS[tens] + (f" {_ORDINALS.split()[number % 10 - 1]}" if number % 10 else "")
    if ending == "er":
        return spelled[:-1] if spelled.endswith(("primero", "tercero")) else spelled
    return " ".join(f"{word[:-1]}a" for word in spelled.split()) if ending == "a" else spelled


def spell_digits_es(digits: str) -> str:
    """Digit by digit; what is no digit is left out."""
    return " ".join(_SMALL.split()[int(digit)] for digit in digits if digit.isdecimal())


def split_number(written: str) -> tuple[str, str, str]:
    """Digits before the decimal mark, the mark, digits behind: 1.000 is a thousand, 3.14 and 3,14 are decimals."""
    grouped = _GROUPED.match(written)
    if grouped and (grouped[1] == "." or written.count(",") > 1 or "." in written or written.endswith(",000")):
        rest = written[grouped.end() :]
        return re.sub("[.,]", "", grouped.group()), rest[:1], rest[1:]
    whole, mark, fraction = re.fullmatch(r"(\d+)([.,]?)(\d*)", written).groups()  # type: ignore[union-attr]
    return whole, mark, fraction


def spell_number_es(written: str, feminine: bool = False, before_noun: bool = False) -> str:
    """A `NUMBER`: counted; behind the decimal mark as a number of up to two digits, else digit by digit."""
    whole, mark, fraction = split_number(written)
    is_code = (len(whole) > 1 and whole[0] == "0") or len(whole) > 18
    spelled = spell_digits_es(whole) if is_code else spell_cardinal_es(int(whole), feminine, before_noun and not mark)
    if not mark:
        return spelled
    counted = len(fraction) <= 2 and not fraction.startswith("0")
    behind = spell_cardinal_es(int(fraction)) if counted else spell_digits_es(fraction)
    return f"{spelled} {'coma' if mark == ',' else 'punto'} {behind}"


def count_noun_es(written: str, one: str, many: str, feminine: bool = False) -> str:
    """A `NUMBER` and its noun: un euro, veintiuna libras, un millón de euros."""
    joint = " de " if spell_number_es(written).endswith(("ón", "ones")) else " "
    return f"{spell_number_es(written, feminine, True)}{joint}{one if written == '1' else many}"
