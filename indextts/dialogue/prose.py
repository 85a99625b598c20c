"""Words before a colon that begin a sentence and name nobody: `Note: …`, `Chapter 1: …`, `注意：…`."""

import re

_OPENERS = re.compile(
    r"(?:please )?note|notes|nb|n\.b\.?|warning|caution|danger|attention|important|notice|remark|comment|tips?|hint"
    r"|info|information|examples?|for example|e\.g\.?|i\.e\.?|question|answer|remember|summary|conclusion"
    r"|results?|reasons?|problem|solution|facts?|fun fact|update|edit|p\.?\s?s\.?|p\.?p\.?s\.?|postscript|title"
    r"|subtitle|subject|re|date|time|place|location|setting|author|address|source|sources|price|name|from|to|cc|attn"
    r"|introduction|prologue|epilogue|preface|foreword|appendix|contents|credits|ingredients|instructions|directions"
    r"|step|exercise|task|homework|goal|topic|definition|quote|moral|lesson|advice|disclaimer|reminder|breaking"
    r"|however|therefore|first|second|third|finally|also|but|and|so|then|now|well|yes|no|ok|okay|true|false"
    r"|(?:chapter|part|section|act|scene|step|day|week|year|episode|verse|book|volume|page|figure|table|lesson|rule"
    r"|item|number|no\.?|level|appendix|season|round|phase|exhibit|article|question|problem|option|case)"
    r"(?: [\w.-]{1,12}| ?\d{1,6})"
    r"|dear .{1,60}|to whom it may concern"
    r"|注|注意|请注意|注释|备注|附注|附|提示|温馨提示|警告|小心|例|例如|比如|譬如|即|原因|结果|结论|总结|小结|问题|问|答"
    r"|答案|标题|主题|日期|时间|地点|作者|来源|地址|价格|序|序章|序言|楔子|引子|尾声|前言|后记|摘要|目录|简介|背景|说明|要求"
    r"|目标|定义|提醒|重要|公告|通知|声明|首先|其次|最后|另外|此外|但是|所以|因此|也就是说|换句话说|亲爱的.{1,16}|尊敬的.{1,16}"
    r"|(?:他|她|它|我|你|您|咱|有人|大家|众人|老师|医生)们?.{0,6}[说道问答喊叫想写唱念]"
    r"|第.{1,8}[章节回集卷部幕场页条步课天篇季期]",
    re.IGNORECASE,
)


def opens_prose(name: str) -> bool:
    """Whether `name`, before a colon, usually opens a sentence and is nobody's name."""
    return _OPENERS.fullmatch(" ".join(name.split())) is not None
