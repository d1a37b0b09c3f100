"""The exceptions a caller can act on. Bad data is a value, never one of these."""

from meterwatch.core.model.phrase import Lang, Phrase


class MeterwatchError(Exception):
    """Base of everything meterwatch raises on purpose."""


class Refusal(MeterwatchError):
    """A person asked for something that can't be done; the phrase says why and what to do instead."""

    def __init__(self, phrase: Phrase, **figures: object) -> None:
        super().__init__(phrase.say(Lang.EN, **figures))
        self.phrase = phrase
        self.figures = figures

    def say(self, lang: Lang) -> str:
        """Return the reason in ``lang``."""
        return self.phrase.say(lang, **self.figures)


class Unavailable(MeterwatchError):
    """A part of the world does not answer (database, broker, disk); what was asked may be tried again unchanged."""


class TransportError(MeterwatchError):
    """A channel could not hand over a message; ``permanent`` means trying again would change nothing."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent
