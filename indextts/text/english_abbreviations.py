"""English abbreviations, titles and streets."""

import re

from .rule import Rule, match_any
from .sentence_ends import keep_stop

_TITLES = {
    "Mr": "Mister",
    "Mrs": "Misses",
    "Ms": "Miss",
    "Messrs": "Messieurs",
    "Dr": "Doctor",
    "Drs": "Doctors",
    "Prof": "Professor",
    "Rev": "Reverend",
    "Fr": "Father",
    "Hon": "Honorable",
    "Pres": "President",
    "Gov": "Governor",
    "Sen": "Senator",
    "Rep": "Representative",
    "Gen": "General",
    "Col": "Colonel",
    "Maj": "Major",
    "Capt": "Captain",
    "Cpt": "Captain",
    "Cmdr": "Commander",
    "Adm": "Admiral",
    "Lt": "Lieutenant",
    "Sgt": "Sergeant",
    "Cpl": "Corporal",
    "Pvt": "Private",
    "Det": "Detective",
    "Supt": "Superintendent",
    "Mt": "Mount",
    "Ft": "Fort",
    "Pt": "Point",
}
_BARE_TITLES = "Mrs?|Ms|Drs?|Prof|Capt|Sgt|Lt|Mt"  # written without their stop too
_STREETS = {
    "St": "Street",
    "Ave": "Avenue",
    "Av": "Avenue",
    "Blvd": "Boulevard",
    "Rd": "Road",
    "Ln": "Lane",
    "Dr": "Drive",
    "Ct": "Court",
    "Pl": "Place",
    "Sq": "Square",
    "Pkwy": "Parkway",
    "Hwy": "Highway",
    "Tpke": "Turnpike",
    "Apt": "Apartment",
}
_BEFORE_NUMBERS = {
    "no": "number",
    "nos": "numbers",
    "nr": "number",
    "min": "minimum",
    "rt": "route",
    "hwy": "highway",
    "vol": "volume",
    "vols": "volumes",
    "fig": "figure",
    "figs": "figures",
    "ch": "chapter",
    "chap": "chapter",
    "sec": "section",
    "sect": "section",
    "art": "article",
    "eq": "equation",
    "ex": "exercise",
    "ep": "episode",
    "pt": "part",
    "pg": "page",
    "p": "page",
    "pp": "pages",
    "ver": "version",
    "rev": "revision",
    "op": "opus",
    "ext": "extension",
    "apt": "apartment",
    "ste": "suite",
    "rm": "room",
    "lvl": "level",
    "§": "section",
}
_BEFORE_YEARS = {"c": "circa", "ca": "circa", "b": "born", "d": "died", "fl": "flourished", "est": "established"}
_WORDS = {
    "e.g": "for example",
    "eg": "for example",
    "i.e": "that is",
    "ie": "that is",
    "etc": "etcetera",
    "vs": "versus",
    "v.s": "versus",
    "cf": "compare",
    "viz": "namely",
    "al": "al",
    "approx": "approximately",
    "appt": "appointment",
    "apt": "apartment",
    "assn": "association",
    "asst": "assistant",
    "attn": "attention",
    "ave": "avenue",
    "bldg": "building",
    "blvd": "boulevard",
    "bros": "brothers",
    "co": "company",
    "corp": "corporation",
    "dept": "department",
    "dist": "district",
    "div": "division",
    "esp": "especially",
    "esq": "esquire",
    "est": "estimated",
    "govt": "government",
    "gov't": "government",
    "hwy": "highway",
    "inc": "incorporated",
    "incl": "including",
    "intl": "international",
    "jr": "junior",
    "ltd": "limited",
    "max": "maximum",
    "mfg": "manufacturing",
    "mgr": "manager",
    "misc": "miscellaneous",
    "natl": "national",
    "orig": "originally",
    "pkg": "package",
    "prev": "previous",
    "ref": "reference",
    "resp": "respectively",
    "sr": "senior",
    "tel": "telephone",
    "temp": "temperature",
    "univ": "university",
    "wt": "weight",
    "yr": "year",
    "yrs": "years",
    "hr": "hour",
    "hrs": "hours",
    "ft": "feet",
    "lb": "pound",
    "lbs": "pounds",
    "oz": "ounces",
    "qty": "quantity",
    "a.k.a": "also known as",
}
_NO_STREET = match_any("At In On The To From And By Of Near For With Is Was But Then When Our His Her My See Old Dear")
_STARTER = re.compile(
    r"[\"'”’) ]*(?:\Z|\n|(?:The|He|She|It|We|They|I|But|And|In|This|That|You|There|So|If|When|What|My)\b)"
)
_NEVER_LAST = ("vs", "e.g", "eg", "i.e", "ie", "cf", "viz", "approx", "v.s")


def _expand(table: dict[str, str], short: str) -> str:
    """What `short` stands for, with a capital where it has one."""
    full = table[short.lower()]
    return full[0].upper() + full[1:] if short[0].isupper() else full


def _expand_word(match: re.Match[str], short: str) -> str | None:
    if short.isupper():
        return None  # EST
    return _expand(_WORDS, short) + ("" if short.lower() in _NEVER_LAST else _keep_clear_stop(match))


