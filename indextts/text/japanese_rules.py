"""What Japanese text is read by, in this order: what names before what counts, what is longer before its parts."""

import re

from .japanese_numbers import NUMBER, spell_cardinal_ja, spell_digits_ja, spell_number_ja
from .rule import DIGITS, Rule, match_any

_START, _END = r"(?<![\d.,])", r"(?![\d]|[.,]\d)"
_SIGNS = {"-": "マイナス", "+": "プラス", "±": "プラスマイナス"}
_SIGN = r"(?P<sign>(?<![A-Za-z0-9)-])[-+±])?"
_CURRENCIES = {
    "¥": "円", "$": "ドル", "US$": "米ドル", "€": "ユーロ", "£": "ポンド", "₩": "ウォン", "元": "元", "円": "円",
}  # fmt: skip
_PARTS = {"$": "セント", "US$": "セント", "€": "セント", "£": "ペンス"}
_UNITS = {
    "km/h": "キロメートル毎時", "m/s": "メートル毎秒", "km²": "平方キロメートル", "m²": "平方メートル",
    "cm²": "平方センチメートル", "m³": "立方メートル", "cm³": "立方センチメートル", "km": "キロメートル",
    "cm": "センチメートル", "mm": "ミリメートル", "µm": "マイクロメートル", "nm": "ナノメートル", "m": "メートル",
    "kg": "キログラム", "mg": "ミリグラム", "g": "グラム", "t": "トン", "mL": "ミリリットル", "ml": "ミリリットル",
    "L": "リットル", "l": "リットル", "℃": "度", "°C": "度", "℉": "華氏度", "°F": "華氏度", "°": "度",
    "%": "パーセント", "‰": "パーミル", "TB": "テラバイト", "GB": "ギガバイト", "MB": "メガバイト",
    "KB": "キロバイト", "kB": "キロバイト", "GHz": "ギガヘルツ", "MHz": "メガヘルツ", "kHz": "キロヘルツ",
    "Hz": "ヘルツ", "kW": "キロワット", "W": "ワット", "kWh": "キロワット時", "V": "ボルト", "A": "アンペア",
    "dB": "デシベル", "kcal": "キロカロリー", "cal": "カロリー", "hPa": "ヘクトパスカル", "fps": "エフピーエス",
    "ha": "ヘクタール",
}  # fmt: skip
_UNIT = f"(?P<unit>{match_any(_UNITS)})(?![A-Za-z])"
_WAVE = r"[~～〜–-]"


def _speak_date_ja(match: re.Match[str]) -> str | None:
    year, month, day = (int(match[part]) for part in ("year", "month", "day"))
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{spell_cardinal_ja(year)}年{spell_cardinal_ja(month)}月{spell_cardinal_ja(day)}日"


def _speak_time_ja(match: re.Match[str]) -> str | None:
    hour, minute, second = int(match[1]), int(match[2]), match[3]
    if hour > 24 or minute > 59 or int(second or 0) > 59:
        return None
    spoken = f"{spell_cardinal_ja(hour)}時" + (f"{spell_cardinal_ja(minute)}分" if minute or second else "")
    return spoken + (f"{spell_cardinal_ja(int(second))}秒" if second else "")


def _speak_money_ja(match: re.Match[str]) -> str:
    symbol = match["symbol"]
    whole, _, parts = match["amount"].partition(".")
    scale = match["scale"] or ""
    if len(parts) != 2 or symbol not in _PARTS or scale:
        return f"{spell_number_ja(match['amount'])}{scale}{_CURRENCIES[symbol]}"
    cents = f"{spell_cardinal_ja(int(parts))}{_PARTS[symbol]}" if int(parts) else ""
    return f"{spell_number_ja(whole)}{_CURRENCIES[symbol]}{cents}"


def _speak_unit_ja(match: re.Match[str]) -> str:
    before = f"{spell_number_ja(match['from'])}から" if match["from"] else ""
    sign = "氷点下" if match["sign"] == "-" and match["unit"] in ("℃", "°C") else _SIGNS.get(match["sign"] or "", "")
    return f"{sign}{before}{spell_number_ja(match['amount'])}{_UNITS[match['unit']]}"


def _speak_groups_ja(match: re.Match[str]) -> str:
    return "の".join(spell_digits_ja(group) for group in re.findall(r"\d+", match.group()))


