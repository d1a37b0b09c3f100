"""Text for people, in every language the product speaks, side by side at the place that says it."""

from enum import StrEnum
from typing import NamedTuple


class Lang(StrEnum):
    """A language the product speaks."""

    EN = "en"
    ZH = "zh-CN"


class Phrase(NamedTuple):
    """One sentence for people, with named ``{figures}`` in braces."""

    en: str
    zh: str

    def say(self, lang: Lang, /, **figures: object) -> str:
        """Return the sentence in ``lang`` with its figures filled in; raises KeyError for a figure not given."""
        return (self.zh if lang is Lang.ZH else self.en).format_map(figures)
