"""Every rule of reading has examples, and they are read so."""

import pytest
from helpers.patterns import assert_linear
from indextts2_multitalk.indextts.text.arabic_rules import ARABIC_RULES
from indextts2_multitalk.indextts.text.chinese_rules import CHINESE_RULES
from indextts2_multitalk.indextts.text.english_rules import ENGLISH_RULES
from indextts2_multitalk.indextts.text.japanese_rules import JAPANESE_RULES
from indextts2_multitalk.indextts.text.language import FIVE_LANGUAGES
from indextts2_multitalk.indextts.text.normalizer import TextNormalizer
from indextts2_multitalk.indextts.text.spanish_rules import SPANISH_RULES

BY_LANGUAGE = {
    "zh": CHINESE_RULES,
    "en": ENGLISH_RULES,
    "ja": JAPANESE_RULES,
    "es": SPANISH_RULES,
    "ar": ARABIC_RULES,
}
RULES = [(language, rule) for language, rules in BY_LANGUAGE.items() for rule in rules]
EXAMPLES = [(language, written, spoken) for language, rule in RULES for written, spoken in rule.examples]


@pytest.fixture(scope="module")
def normalizer() -> TextNormalizer:
    return TextNormalizer(languages=FIVE_LANGUAGES)


@pytest.mark.parametrize(("language", "rule"), RULES, ids=lambda value: getattr(value, "name", value))
def test_every_rule_shows_what_it_does(language, rule):
    assert rule.examples
    for written, _ in rule.examples:
        assert not rule.needs or set(written) & set(rule.needs)


@pytest.mark.parametrize(("language", "written", "spoken"), EXAMPLES)
def test_examples_are_read_as_they_say(normalizer, language, written, spoken):
    assert normalizer.normalize(written, language).lower() == spoken.lower()


@pytest.mark.parametrize("rule", [rule for _, rule in RULES], ids=lambda rule: rule.name)
def test_patterns_are_linear(rule):
    assert_linear(rule.pattern)
