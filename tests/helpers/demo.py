"""What `make demo` speaks: a small model of seeded weights, two buzzing voices and a script, written to a folder.

python tests/helpers/demo.py FOLDER
"""

import sys
from pathlib import Path

import soundfile

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers.released_folder import write_released_folder
from helpers.tones import tone

SCRIPT = """\
# Two people and everything a line may carry
Ann: [Happy] Hello, how are you today?
Bob: I'm doing great, thank you for asking! [pause:0.5]
Ann: [surprised:0.6|happy:0.2] 我很好, 谢谢! 今天天气怎么样?
Bob: Yes, let's go.
"""

NOTICE = (
    "The demo's model has seeded weights: every stage really runs, but what comes out is a noise and not words.\n"
    "For words: indextts2 fetch, then the same command without --model-dir."
)


def write_demo(folder: Path) -> None:
    """`model/`, `ann.wav`, `bob.wav` and `script.txt`."""
    write_released_folder(folder / "model")
    for name, hz in (("ann", 210.0), ("bob", 120.0)):
        soundfile.write(folder / f"{name}.wav", tone(hz, seconds=4.0).squeeze(0).numpy(), 16000)
    (folder / "script.txt").write_text(SCRIPT, encoding="utf-8")


if __name__ == "__main__":
    write_demo(Path(sys.argv[1]))
    print(NOTICE)  # noqa: T201
