"""Script files in the encodings of Windows editors and subtitle sites."""

from pathlib import Path

import pytest
from indextts2_multitalk.indextts.dialogue.script_file import decode_script, read_script_file
from indextts2_multitalk.indextts.errors import ScriptError

CHINESE = (
    "旁白：你好，世界。",
    "小明：今天天气怎么样？\n小红：有点冷。",
    "1\n00:00:01,000 --> 00:00:02,500\n我不知道你在说什么\n\n2\n00:00:03,000 --> 00:00:04,000\n走吧\n",
    "张三：OK，we are ready！",
    "老王：八百标兵奔北坡",
)
TRADITIONAL = ("旁白：你好，世界。", "小明：今天天氣怎麼樣？\n小紅：有點冷。", "老師：這個問題很難，你們知道嗎？")
WESTERN = (
    "Anna: It’s a café – “yes”.",
    "Ben: naïve résumé, señor — 5 € … right?",
    "Hélène: déjà vu\nJosé: ¿qué?",
    "1\n00:00:01,000 --> 00:00:02,500\nDon’t “do” it…\n",
    "Zoë: Über das Ö und die Größe.",
)


@pytest.mark.parametrize("text", CHINESE)
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_chinese(tmp_path: Path, text: str, encoding: str) -> None:
    file = tmp_path / "script.txt"
    file.write_bytes(text.encode(encoding))
    assert read_script_file(file) == text


@pytest.mark.parametrize("text", TRADITIONAL)
@pytest.mark.parametrize("encoding", ["utf-8", "big5", "utf-16"])
def test_traditional_chinese(text: str, encoding: str) -> None:
    assert decode_script(text.encode(encoding)) == text


@pytest.mark.parametrize("text", WESTERN)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
def test_western(text: str, encoding: str) -> None:
    assert decode_script(text.encode(encoding)) == text


def test_big_endian_with_its_mark() -> None:
    assert decode_script(b"\xfe\xff" + "Anna: hi".encode("utf-16-be")) == "Anna: hi"


def test_a_few_broken_bytes_are_left_out() -> None:
    text = "旁白：" + "你好，世界。" * 40
    assert decode_script(text.encode()[:-1]) == text[:-1]
    assert decode_script(b"") == ""


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "voice.bin"
    file.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(ScriptError, match="expected a text file in UTF-8"):
        read_script_file(file)
    with pytest.raises(ScriptError, match=r"none\.txt: cannot be read"):
        read_script_file(tmp_path / "none.txt")
