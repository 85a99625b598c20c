"""Numbers that name and do not count, in Mandarin: addresses, telephones, tickets, standards, versions, models."""

import re

from .chinese_numbers import read_amount, read_code, read_digits, read_integer, read_ordinal
from .rule import DIGITS, Rule

_ADDRESS_SIGNS = str.maketrans(
    {
        ".": "点",
        "/": "斜杠",
        ":": "冒号",
        "@": "艾特",
        "_": "下划线",
        "-": "杠",
        "?": "问号",
        "=": "等于",
        "&": "和",
        "#": "井号",
        "%": "百分号",
        "+": "加",
        "~": "波浪号",
    }
)
_DOMAIN = (
    r"(?:[A-Za-z0-9-]{1,63}\.){1,8}(?:com|cn|org|net|edu|gov|io|ai|co|me|tv|cc|top|xyz|info|app|dev|hk|tw|jp|uk|de)"
)
_PATH = r"(?:[/?#:][A-Za-z0-9._~/?#&=%+:-]*[A-Za-z0-9/])?"
_ADDRESS = re.compile(
    r"(?<![A-Za-z0-9._%+@-])(?:(?:https?|ftp)://[A-Za-z0-9._~/?#&=%+:@-]*[A-Za-z0-9/]"
    r"|[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
    r"|[A-Za-z0-9]{1,40}(?:_[A-Za-z0-9]{1,40}){1,5}(?![A-Za-z0-9_])"
    rf"|{_DOMAIN}(?![A-Za-z0-9-]){_PATH})",
    re.IGNORECASE,
)

_CODE_NOUNS = (
    "身份证|护照|密码|口令|邮编|编号|编码|代码|号码|账号|帐号|车牌|牌照|尾号|航班|车次|QQ|微信|手机|电话|座机|传真|热线|"
    "客服|分机|总机|联系方式|致电|拨打|拨通|来电|转|区号|单号|卡号|学号|工号|房号|型号|批号|股票|ISBN|PIN|端口|尾数|后[四六]位|房间"
)
_COUNTED = "年月日天个元块名人位台次只件辆万亿千百倍米克斤度分秒小时岁点份张条家所间套起种样层%％"
"""What begins behind an amount, and never behind a code."""
_AFTER_NOUN = re.compile(
    rf"(?:(?:{_CODE_NOUNS})[号码]{{0,2}}|[\u4e00-\u9fff][号码])\s?(?:是|为)?[:：,，]?\s?\+?[A-Za-z]{{0,4}}"
    r"(?:[0-9]{3,}|[(（][0-9]{3,4}[)）][ -]?[0-9]{3,}|[0-9]{1,4}(?=-[0-9]+-))(?:-[0-9]{1,12}| [0-9]{2,12}){0,5}"
    rf"(?![0-9]|\.[0-9])(?!\s?[{_COUNTED}])"
)
_PHONE = re.compile(
    r"(?<![0-9A-Za-z.,])(?:\+[0-9]{1,3}[ -]?)?(?:1[3-9][0-9](?:[ -]?[0-9]{4}){2}|[(（]?0[0-9]{2,3}[)）]?[ -]?[0-9]{7,8}"
    r"|[(（]?0[0-9]{2,3}[)）]?[ -]?[0-9]{3,4}[ -][0-9]{4}|[48]00-?[0-9]{3}-?[0-9]{4}|[48]00-[0-9]{4}-[0-9]{3})"
    r"(?![0-9.])"
)
_ABROAD = re.compile(r"(?<![0-9A-Za-z])\+[0-9]{1,3}(?:[ -]\(?[0-9]{2,12}\)?){1,5}(?![0-9.])")
_SERVICE = re.compile(
    r"(?<![0-9A-Za-z.,])(?:(?<=拨)|(?<=打)|(?<=报警)|(?<=急救)|(?<=火警))1(?:10|19|20|22)(?![0-9.])(?!\s?[个人次分元])"
    r"|(?<![0-9A-Za-z.,])(?:1(?:10|19|20|22)(?=报警|急救|火警|救护|指挥|出警|接警|热线|电话)"
    r"|(?:100(?:86|10|00)|123(?:06|15|45|33|48)|95[0-9]{3}|96[0-9]{3,4})(?=热线|客服|电话|平台|官网|网站|订票|购票|投诉|[，。,.！!]|$))"
)
_PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z][·• ]?(?=[A-Z0-9]{0,5}[0-9])[A-Z0-9]{5,6}"
    r"(?![A-Z0-9])"
)
_TICKET = re.compile(
    r"(?<![A-Za-z0-9])(?:[GDCKTZYSL][0-9]{1,4}(?=\s?(?:次|列车|高铁|动车))"
    r"|(?:[A-Z]{2}|[0-9][A-Z]|[A-Z][0-9])[0-9]{3,4}(?=\s?(?:次|航班|客机)))"
)
_ROOM = re.compile(
    r"(?<![0-9A-Za-z.,-])(?:[0-9]{4}(?=号?房|客房|病房|教室|包间|包厢|号?室(?![温内外]))|[0-9]{3}(?=号?室(?![温内外])))"
    r"|(?:(?<=单元)|(?<=号楼)|(?<=[0-9][栋幢座]))[0-9]{3,4}(?![0-9.]|\s?["
    rf"{_COUNTED}])"
)
_LONG_CODE = re.compile(
    r"(?<![0-9A-Za-z.,，(（])(?:[0-9]{17}[Xx]|[0-9]{13,}|[0-9]{4}(?: [0-9]{4}){2,4}|(?<!-)0[0-9]{2,})"
    r"(?![0-9.,)）-]| [0-9])"
)
_CALLED_BY_DIGITS = re.compile(
    r"(?<![0-9A-Za-z.,])(?:[0-9]{3,4}(?=[pP](?![0-9A-Za-z]))|[0-9]{3}(?:[/、和与][0-9]{3}){0,3}"
    r"(?=事件|晚会|恐袭|恐怖袭击|工作制|大促|购物节|高校|院校|工程大学|国道|省道|县道|电台))"
)

