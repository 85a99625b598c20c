"""What is written for a page and not for a reader: HTML entities and tags, Markdown."""

import html
import re

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8}\d{0,2});")
_TAG = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|br|center|cite|code|del|div|em|font|h[1-6]|hr|i|img|ins|kbd|li|mark|ol|p|pre|q|s|small|span"
    r"|strong|sub|sup|table|tbody|td|th|thead|tr|tt|u|ul)(?: [^<>]{0,300})?/?>",
    re.IGNORECASE,
)
_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})\]\((?:[^()\s]{1,300})(?: \"[^\"\n]{0,200}\")?\)")
_EMPHASIS = (
    re.compile(r"(?<![\w*])(\*{1,3})(?=[^\s*])([^*\n]{1,500})(?<=[^\s*])\1(?![\w*])"),
    re.compile(r"(?<![\w_])(_{1,3})(?=[^\s_])([^\n_]{1,500})(?<=[^\s_])\1(?![\w_])"),
    re.compile(r"(?<![\w~])(~~)(?=[^\s~])([^~\n]{1,500})(?<=[^\s~])\1(?![\w~])"),
    re.compile(r"(?<![\w`])(`{1,3})(?=[^`])([^`\n]{1,500})\1(?![\w`])"),
)
_LINE_START = re.compile(r"^[ \t]{0,8}(?:#{1,6}[ \t]+|>[ \t]+(?=\D)|[*+•‣◦▪●■-][ \t]+(?=\S))", re.MULTILINE)
_ORNAMENT_LINE = re.compile(r"^[ \t]*(?:[*_=~#-][ \t]?){3,}$", re.MULTILINE)
_EMOTICON = re.compile(
    r"(?<![\w:;])(?:[:;][-o^']?[)(\]\[DPpOo/\\|*]{1,3}|\^[_.-]?\^|[xX]D{1,3}|[TQ]_[TQ]|-_-|[oO]_[oO])(?![\w/])"
    r"|\(\^[_.-]?\^\)"
)
_MARKS = frozenset("&<*_~`#>[|-+•‣◦▪●■=:;^xXTQoO")


def unescape_entities(text: str) -> str:
    """&amp; and its like as the characters that they stand for."""
    return _ENTITY.sub(lambda entity: html.unescape(entity.group()), text) if "&" in text else text


def strip_markup(text: str) -> str:
    """`text` without tags, emphasis, addresses behind links, marks of lists and headings, and emoticons."""
    if _MARKS.isdisjoint(text):
        return text
    text = _LINK.sub(r"\1", _TAG.sub(" ", text))
    text = _LINE_START.sub("", _ORNAMENT_LINE.sub("", text))
    for pattern in _EMPHASIS:
        text = pattern.sub(r"\2", text)
    return _EMOTICON.sub("", text)
