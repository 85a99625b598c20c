"""What can go wrong for a user. Every message says what was got, what was expected and what to do."""


class IndexTTSError(Exception):
    """Base of every error a user can cause and mend."""


class ConfigError(IndexTTSError):
    """A configuration file that does not say what it must."""


class CheckpointError(IndexTTSError):
    """A model file that is missing, damaged, unsafe or of another version."""


class ScriptError(IndexTTSError):
    """A dialogue script that cannot be read; names line and column (both from 1)."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        where = "" if line is None else f"line {line}" + ("" if column is None else f", column {column}") + ": "
        super().__init__(where + message)
        self.line = line
        self.column = column


class TextError(IndexTTSError):
    """Text that has nothing to say."""


class AudioError(IndexTTSError):
    """Reference audio that cannot be used."""


class EmotionError(IndexTTSError):
    """An emotion that cannot be computed."""


class CalibrationError(IndexTTSError):
    """A flow whose results are no numbers, found out before anything is spoken with it."""


class OutputError(IndexTTSError):
    """A result that cannot be written where the user wants it."""


class OutOfMemory(IndexTTSError):
    """A run that needs more memory than its device has."""