_STANDARD = re.compile(
    r"(?<![A-Za-z])(?P<body>GB|GBZ|ISO|IEC|IEEE|ASTM|DIN|EN|JIS|ANSI|RFC|DB|QB|JB|YY|HG|SH|JGJ|CJJ|NB|DL|SY|YD|HJ|GA|JT|TB|"
    r"Q/[A-Z]{2,5}|DB[0-9]{2})"
    r"(?P<kind>/[A-Z]{1,3})?(?P<gap>[ -]?)"
    r"(?P<number>[0-9]{3,6}|[0-9]{1,2}(?=(?:\.[0-9]{1,2})?-[0-9]{4}))(?P<part>\.[0-9]{1,2})?"
    r"(?P<year>[-:—–][0-9]{2,4})?"
    r"(?![0-9A-Za-z])"
)
_VERSION = re.compile(r"(?<![0-9.])[0-9]{1,6}(?:\.[0-9]{1,6}){2,8}(?![0-9])(?!\.[0-9])")
_NUMBER_SIGN = re.compile(r"(?<![A-Za-z])(?:No\.|№|#)\s?([0-9]{1,4})(?![0-9.])", re.IGNORECASE)
_MODEL = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{1,40}(?:-[A-Za-z]{1,40}){0,3}-?[0-9][A-Za-z0-9]{0,40}(?:-[A-Za-z0-9]{1,40}){0,5}(?:\.[0-9]{1,20}){0,5}"
)
_NUMBER_IN_MODEL = re.compile(r"[0-9]+(?:\.[0-9]{1,20}){0,5}")
_AIRCRAFT = re.compile(r"(?:(?<=波音)|(?<=空客)|(?<=麦道))-?([0-9]{3})(?:-([0-9]{3,4}))?(?![0-9])")
_SPACED_MODEL = re.compile(r"(?<=[A-Z]{2} )(?!1000|2000)[0-9]{4}(?![0-9.,年])")
_ROMAN = re.compile(
    r"(?<=第)[IVX]{1,6}(?![A-Za-z])|(?<![A-Za-z])[IVX]{1,6}(?=[型级期类章卷世代度部篇届][\u4e00-\u9fff]{0,8})"
    r"|(?<=[\u4e00-\u9fff])(?=[IVX]{2})[IVX]{2,6}(?![A-Za-z0-9])"
)


