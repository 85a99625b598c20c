"""Numbers into Arabic words, and the forms of what they count: one, two, three to ten, eleven and more."""

from dataclasses import dataclass

NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,400})(?:\.\d{1,400})?"
"""A number as it is written, in digits of Europe: 5, 1,000, 3.14."""

_MASCULINE = "صفر واحد اثنان ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة عشرة"
_FEMININE = "صفر واحدة اثنتان ثلاث أربع خمس ست سبع ثماني تسع عشر"
_TENS = "عشرون ثلاثون أربعون خمسون ستون سبعون ثمانون تسعون"
_HUNDREDS = "مئة مئتان ثلاثمئة أربعمئة خمسمئة ستمئة سبعمئة ثمانمئة تسعمئة"
_ORDINALS = "الأول الثاني الثالث الرابع الخامس السادس السابع الثامن التاسع العاشر"
_FEMININE_ORDINALS = "الأولى الثانية الثالثة الرابعة الخامسة السادسة السابعة الثامنة التاسعة العاشرة"
_MOST = 10**15


@dataclass(frozen=True)
class Noun:
    """What is counted: one دولار, two دولاران, three دولارات; from eleven the singular, in the accusative to 99."""

    one: str
    two: str
    few: str
    many: str
    feminine: bool = False


_SCALES = (
    (10**12, Noun("تريليون", "تريليونان", "تريليونات", "تريليون")),
    (10**9, Noun("مليار", "ملياران", "مليارات", "مليار")),
    (10**6, Noun("مليون", "مليونان", "ملايين", "مليون")),
    (10**3, Noun("ألف", "ألفان", "آلاف", "ألف")),
)


def spell_cardinal_ar(number: int, feminine: bool = False, oblique: bool = False) -> str:
    """25 → خمسة وعشرون. feminine: of a feminine noun. oblique: as after a word that governs it, ألفين for ألفان."""
    if number >= _MOST:
        return spell_digits_ar(str(number))
    parts = []
    for scale, noun in _SCALES:
        count, number = divmod(number, scale)
        if count:
            parts.append(count_noun_ar(count, noun))
    if number or not parts:
        parts += _spell_below_thousand_ar(number, feminine)
    spelled = " و".join(parts)
    return _decline(spelled) if oblique else spelled


def _spell_below_thousand_ar(number: int, feminine: bool) -> list[str]:
    hundreds, rest = divmod(number, 100)
    parts = [_HUNDREDS.split()[hundreds - 1]] if hundreds else []
    if rest or not hundreds:
        parts += _spell_below_hundred_ar(rest, feminine)
    return parts


def _spell_below_hundred_ar(number: int, feminine: bool) -> list[str]:
    names = (_FEMININE if feminine else _MASCULINE).split()
    if number <= 10:
        return [names[number]]
    tens, ones = divmod(number, 10)
    if tens == 1:
        first = {1: "إحدى" if feminine else "أحد", 2: "اثنتا" if feminine else "اثنا"}.get(ones, names[ones])
        return [f"{first} {'عشرة' if feminine else 'عشر'}"]
    return [*([names[ones]] if ones else []), _TENS.split()[tens - 2]]


def _decline(spelled: str) -> str:
    """The genitive of duals and tens."""
    return " ".join(_decline_word(word) for word in spelled.split())


def _decline_word(word: str) -> str:
    if word.removeprefix("و") in ("اثنا", "اثنتا"):
        return f"{word[:-1]}ي"
    if word.endswith("ون") and word.removeprefix("و") in _TENS.split():
        return f"{word[:-2]}ين"
    return f"{word[:-2]}ين" if word.endswith("ان") else word


def count_noun_ar(number: int, noun: Noun) -> str:
    """The number and its noun in the form that goes with it: دولار واحد is said as دولار, دولاران alone."""
    if number == 1:
        return noun.one
    if number == 2:
        return noun.two
    rest = number % 100
    form = noun.few if 3 <= rest <= 10 else noun.many if 11 <= rest <= 99 else noun.one
    return f"{spell_cardinal_ar(number, noun.feminine)} {form}"


def spell_ordinal_ar(number: int, feminine: bool = False) -> str:
    """21 → الحادي والعشرون, feminine الحادية والعشرون; beyond 99 the cardinal."""
    names = (_FEMININE_ORDINALS if feminine else _ORDINALS).split()
    if not 0 < number < 100:
        return spell_cardinal_ar(number)
    if number <= 10:
        return names[number - 1]
    tens, ones = divmod(number, 10)
    first = ("الحادية" if feminine else "الحادي") if ones == 1 else names[ones - 1] if ones else ""
    if tens == 1:
        return f"{first} {'عشرة' if feminine else 'عشر'}"
    return f"{first} وال{_TENS.split()[tens - 2]}" if ones else f"ال{_TENS.split()[tens - 2]}"


def spell_digits_ar(digits: str) -> str:
    """Digit by digit; what is no digit is left out."""
    return " ".join(_MASCULINE.split()[int(digit)] for digit in digits if digit.isdecimal())


def spell_number_ar(written: str) -> str:
    """A `NUMBER`: counted; behind the point as a number of up to two digits, else digit by digit."""
    whole, point, fraction = written.replace(",", "").partition(".")
    is_code = (len(whole) > 1 and whole[0] == "0") or len(whole) > 15
    spelled = spell_digits_ar(whole) if is_code else spell_cardinal_ar(int(whole))
    if not point:
        return spelled
    counted = len(fraction) <= 2 and not fraction.startswith("0")
    return f"{spelled} فاصلة {spell_cardinal_ar(int(fraction)) if counted else spell_digits_ar(fraction)}"


def count_amount(written: str, noun: Noun) -> str:
    """A `NUMBER` and its noun; what has decimals counts as many."""
    if "." in written:
        return f"{spell_number_ar(written)} {noun.one}"
    return count_noun_ar(int(written.replace(",", "")), noun)