def _keep_clear_stop(match: re.Match[str]) -> str:
    """The stop, where what begins behind it is a sentence and no name."""
    return keep_stop(match) if match.group().lower() == "etc." or _STARTER.match(match.string, match.end()) else ""


def _join_letters(match: re.Match[str]) -> str:
    return match.group().replace(".", "") + _keep_clear_stop(match)


NUMBER_WORD_RULES = (
    Rule(
        "before years",
        re.compile(rf"(?<![\w.]){match_any(_BEFORE_YEARS)}\. ?(?=\d{{3,4}}\b)", re.IGNORECASE),
        lambda match: _BEFORE_YEARS[match.group().rstrip(". ").lower()] + " ",
        needs=".",
        final=False,
        examples=[("c. 1500, est. 1990", "circa fifteen hundred, established nineteen ninety")],
    ),
    Rule(
        "before Roman numerals",
        re.compile(r"\b(Vol|Ch|Chap|Pt|Sec|Fig|Art|Ep)\.? (?=[IVXL]+\b)|\b([Nn]o)\. (?=of\b)"),
        lambda match: _expand(_BEFORE_NUMBERS, match[1] or match[2]) + " ",
        needs=".",
        final=False,
        examples=[("Vol. IV, Ch. II", "Volume four, Chapter two"), ("the no. of men", "the number of men")],
    ),
    Rule(
        "before numbers",
        re.compile(
            rf"(?<![\w.])(?:({match_any(_BEFORE_NUMBERS)})\.|§) ?(?=\d)|\b(pp?|no|fig|vol|hwy)(?= \d)", re.IGNORECASE
        ),
        lambda match: _expand(_BEFORE_NUMBERS, match[1] or match[2] or "§") + (" " if match[2] is None else ""),
        needs=".§pPnNfFvVhH",
        final=False,
        examples=[
            ("No. 5 is alive.", "Number five is alive."),
            (
                "See pp. 5–7, Vol. 2, ver. 2.0.1.",
                "See pages five to seven, Volume two, version two point zero point one.",
            ),
        ],
    ),
)

ABBREVIATION_RULES = (
    Rule(
        "streets",
        re.compile(
            rf"(?:(?<=\d(?:st|nd|rd|th) )|\b(?P<name>(?!{_NO_STREET} )[A-Z][a-z]+(?:'s)? ))"
            rf"(?P<short>{match_any(_STREETS)})\b(?:\.|(?=[,\n]|$))"
        ),
        lambda match: (match["name"] or "") + _STREETS[match["short"]] + keep_stop(match),
        needs=".,",
        final=False,
        examples=[
            ("5th Ave. is busy, Main St. too.", "fifth Avenue is busy, Main Street too."),
            ("He lives on Oak Dr.", "He lives on Oak Drive."),
        ],
    ),
    Rule(
        "saints",
        re.compile(r"\bSt\.? (?=[A-Z][a-z])|\bSts\.? (?=[A-Z])"),
        lambda match: "Saints " if "s" in match.group() else "Saint ",
        needs="S",
        final=False,
        examples=[("St. Paul spoke.", "Saint Paul spoke."), ("At St John's", "At Saint John's")],
    ),
    Rule(
        "titles",
        re.compile(
            rf"\b(?:({match_any(_TITLES)})\.(?:(?=\s+(?:[A-Z]|& |and [A-Z])|\s*$)|(?P<close>(?=[A-Z][a-z])))"
            rf"|({_BARE_TITLES})(?:(?= [A-Z])|\.(?= [a-z])))"
        ),
        lambda match: _TITLES[match[1] or match[3]] + (" " if match["close"] is not None else ""),
        needs="MDPRFHGSCALLmrs",
        final=False,
        examples=[("Prof. Lee and Dr Who met Mr. Smith.", "Professor Lee and Doctor Who met Mister Smith.")],
    ),
    Rule(
        "abbreviations",
        re.compile(
            rf"(?<![\w.'])(?:({match_any(_WORDS)})\.(?![\w.])|(vs|approx|dept|govt|etc|e\.g|i\.e)(?!\w|\.\w))",
            re.IGNORECASE,
        ),
        lambda match: _expand_word(match, match[1] or match[2]),
        needs=".vadge",
        final=False,
        examples=[
            ("dogs, i.e. pets", "dogs, that is pets"),
            ("cats, dogs, etc.", "cats, dogs, etcetera."),
            ("Acme Inc. vs. Foo Ltd.", "Acme Incorporated versus Foo Limited."),
        ],
    ),
    Rule(
        "cases at law",
        re.compile(r"(?<=[a-z] )v\.(?= [A-Z])"),
        lambda match: "versus",
        needs="v",
        final=False,
        examples=[("Roe v. Wade", "Roe versus Wade")],
    ),
    Rule(
        "letters with stops",
        re.compile(r"(?<![\w.])(?:[A-Za-z]\.){2,12}(?!\w)|(?<![\w.])(?:[A-Z]\.){1,12}[A-Z](?![\w.])|\bPh\.D\b\.?"),
        _join_letters,
        needs=".",
        final=False,
        examples=[("the U.S. team in D.C.", "the US team in DC."), ("J.R.R. Tolkien", "JRR Tolkien")],
    ),
)
