"""Which language a line is read in."""

import pytest
from indextts2_multitalk.indextts.text.language import choose_language, choose_languages
from indextts2_multitalk.indextts.text.normalizer import TextNormalizer


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("5", "zh"),
        ("Yes.", "en"),
        ("A4", "en"),
        ("The CO2 level rose", "en"),
        ("Take the A1 or the i5.", "en"),
        ("ni3 hao3", "zh"),
        ("page 5 第五页", "zh"),
        ("iPhone 15 Pro Max发布了", "zh"),
        ("邮箱是first.last@mail.example.com", "zh"),
        ("见https://www.example.com/some/long/path/of/words", "zh"),
        ("She said 你好 and paid $5 for the tea.", "en"),
        ("The word for tea is 茶, as you may know.", "en"),
    ],
)
def test_a_line_that_stands_alone(text, language):
    assert choose_language(text) == language


@pytest.mark.parametrize(
    ("texts", "languages"),
    [
        (["How old is she?", "42."], "en en"),
        (["他多重？", "80kg。"], "zh zh"),
        (["10:30", "What time is it?"], "en en"),
        (["Hello there", "1999!", "你好", "2000"], "en en zh zh"),
        (["多少钱？", "Nike", "$20"], "zh zh zh"),
    ],
)
def test_lines_that_tell_nothing_go_with_their_neighbors(texts, languages):
    assert choose_languages(texts) == languages.split()


def test_english_around_chinese_keeps_it():
    spoken = TextNormalizer().normalize("She said 你好 and paid $5 for the tea.")
    assert spoken == "She said 你好 and paid five dollars for the tea."
