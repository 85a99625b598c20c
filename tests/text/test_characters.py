"""The first layer: characters that look alike or stand for several, accents, pictures, markup."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.text.characters import (
    drop_ornaments,
    fold_characters,
    list_ornaments,
    strip_accents,
)
from indextts2_multitalk.indextts.text.markup import strip_markup, unescape_entities
from indextts2_multitalk.indextts.text.normalizer import TextNormalizer

NORMALIZER = TextNormalizer()
QUOTES = "“” „“ «» ‹› 「」 『』 〈〉 《》 【】 〔〕 （） [] {} ⟨⟩ ﹁﹂"


@pytest.mark.parametrize("pair", QUOTES.split())
def test_every_pair_of_quotes_and_brackets_is_the_quote_of_the_vocabulary(pair):
    assert NORMALIZER.normalize(f"{pair[0]}Hi{pair[1]}") == "'Hi'"


@pytest.mark.parametrize("mark", "’‘ʼʻ′´`＇ʹ‛")
def test_every_apostrophe_is_one(mark):
    assert NORMALIZER.normalize(f"I don{mark}t") == "I don't"


@pytest.mark.parametrize("mark", "-‐‑‒–—―−")
def test_every_hyphen_and_dash_is_one(mark):
    assert NORMALIZER.normalize(f"well {mark} yes") == "well - yes"
    assert NORMALIZER.normalize(f"non{mark}stop flight") == "non-stop flight"


@pytest.mark.parametrize("space", "\xa0\u2003\u2009\u202f\u3000")
def test_every_space_is_one(space):
    assert NORMALIZER.normalize(f"5{space}km away") == "five kilometers away"


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("The eﬃcient ﬂow of oﬀers", "The efficient flow of offers"),
        ("Ｈｅｌｌｏ　Ｗｏｒｌｄ！", "Hello World!"),
        ("𝐇𝐞𝐥𝐥𝐨 𝓦𝓸𝓻𝓵𝓭", "Hello World"),
        ("It weighs 5㎏, 3㎞ away.", "It weighs five kilograms, three kilometers away."),
        ("a 50㎡ flat", "a fifty square meter flat"),
        ("H₂O and CO₂", "H two O and CO two"),
        ("①First ②Second", "one First two Second"),
        ("See Chapter Ⅳ, World War Ⅱ.", "See Chapter four, World War two."),
        ("an old fact.¹", "an old fact."),
        ("word⁴² here", "word here"),
        ("It is 10⁶ times", "It is ten to the power of six times"),
        ("cafe\u0301 time", "cafe time"),
        ("wait‥ what⋯", "wait… what…"),
        ("Really⁉ No‼", "Really!? No!!"),
        ("non\u00adhyphen zero\u200bwidth", "nonhyphen zerowidth"),
    ],
)
def test_english_text_of_odd_characters(text, spoken):
    assert NORMALIZER.normalize(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("１００％", "百分之一百"),
        ("共３．１４米", "共三点一四米"),
        ("９：３０出发", "九点三十分出发"),
        ("比分３：２", "比分三比二"),
        ("ＡＢＣ公司", "ABC公司"),
        ("第Ⅲ章", "第三章"),
        ("Ⅱ期临床", "二期临床"),
        ("面积50㎡", "面积五十平方米"),
        ("①准备②开始", "一 准备 二 开始"),
        ("㊀准备", "一准备"),
        ("⼀⼆三", "一二三"),
        ("阿•甘", "阿-甘"),
        ("½杯水", "二分之一杯水"),
        ("你好〜", "你好-"),
        ("你好､再见｡", "你好,再见."),
        ("真的⁉", "真的!?"),
        ("他说﹁你好﹂", "他说'你好'"),
        ("你好😂世界", "你好世界"),
        ("你好(^_^)", "你好"),
        ("café很好，lüe4", "cafe很好,lüe4"),
        ("比分3∶2", "比分三比二"),
        ("真的❓太好了❗", "真的?太好了!"),
    ],
)
def test_chinese_text_of_odd_characters(text, spoken):
    assert NORMALIZER.normalize(text, "zh") == spoken


@given(st.text(max_size=30))
def test_folding_twice_is_folding_once(text):
    folded = fold_characters(text)
    assert fold_characters(folded).split() == folded.split()


@given(st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), max_size=20))
def test_chinese_characters_stay(text):
    assert strip_accents(drop_ornaments(fold_characters(text))) == text


@given(st.text(alphabet=st.characters(min_codepoint=0xC0, max_codepoint=0x24F, categories=("L",)), max_size=20))
def test_accents_leave_as_many_letters(text):
    stripped = strip_accents(text)
    assert len(stripped) >= len(text)
    assert not any(map(unicodedata.combining, stripped))


def test_pictures_that_are_left_out_are_named():
    assert drop_ornaments("Hi 😂👍🏽 →") == "Hi  →"
    assert list_ornaments("Hi 😂 and 😂 ©") == ("😂", "©")


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("a &lt; b &amp; c &#39; &nosuch; &", "a < b & c ' &nosuch; &"),
        ("AT&T; R&D", "AT&T; R&D"),
    ],
)
def test_entities(written, left):
    assert unescape_entities(written) == left


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("**bold**, *it*, __so__, ~~no~~ and `code`", "bold, it, so, no and code"),
        ("# Title\n- one\n* two\n> three", "Title\none\ntwo\nthree"),
        ("[this](http://a.com) ![pic](b.png)", "this pic"),
        ("<b>so</b> good", " so  good"),
        ("<Anna> spoke, x < y > z", "<Anna> spoke, x < y > z"),
        ("snake_case 2 * 3 * 4", "snake_case 2 * 3 * 4"),
        ("5 - 3, -5 and >50%", "5 - 3, -5 and >50%"),
        ("nice :) ok", "nice  ok"),
        ("at 8:30, see (8)", "at 8:30, see (8)"),
    ],
)
def test_markup(written, left):
    assert strip_markup(written) == left
