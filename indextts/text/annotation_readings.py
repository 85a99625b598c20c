"""The readings that an annotation may hold: Mandarin syllables with a tone, phonemes of the CMU dictionary, kana."""

import re
import unicodedata
from difflib import get_close_matches

_SYLLABLES_BY_TONES = {
    "12345": (
        "AI AN AO BA BAI BAN BANG BAO BEI BEN BENG BI BIAN BIAO BIE BING BO CAI CAN CHA CHAN CHANG CHE CHEN CHENG "
        "CHI CHONG CHOU CHU CHUAI CHUAN CHUANG CI CUI CUN DA DAI DAN DANG DAO DENG DI DIAN DIAO DING DONG DOU DU "
        "DUAN DUN DUO E FA FAN FANG FEI FEN FENG FU GA GAI GAN GANG GAO GE GEN GENG GONG GOU GU GUA GUAI GUAN GUANG "
        "GUI GUO HAI HAN HAO HONG HOU HU HUAN HUANG HUI HUO JI JIA JIAN JIANG JIAO JIE JIN JING JIU JV JVAN KAI KAN "
        "KAO KE KONG KOU KU KUA KUI KUN LA LANG LAO LEI LENG LI LIAO LIE LIN LIU LONG LOU LU LUO MA MAN MAO MENG MI "
        "MIAO MO NA NAN NAO NI NIAN NIU OU PAI PAO PENG PI PIAO PIN PO PU QI QIAN QIANG QIAO QIE QIN QING QV QVAN "
        "RANG SA SAN SANG SAO SHA SHAI SHAN SHANG SHAO SHE SHEN SHENG SHI SHOU SHU SHUA SHUAI SI SONG SOU SUI TA "
        "TAN TANG TAO TI TIAO TIE TONG TU TUAN TUI TUO WA WAN WANG WEI WEN WENG WO WU XI XIAN XIANG XIAO XIE XING "
        "XIU XV XVAN XVE YA YAN YANG YAO YE YI YIN YING YONG YOU YU YUAN YUN ZAI ZAN ZAO ZHA ZHAI ZHAN ZHANG ZHAO "
        "ZHE ZHEN ZHENG ZHI ZHONG ZHOU ZHU ZHUAN ZI ZONG ZOU ZUAN ZUO"
    ),
    "1245": (
        "ANG CENG CU CUAN CUO DIE HANG HE HENG HUA HUN JVE KANG KUANG LUN MEN PA PAN PANG PEI PEN PIAN QVE SU TAI "
        "TOU TUN XIA XIN XVN"
    ),
    "2345": (
        "BU ER GUN HEN KUAI LAN LIAN LIANG LING LUAN LV MAI MEI MIAN MING MU NAI NIAO NING NU RAO RE REN RU RUI "
        "SHUI SHUN ZUI"
    ),
    "1235": "CAO CHAO CHUN HA KA KUAN MOU PIE QIU RONG SHUANG SUN SUO TIAN TING ZA ZHUA ZHUN ZU",
    "145": "BIN CHUO DUI EN JVN LE MIE NIE SAI SHUAN SHUO SUAN YUE ZANG ZENG ZHUANG ZHUI",
    "125": "CANG CEN CHAI CHUI CONG DE NANG O PING QIONG QVN RENG XIONG ZHUO",
    "235": "DEI FOU GEI JIONG KEN LIA MANG MIN NUAN NV RAN RUAN",
    "45": "CE COU KUO NEN NVE RI RUN RUO SE TE",
    "15": "A DIU HEI KENG POU SEN SENG YO ZUN",
    "245": "HUAI LAI NE NIANG NONG NUO ROU ZE",
    "2": "FO NIN RUA SHEI",
    "25": "EI NENG TENG ZEI",
    "1345": "QIA ZHUAI",
    "1": "CHUA",
    "1234": "WAI",
    "135": "CA",
    "23": "ZEN",
    "234": "NEI",
    "3": "DIA",
    "345": "LVE",
    "4": "MIU",
    "5": "ME",
}
"""Tones → the syllables that IndexTTS-2.5 was trained on with them: 1,728 readings; ü is V, 5 the neutral tone."""
_TONES = {syllable: tones for tones, syllables in _SYLLABLES_BY_TONES.items() for syllable in syllables.split()}
PINYIN_READINGS = frozenset(syllable + tone for syllable, tones in _TONES.items() for tone in tones)

_VOWELS = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW"
_CONSONANTS = "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH"
PHONEMES = frozenset((*_CONSONANTS.split(), *(vowel + stress for vowel in _VOWELS.split() for stress in "012")))
SYLLABLE_BREAK = "."

_TONE_MARKS = {"\u0304": "1", "\u0301": "2", "\u030c": "3", "\u0300": "4"}
_WRITTEN_U = re.compile("(?<=[JQX])U(?=(?:E|AN|N)?[1-5]?$)|(?<=[NL])U(?=E[1-5]?$)")
_HIRAGANA = re.compile("[\u3041-\u3096ー]+")
_KATAKANA = re.compile("[\u30a1-\u30faー]+")
_KATAKANA_LETTERS = re.compile("[\u30a1-\u30f6]")


def respell_syllable(written: str) -> str:
    """The vocabulary's spelling: upper case, tone behind, V for ü, also after j, q and x: qu4, qù → QV4; nǚ → NV3."""
    plain, tone = "", ""
    for part in unicodedata.normalize("NFD", written.strip()):
        if part in _TONE_MARKS:
            tone = _TONE_MARKS[part]
        else:
            plain = plain[:-1] + "V" if part == "\u0308" else plain + part.upper()
    return _WRITTEN_U.sub("V", plain + tone)


def suggest_syllables(reading: str) -> list[str]:
    """The valid readings nearest to one that is not: the same syllable's tones, else syllables written alike."""
    letters = reading.rstrip("0123456789")
    nearest = [letters] if letters in _TONES else get_close_matches(letters, _TONES, n=2, cutoff=0.5)
    tone = reading[len(letters) :]
    same_tone = [syllable + tone for syllable in nearest if syllable + tone in PINYIN_READINGS]
    return same_tone or [syllable + tone for syllable in nearest for tone in _TONES[syllable]][:5]


def suggest_phonemes(phoneme: str) -> list[str]:
    """The valid phonemes nearest to one that is not: the same with a stress or without, else those written alike."""
    letters = phoneme.rstrip("0123456789")
    if letters in _VOWELS.split():
        return [letters + stress for stress in "012"]
    return [letters] if letters in PHONEMES else get_close_matches(phoneme, sorted(PHONEMES), n=3, cutoff=0.3)


def is_kana(reading: str) -> bool:
    """Whether it is all hiragana or all katakana; the mark of a long vowel is either."""
    return bool(_HIRAGANA.fullmatch(reading) or _KATAKANA.fullmatch(reading)) and reading.strip("ー") != ""


def write_hiragana(reading: str) -> str:
    """`reading` with its katakana as hiragana."""
    return _KATAKANA_LETTERS.sub(lambda letter: chr(ord(letter.group()) - 0x60), reading)
