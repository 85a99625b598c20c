"""A small SentencePiece BPE model, trained in a second, that stands in for the released `bpe.model`.

Like the released one: upper-case English and single Chinese characters, `<s>` is 0, `</s>` is 1, `<unk>` is 2.
"""

import functools
import io
from pathlib import Path

import sentencepiece

ENGLISH = (
    "HELLO, HOW ARE YOU TODAY? I'M DOING GREAT, THANK YOU FOR ASKING! "
    "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG. WHERE IS THE MONEY? IT IS ON THE TABLE. "
    "ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE TEN ELEVEN TWELVE TWENTY THIRTY HUNDRED THOUSAND. "
    "WE SPEAK A SCRIPT WITH MANY VOICES - AND SOME OF THEM ARE HAPPY, SOME ARE SAD, SOME ARE ANGRY. "
    "FIVE PERCENT OF NOTHING IS NOTHING, SHE SAID… 'REALLY', HE ASKED."
)
CHINESE = (
    "你好,今天天气怎么样? 我很好,谢谢! 这是一个测试句子,用来说话. 他说,'我没事,真的…' "
    "零一二三四五六七八九十百千万年月日点分秒. 她高兴地笑了,因为春天来了! 我们一起去看电影吧,好不好?"
)


@functools.lru_cache(maxsize=8)
def _trained(vocab_size: int) -> bytes:
    model = io.BytesIO()
    characters = [c for c in CHINESE if not c.isspace()]
    words = [c if c.isascii() or c == "…" else f" {c} " for c in characters]
    sentences = [ENGLISH, " ".join("".join(words).split()), *ENGLISH.split(". "), *(f"A{d}" for d in "12345")]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences * 4),
        model_writer=model,
        model_type="bpe",
        vocab_size=vocab_size,
        hard_vocab_limit=False,
        character_coverage=1.0,
        bos_id=0,
        eos_id=1,
        unk_id=2,
        add_dummy_prefix=True,
        minloglevel=2,
        num_threads=1,
    )
    return model.getvalue()


def train_bpe(path: Path, vocab_size: int = 300) -> Path:
    """Write a `bpe.model` to `path` (a file, or a folder that gets `bpe.model`) and return the file.

    `vocab_size` is an upper bound: the trainer stops earlier when its text has no more pairs to join. It must be
    at least about 230, the number of characters the text holds.
    """
    target = path / "bpe.model" if path.is_dir() else path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(_trained(vocab_size))
    return target
