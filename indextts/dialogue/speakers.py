"""Who a label means: names as they are, whatever their case, and numbered speakers under all their spellings."""

import re
import unicodedata
from collections.abc import Iterable

_NUMBERED = re.compile(r"(?:speaker|说话人|说话者|发言人|s)[\s_#-]*0*(\d+)", re.IGNORECASE)


def speaker_number(name: str) -> int | None:
    """N of SpeakerN, speaker N, S-N, 说话人N; None for other names."""
    match = _NUMBERED.fullmatch(fold_name(name))
    return int(match.group(1)) if match else None


class Speakers:
    """The speakers of a script: the ones given, or whoever appears where `names` is None."""

    def __init__(self, names: Iterable[str] | None) -> None:
        self.names = None if names is None else tuple(names)
        self._by_name = {fold_name(name): name for name in self.names or ()}
        numbered = ((speaker_number(name), name) for name in self.names or ())
        self._by_number = {number: name for number, name in numbered if number is not None}

    def find_speaker(self, label: str) -> str | None:
        """The canonical name of a known speaker. None for others, and for everyone where no names were given."""
        found = self._by_name.get(fold_name(label))
        return found if found is not None else self._by_number.get(speaker_number(label) or -1)

    def admit_speaker(self, label: str) -> str | None:
        """Like `find_speaker`; where no names were given, everyone is known and numbered ones are called SpeakerN."""
        if self.names is not None:
            return self.find_speaker(label)
        number = speaker_number(label)
        return " ".join(label.split()) if number is None else f"Speaker{number}"

    def list_names(self) -> str:
        """The names, for an error message."""
        return ", ".join(self.names or ()) or "none"


def fold_name(name: str) -> str:
    """`name` as it is compared: whatever its case, width and spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
