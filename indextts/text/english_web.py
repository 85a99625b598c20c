"""What English text names by its signs: addresses, domains, handles, hashtags, files."""

import re

from .english_numbers import spell_digits
from .rule import Rule

_SIGNS = {
    ".": "dot",
    "@": "at",
    "/": "slash",
    ":": "colon",
    "-": "dash",
    "_": "underscore",
    "+": "plus",
    "?": "question mark",
    "=": "equals",
    "&": "and",
    "#": "hash",
    "%": "percent",
    "~": "tilde",
}
_PARTS = re.compile(r"[^\W\d_]+|\d+|[^\w]|_")

_DOMAINS = (
    "com|org|net|edu|gov|mil|int|io|ai|co|uk|de|fr|cn|jp|kr|ru|nl|es|ch|se|pl|br|ca|au|nz|eu|info|biz|dev|app|xyz|tv|fm"
    "|gg|ly|site|online|store|shop|blog|cloud|tech|wiki|news|live|art|club|pro|moe|tw|hk|ie|za"
)
_WORD_DOMAINS = "me|us|in|it|is|at|be|so|to|no"  # words too: only with a path or www
_FILES = (
    "txt|pdf|docx?|xlsx?|pptx?|csv|tsv|json|ya?ml|toml|xml|html?|css|js|jsx|tsx?|py|ipynb|java|cpp|hpp|rs|go|rb|php|sh"
    "|bat|exe|dll|so|zip|rar|7z|tar|gz|iso|dmg|apk|jpe?g|png|gif|svg|webp|bmp|mp3|mp4|m4a|wav|flac|ogg|avi|mkv|mov|webm"
    "|srt|vtt|ass|md|log|ini|cfg|bin|safetensors|gguf|ckpt|pth?|onnx"
)
_LABEL = "[a-z0-9][a-z0-9-]{0,62}"
_PATH = r"(?:[/?#][^\s<>\"'()\[\]]{0,500}(?<![.,!?;:]))?"


def _speak_address(address: str) -> str:
    spoken = []
    for part in _PARTS.findall(address):
        spoken.append(spell_digits(part) if part.isdecimal() else _SIGNS.get(part, part))
    return " ".join(spoken)


WEB_RULES = (
    Rule(
        "e-mail",
        re.compile(rf"(?<![\w.+-])[\w.+-]{{1,64}}@(?:{_LABEL}\.){{1,5}}[a-z]{{2,24}}(?![\w-])", re.IGNORECASE),
        lambda match: _speak_address(match.group()),
        needs="@",
        examples=[
            ("Write to bob@mail.com.", "Write to bob at mail dot com."),
            ("john.doe_7@foo.co.uk?", "john dot doe underscore seven at foo dot co dot uk?"),
        ],
    ),
    Rule(
        "addresses",
        re.compile(r"(?<!\w)(?:https?|ftp|file)://[^\s<>\"'()\[\]]{1,500}(?<![.,!?;:])", re.IGNORECASE),
        lambda match: _speak_address(match.group().rstrip("/")),
        needs="/",
        examples=[("See http://a.com/b1.", "See http colon slash slash a dot com slash b one.")],
    ),
    Rule(
        "domains",
        re.compile(
            rf"(?<![\w@.-])(?:www\.(?:{_LABEL}\.){{1,4}}(?:{_DOMAINS}|{_WORD_DOMAINS})"
            rf"|(?:{_LABEL}\.){{1,4}}(?:{_DOMAINS}|(?:{_WORD_DOMAINS})(?=/)))(?![\w@-]|\.\w){_PATH}",
            re.IGNORECASE,
        ),
        lambda match: None if _ends_a_sentence(match) else _speak_address(match.group().rstrip("/")),
        needs=".",
        examples=[
            ("Visit example.com.", "Visit example dot com."),
            ("www.bbc.co.uk/news, mail.nasa.gov!", "www dot bbc dot co dot uk slash news, mail dot nasa dot gov!"),
            ("He left.So did I.", "He left.So did I."),
        ],
    ),
    Rule(
        "files",
        re.compile(rf"(?<![\w.])(\.NET\b|[\w-]{{1,100}}(?:\.[\w-]{{1,30}}){{0,3}}\.(?:{_FILES}))(?![\w-]|\.\w)"),
        lambda match: _speak_address(match.group()),
        needs=".",
        examples=[("Open report.pdf, or song.mp3.", "Open report dot pdf, or song dot mp three.")],
    ),
    Rule(
        "handles",
        re.compile(r"(?<![\w@])@(\w{1,60})"),
        lambda match: f"at {_speak_address(match[1])}",
        needs="@",
        examples=[("Ask @bob.", "Ask at bob.")],
    ),
    Rule(
        "hashtags",
        re.compile(r"(?<![\w#&])#(?=\w{0,60}[^\W\d_])(\w{1,60})"),
        lambda match: f"hashtag {_speak_address(match[1])}",
        needs="#",
        examples=[("So #blessed today.", "So hashtag blessed today.")],
    ),
)


def _ends_a_sentence(match: re.Match[str]) -> bool:
    """A word with a capital behind a stop begins a sentence whose space was forgotten: left.So."""
    last = match.group().split("/")[0].rpartition(".")[2]
    return last.istitle()