def _read_address(match: re.Match[str]) -> str:
    return read_digits(match.group().translate(_ADDRESS_SIGNS))


def _read_phone(match: re.Match[str]) -> str:
    return read_code(re.sub(r"[ ()（）-]", "", match.group()).replace("+", "加"))


def _read_after_noun(match: re.Match[str]) -> str | None:
    """A noun and its code; what is a plain amount of four digits behind any 号 or 码 stays one: 2号1000人 is none."""
    head, code = re.match(r"(?s)(.*?)(\+?[A-Za-z]{0,4}[(（]?[0-9].*)", match.group()).groups()  # type: ignore[union-attr]
    spoken = read_code(re.sub(r"[ ()（）-]", "", code).replace("+", "加"))
    return f"{head}{spoken}"


def _read_standard(match: re.Match[str]) -> str:
    year = match["year"] or ""
    mark = {"": "", ":": ","}.get(year[:1], "杠")
    kind = (match["kind"] or "").replace("/", " ")
    gap = " " if kind or match["gap"] else ""
    number = read_digits(match["number"] + (match["part"] or "").replace(".", "点"))
    return f"{read_digits(match['body'].replace('/', ' '))}{kind}{gap}{number}{mark}{read_digits(year[1:])}"


def _read_version(match: re.Match[str]) -> str:
    """2.0.1 二点零点一, 17.4.1 十七点四点一; an IP address digit by digit."""
    parts = match.group().split(".")
    read = read_digits if max(map(len, parts)) > 2 or len(parts) == 4 else read_ordinal
    return "点".join(map(read, parts))


def _read_model(match: re.Match[str]) -> str:
    return _NUMBER_IN_MODEL.sub(lambda number: _read_model_number(number.group()), match.group())


def _read_model_number(digits: str) -> str:
    """What stands behind letters: Win11 十一, A320 三二零, H100 一百, RTX4090 四零九零, PM2.5 二点五."""
    if "." in digits:
        return "点".join(map(read_ordinal, digits.split("."))) if digits.count(".") > 1 else read_amount(digits)
    whole = len(digits) < 3 or (len(digits) == 3 and digits.endswith("00"))
    return read_integer(digits) if whole else read_digits(digits)


_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10}
_WRITTEN_ROMAN = re.compile(r"X{0,3}(?:IX|IV|V?I{0,3})")


def _read_roman(match: re.Match[str]) -> str | None:
    numeral = match.group()
    if not _WRITTEN_ROMAN.fullmatch(numeral):
        return None
    values = [_ROMAN_DIGITS[letter] for letter in numeral]
    following = [*values[1:], 0]
    total = sum(-value if value < after else value for value, after in zip(values, following, strict=True))
    return read_ordinal(str(total))


ADDRESS_RULES = (
    Rule(
        "addresses",
        _ADDRESS,
        _read_address,
        needs=".:_",
        examples=[
            ("网址是https://www.example.com/a", "网址是https冒号斜杠斜杠www点example点com斜杠a"),
            ("邮箱abc_01@163.com。", "邮箱abc下划线零一艾特一六三点com."),
            ("请上www.qq.com看看", "请上www点qq点com看看"),
            ("微信zhang_123", "微信zhang下划线一二三"),
        ],
    ),
)
CODE_RULES = (
    Rule(
        "standards",
        _STANDARD,
        _read_standard,
        needs=DIGITS,
        examples=[
            ("执行GB/T 15109-2021标准", "执行GB T 一五一零九杠二零二一标准"),
            ("ISO9001认证", "ISO九零零一认证"),
            ("符合ISO 9001:2015", "符合ISO 九零零一,二零一五"),
        ],
    ),
    Rule(
        "number plates",
        _PLATE,
        lambda match: read_code(re.sub("[·• ]", "", match.group())),
        needs=DIGITS,
        examples=[("京A12345违章", "京A幺二三四五违章"), ("粤B·D12345", "粤BD幺二三四五")],
    ),
    Rule(
        "codes behind their noun",
        _AFTER_NOUN,
        _read_after_noun,
        needs=DIGITS,
        examples=[
            ("验证码为8848", "验证码为八八四八"),
            ("身份证号110101199003071234", "身份证号幺幺零幺零幺幺九九零零三零七幺二三四"),
            ("电话021-5555 6666", "电话零二幺五五五五六六六六"),
            ("5月1号2000人参加", "五月一号两千人参加"),
            ("手机1999元", "手机一千九百九十九元"),
        ],
    ),
    Rule(
        "long codes",
        _LONG_CODE,
        lambda match: read_code(match.group().replace(" ", "")),
        needs=DIGITS,
        examples=[("卡里6222 0212 3456 7890", "卡里六二二二零二幺二三四五六七八九零"), ("特工007", "特工零零七")],
    ),
    Rule(
        "telephones",
        _PHONE,
        _read_phone,
        needs=DIGITS,
        examples=[
            ("打400-800-8820吧", "打四零零八零零八八二零吧"),
            ("请打138-0013-8000", "请打幺三八零零幺三八零零零"),
            ("共13800138元", "共一千三百八十万零一百三十八元"),
        ],
    ),
    Rule(
        "telephones abroad",
        _ABROAD,
        _read_phone,
        needs="+",
        examples=[("请拨+1 555 123 4567。", "请拨加幺五五五幺二三四五六七.")],
    ),
    Rule(
        "service numbers",
        _SERVICE,
        lambda match: read_code(match.group()),
        needs="19",
        examples=[
            ("快打120急救", "快打幺二零急救"),
            ("上12306官网", "上幺二三零六官网"),
            ("跑了120米", "跑了一百二十米"),
        ],
    ),
    Rule(
        "trains and flights",
        _TICKET,
        lambda match: read_code(match.group()),
        needs="次列高动航客",
        examples=[("我坐G1234次高铁", "我坐G幺二三四次高铁"), ("MU5137航班晚点", "MU五幺三七航班晚点")],
    ),
    Rule(
        "rooms",
        _ROOM,
        lambda match: read_code(match.group()),
        needs="房室包教病客元楼栋幢座",
        examples=[
            ("住1808房", "住幺八零八房"),
            ("2019年房价", "二零一九年房价"),
            ("2栋3单元502", "二栋三单元五零二"),
            ("3栋200人", "三栋两百人"),
        ],
    ),
    Rule(
        "aircraft",
        _AIRCRAFT,
        lambda match: "-".join(map(read_digits, filter(None, match.groups()))),
        needs="波空麦",
        examples=[("波音737-800", "波音七三七-八零零"), ("空客320", "空客三二零")],
    ),
    Rule(
        "called by digits",
        _CALLED_BY_DIGITS,
        lambda match: read_digits(match.group().replace("/", ",")),
        needs=DIGITS,
        examples=[("911事件", "九一一事件"), ("1080P视频", "一零八零P视频"), ("315晚会曝光", "三一五晚会曝光")],
    ),
)
VERSION_RULES = (
    Rule(
        "versions",
        _VERSION,
        _read_version,
        needs=".",
        examples=[("升级到iOS 17.4.1", "升级到iOS 十七点四点一"), ("连192.168.1.1", "连一九二点一六八点一点一")],
    ),
)
MODEL_RULES = (
    Rule(
        "numbered signs",
        _NUMBER_SIGN,
        lambda match: f"第{read_ordinal(match[1])}",
        needs="oO#№",
        examples=[("他是No.1", "他是第一")],
    ),
    Rule(
        "Roman numerals",
        _ROMAN,
        _read_roman,
        needs="IVX",
        examples=[("第III章", "第三章"), ("II型糖尿病", "二型糖尿病"), ("CPI指数", "CPI指数")],
    ),
    Rule(
        "models",
        _MODEL,
        _read_model,
        needs=DIGITS,
        examples=[("空客A320", "空客A三二零"), ("这台Win11电脑", "这台Win十一电脑"), ("用k8s部署", "用k八s部署")],
    ),
    Rule(
        "models behind a space",
        _SPACED_MODEL,
        lambda match: read_digits(match.group()),
        needs=DIGITS,
        examples=[("买了RTX 4090", "买了RTX 四零九零")],
    ),
)
