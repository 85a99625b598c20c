"""Raw text into token segments."""

from .frontend import PreparedText, TextFrontend

__all__ = ["PreparedText", "TextFrontend"]