JAPANESE_RULES = (
    Rule(
        "telephones",
        re.compile(r"(?<![\d.,-])(?:\+\d{1,3}[- ])?\(?0?\d{1,4}\)?[- ]\d{1,4}-\d{3,4}(?![\d-])|〒 ?\d{3}-\d{4}(?!\d)"),
        _speak_groups_ja,
        needs="-",
        examples=[
            ("〒123-4567", "一二三の四五六七"),
            ("電話は03-1234-5678です", "電話はゼロ三の一二三四の五六七八です"),
        ],
    ),
    Rule(
        "dates",
        re.compile(r"(?<![\d/.-])(?P<year>\d{4})(?P<mark>[/.-])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})(?![\d/-])"),
        _speak_date_ja,
        needs=DIGITS,
        examples=[("2024/03/05に", "二千二十四年三月五日に"), ("2024-12-31", "二千二十四年十二月三十一日")],
    ),
    Rule(
        "times",
        re.compile(r"(?<![\d:.])(\d{1,2}):(\d{2})(?::(\d{2}))?(?![\d:])"),
        _speak_time_ja,
        needs=":",
        examples=[("8:30に", "八時三十分に"), ("20:00から", "二十時から"), ("1:02:03", "一時二分三秒")],
    ),
    Rule(
        "scores",
        re.compile(r"(?<![\d:.])(\d{1,4}):(\d{1,4})(?![\d:])"),
        lambda match: f"{spell_cardinal_ja(int(match[1]))}対{spell_cardinal_ja(int(match[2]))}",
        needs=":",
        examples=[("3:2で勝った", "三対二で勝った")],
    ),
    Rule(
        "money, sign before",
        re.compile(rf"(?P<symbol>(?:US)?\$|[¥€£₩]) ?{_START}(?P<amount>{NUMBER}){_END}(?P<scale>[千万億兆]{{0,2}})円?"),
        _speak_money_ja,
        needs="$¥€£₩",
        examples=[("¥1,200です", "千二百円です"), ("$12.50と€5", "十二ドル五十セントと五ユーロ"), ("$3億", "三億ドル")],
    ),
    Rule(
        "money, sign behind",
        re.compile(rf"{_START}(?P<amount>{NUMBER})(?P<scale>) ?(?P<symbol>[$€£₩])"),
        _speak_money_ja,
        needs="$€£₩",
        examples=[("20€です", "二十ユーロです")],
    ),
    Rule(
        "units",
        re.compile(rf"{_SIGN}{_START}(?:(?P<from>{NUMBER}){_WAVE})?(?P<amount>{NUMBER}) ?{_UNIT}"),
        _speak_unit_ja,
        needs=DIGITS,
        examples=[
            ("気温は-5℃、湿度60%", "気温は氷点下五度,湿度六十パーセント"),
            ("42.195kmを10~20km/hで", "四十二点一九五キロメートルを十から二十キロメートル毎時で"),
            ("5 MBと5mL", "五メガバイトと五ミリリットル"),
        ],
    ),
    Rule(
        "ranges",
        re.compile(rf"{_START}({NUMBER}){_WAVE}({NUMBER}){_END}"),
        lambda match: f"{spell_number_ja(match[1])}から{spell_number_ja(match[2])}",
        needs="~～〜–-",
        examples=[("10〜20人", "十から二十人"), ("3-5個", "三から五個")],
    ),
    Rule(
        "fractions",
        re.compile(r"(?<![\d/.])(\d{1,4})/(\d{1,4})(?![\d/])"),
        lambda match: f"{spell_cardinal_ja(int(match[2]))}分の{spell_cardinal_ja(int(match[1]))}",
        needs="/",
        examples=[("1/2の確率", "二分の一の確率")],
    ),
    Rule(
        "numbered",
        re.compile(r"(?:No\.|#|№) ?(\d{1,9})"),
        lambda match: f"ナンバー{spell_cardinal_ja(int(match[1]))}",
        needs=DIGITS,
        examples=[("No.1と#2", "ナンバー一とナンバー二")],
    ),
    Rule(
        "numbers",
        re.compile(rf"{_SIGN}{_START}(?P<amount>{NUMBER})"),
        lambda match: _SIGNS.get(match["sign"] or "", "") + spell_number_ja(match["amount"]),
        needs=DIGITS,
        examples=[
            ("今日は2024年3月5日です。", "今日は二千二十四年三月五日です."),
            ("12345人、1億2000万円、0.5、007", "一万二千三百四十五人,一億二千万円,零点五,ゼロゼロ七"),
            ("第1回、iPhone 15、A4", "第一回,iPhone 十五,A四"),
        ],
    ),
    Rule(
        "digits left",
        re.compile(r"\d{1,400}"),
        lambda match: spell_number_ja(match.group()),
        needs=DIGITS,
        examples=[("1.2.3", "一点二.三")],
    ),
    Rule(
        "signs",
        re.compile("[&+=×÷%@]"),
        lambda match: {"&": "アンド", "+": "プラス", "=": "イコール", "×": "かける", "÷": "わる"}.get(
            match.group(), {"%": "パーセント", "@": "アット"}.get(match.group(), "")
        ),
        needs="&+=×÷%@",
        examples=[("2+3=5", "二プラス三イコール五"), ("A&B", "AアンドB")],
    ),
)
