"""Tables of written text and how it is read, by kind of fault: what users reported, widened."""

import pytest
from helpers.readings import read_table
from indextts2_multitalk.indextts.text.normalizer import TextNormalizer


@pytest.fixture(scope="module")
def normalizer() -> TextNormalizer:
    return TextNormalizer()


def without_spaces(text: str) -> str:
    return "".join(text.split()).lower()


@pytest.mark.parametrize(("language", "kind", "written", "readings"), [*read_table("zh"), *read_table("en")])
def test_text_of_a_kind_is_read_rightly(normalizer, language, kind, written, readings):
    spoken = normalizer.normalize(written, language)
    assert without_spaces(spoken) in map(without_spaces, readings), f"{kind}: {spoken}"
