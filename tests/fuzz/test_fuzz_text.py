"""Any text is prepared for speaking, or has nothing to say; what comes out holds no half of a character."""

from helpers.fuzzing import fuzz, texts
from hypothesis import given
from indextts2_multitalk.indextts.text.normalizer import TextNormalizer

PIECES = (
    *("$3.50", "12:30", "2024-05-01", "1/2", "3.14e10", "http://a.b/c?d=e", "a@b.com", "v1.2.3", "192.168.0.1"),
    *("xuan4=5", "JVE2", "克里斯·诺兰", "GPT-5", "COVID-19", "50%", "-3°C", "100km/h", "No. 5", "IV", "1990s", "Dr. "),
    *("一百二十", "三点五", "10月1日", "100元", "第2", "京A12345", "<b>", "&amp;", "**x**", ":-)", "9" * 40, "+86 138"),
)
NORMALIZER = TextNormalizer()


@fuzz(0.3)
@given(text=texts(*PIECES, most=8))
def test_any_text(text: str) -> None:
    spoken = NORMALIZER.normalize(text)
    spoken.encode("utf-8")
    assert len(spoken) <= 100 + 40 * len(text)
