"""The languages that IndexTTS-2.5 has a row for, in the order of its table, and its tokens that are no text."""

_TABLE_WORDS = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi "
    "ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd "
    "gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue minnan wuyu dialect zh/en en/zh "
    "common"
)
_TABLE = _TABLE_WORDS.split()
LANGUAGE_ROWS = {language: row for row, language in enumerate(_TABLE)}
COMMON_ROW = LANGUAGE_ROWS["common"]
"""Of what the table does not name."""

_TOKENED_LANGUAGES = 99
"""The first of the table have a token of their own; the prefix of the others is text."""
_TASK_WORDS = (
    "ASR AED SER Speech /Speech BGM /BGM Laughter /Laughter Applause /Applause HAPPY SAD ANGRY NEUTRAL translate "
    "transcribe startoflm startofprev nospeech notimestamps"
)
_TIMES = [f"{step / 50:.2f}" for step in range(1501)]

SPECIAL_TOKENS = (
    "endoftext",
    "startoftranscript",
    *_TABLE[:_TOKENED_LANGUAGES],
    *_TASK_WORDS.split(),
    *(f"SPECIAL_TOKEN_{number}" for number in range(1, 31)),
    *(f"TTS/{name}" for name in ("B", "O", "Q", "A", "CO", "CL", "H")),
    *(f"TTS/SP{number:02}" for number in range(1, 14)),
    *_TIMES,
)
"""Their ids follow the vocabulary's ranks, in this order. A user's text never becomes one of them."""


def find_language_row(language: str) -> int:
    """The row of the language embedding that text of `language` is spoken with."""
    return LANGUAGE_ROWS.get(language, COMMON_ROW)
