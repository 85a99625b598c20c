"""What English text is read by, in this order, before the number grammar reads the rest."""

from .english_abbreviations import ABBREVIATION_RULES, NUMBER_WORD_RULES
from .english_calendar import CALENDAR_RULES
from .english_clock import CLOCK_RULES
from .english_contractions import CONTRACTION_RULES
from .english_counts import COUNT_RULES
from .english_idioms import IDIOM_RULES
from .english_money import MONEY_RULES
from .english_phone import PHONE_RULES
from .english_roman import ROMAN_RULES
from .english_signs import COMPARISON_RULES, SIGN_RULES
from .english_sums import SUM_RULES
from .english_units import UNIT_RULES
from .english_web import WEB_RULES

ENGLISH_RULES = (
    *WEB_RULES,
    *IDIOM_RULES,
    *COMPARISON_RULES,
    *NUMBER_WORD_RULES,
    *CALENDAR_RULES,
    *CLOCK_RULES,
    *PHONE_RULES,
    *MONEY_RULES,
    *UNIT_RULES,
    *ABBREVIATION_RULES,
    *ROMAN_RULES,
    *CONTRACTION_RULES,
    *SUM_RULES,
    *COUNT_RULES,
    *SIGN_RULES,
)
