"""Everyday English: what the voice learns to say, composed by `grammar.txt`, and what it is tested on, `held_out.txt`.

python -m training.sentences --count 20
"""

import argparse
import hashlib
import random
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

GRAMMAR_FILE = Path(__file__).with_name("grammar.txt")
HELD_OUT_FILE = Path(__file__).with_name("held_out.txt")
MAX_WORDS = 42
HELD_OUT_SHARE = 0.02
"""Of the grammar's sentences; with the fifty written by hand they are never spoken in training."""

_SYMBOL = re.compile(r"\{(\w+)\}")
_VOWEL_NEXT = re.compile(r"\b([Aa]) (?=[aeiou])")
_SENTENCE_START = re.compile(r"(^|[.!?] )([a-z])")

_CONTRACTED = {
    "I am": "I'm", "I will": "I'll", "we will": "we'll", "he will": "he'll", "she will": "she'll", "you are": "you're",
    "we are": "we're", "they are": "they're", "do not": "don't", "did not": "didn't", "cannot": "can't",
    "I would": "I'd", "will not": "won't", "could not": "couldn't",
}  # fmt: skip
_CONTRACTABLE = re.compile("|".join(rf"\b{words}\b" for words in _CONTRACTED))

Grammar = dict[str, tuple[str, ...]]


@lru_cache(maxsize=1)
def grammar() -> Grammar:
    """Every symbol's choices. Raises ValueError for a symbol that is used and not defined."""
    rules: Grammar = {}
    for line in GRAMMAR_FILE.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            symbol, _, choices = line.partition(": ")
            rules[symbol] = tuple(choice.strip() for choice in choices.split(" | "))
    used = {name for choices in rules.values() for choice in choices for name in _SYMBOL.findall(choice)}
    if missing := sorted(used - rules.keys()):
        raise ValueError(f"{GRAMMAR_FILE.name}: {missing} are used and not defined; define them")
    return rules


def compose(rng: random.Random, symbol: str = "text") -> str:
    """One text of the grammar, at most `MAX_WORDS` words."""
    while True:
        text = _tidy(_contract(_expand(symbol, rng), rng))
        if len(text.split()) <= MAX_WORDS:
            return text


def training_texts(seed: int) -> Iterator[str]:
    """Endless texts, none of them held out; the same ones for the same seed."""
    rng = random.Random(f"training {seed}")
    while True:
        text = compose(rng)
        if not is_held_out(text):
            yield text


def held_out_sentences() -> list[str]:
    """Fifty sentences written by hand, for figures that are compared from run to run."""
    return HELD_OUT_FILE.read_text(encoding="utf-8").splitlines()


def held_out_texts(seed: int) -> Iterator[str]:
    """Endless held-out sentences of the grammar, for the losses on what was not trained on."""
    rng = random.Random(f"held out {seed}")
    while True:
        text = compose(rng, "sentence")
        if is_held_out(text):
            yield text


def is_held_out(text: str) -> bool:
    """Whether any sentence of the text belongs to the held-out share, decided by its words alone."""
    return any(_kept_apart(_words(sentence)) for sentence in re.split(r"(?<=[.!?]) ", text))


def _kept_apart(words: str) -> bool:
    digest = hashlib.sha256(words.encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < HELD_OUT_SHARE or words in _written_by_hand()


def _words(sentence: str) -> str:
    return " ".join(re.findall(r"[a-z']+", sentence.lower()))


@lru_cache(maxsize=1)
def _written_by_hand() -> frozenset[str]:
    return frozenset(map(_words, held_out_sentences()))


def _expand(symbol: str, rng: random.Random) -> str:
    return _SYMBOL.sub(lambda match: _expand(match.group(1), rng), rng.choice(grammar()[symbol]))


def _contract(text: str, rng: random.Random) -> str:
    """Half of the texts say I'm, don't and the like."""
    return _CONTRACTABLE.sub(lambda match: _CONTRACTED[match.group()], text) if rng.random() < 0.5 else text


def _tidy(text: str) -> str:
    """Capitals at sentence starts, `an` before a vowel, no doubled stops."""
    text = _VOWEL_NEXT.sub(r"\1n ", text)
    text = re.sub(r"([.!?])[.!?]+", r"\1", text)
    return _SENTENCE_START.sub(lambda match: match.group(1) + match.group(2).upper(), text)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--held-out", action="store_true", help="held-out sentences instead of training texts")
    options = parser.parse_args(arguments)
    texts = held_out_texts(0) if options.held_out else training_texts(0)
    sys.stdout.write("\n".join(next(texts) for _ in range(options.count)) + "\n")


if __name__ == "__main__":
    main()
