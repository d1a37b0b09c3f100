"""What a message's text is made of. A template has a version; the body is frozen when the message is queued.

Codes only, never names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from meterwatch.core.model.alerts import Episode
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.reading_types import RATE_UNIT, USE_UNIT, Commodity

Figures = Mapping[str, object]

COMMODITY_NAME: Mapping[Commodity, Phrase] = {
    Commodity.ELECTRICITY: Phrase("electricity", "用电"),
    Commodity.GAS: Phrase("gas", "用气"),
    Commodity.WATER: Phrase("water", "用水"),
    Commodity.HEAT: Phrase("heat", "用热"),
}
UNIT_NAME = {"m3": "m³", "m3/h": "m³/h", "kWh": "kWh", "kW": "kW"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A text with named figures, and a ``sample`` of them to show it with. Another text is another version."""

    name: str
    version: int
    text: Phrase
    sample: Figures

    def phrases(self) -> tuple[Phrase, ...]:
        """Return everything it may say."""
        return (self.text,)

    def preview(self, lang: Lang) -> str:
        """Return the text with its sample."""
        return self.text.say(lang, **self.sample)

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of all it says, in both languages."""
        said = "\n".join(f"{phrase.en}\n{phrase.zh}" for phrase in self.phrases())
        return sha256(said.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTemplate(Template):
    """What is said about an alert of the detector rule of its name.

    ``title`` names them and ``short`` stands for one where several are told of. ``task`` follows where somebody has to do
    something by ``{due}``: his duty of the rule ``duty``, or the first of his where that is empty. ``figures(episode)``
    gives the figures that are its own. It means something for ``valid_h`` hours after what it speaks of.
    """

    title: Phrase
    task: Phrase
    short: Phrase
    figures: Callable[[Episode], Figures]
    duty: str = ""
    valid_h: int = 48

    def phrases(self) -> tuple[Phrase, ...]:
        """Return everything it may say."""
        return (self.title, self.text, self.task, self.short)

    def filled(self, episode: Episode, customer: str, commodity: Commodity, lang: Lang, due: str) -> Figures:
        """Return the figures of an alert about a ``customer`` (a code, empty for none); ``due`` is empty without a task."""
        return {
            "subject": episode.subject,
            "customer": customer or "-",
            "commodity": COMMODITY_NAME[commodity].say(lang),
            "use_unit": UNIT_NAME[USE_UNIT[commodity]],
            "rate_unit": UNIT_NAME[RATE_UNIT[commodity]],
            "day": date.fromordinal(episode.opened_day).isoformat(),
            "since": date.fromordinal(episode.start_day).isoformat(),
            "due": due,
            **self.figures(episode),
        }

    def body(self, lang: Lang, filled: Figures) -> str:
        """Return what is said about one alert, and what is to be done by when if anything is."""
        said, asked = self.text.say(lang, **filled), self.task.say(lang, **filled)
        return said + (" " if lang is Lang.EN else "") + asked if filled["due"] else said

    def preview(self, lang: Lang) -> str:
        """Return the text with its sample."""
        return self.body(lang, self.sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTemplate(Template):
    """A text about several things: ``{lines}`` are a few of them, each said by ``line``, and ``more`` counts the rest.

    ``lead`` comes before them where there are any.
    """

    line: Phrase
    named: int = 3
    lead: Phrase | None = None

    def phrases(self) -> tuple[Phrase, ...]:
        """Return everything it may say."""
        return (self.text, self.line, MORE, *([self.lead] if self.lead else []))

    def lines(self, lang: Lang, said: list[str]) -> str:
        """Return the first few of the things said, and how many more there are."""
        rest = len(said) - self.named
        between = "; " if lang is Lang.EN else "；"
        lead = self.lead.say(lang) if self.lead and said else ""
        return lead + between.join(said[: self.named]) + (MORE.say(lang, count=rest) if rest > 0 else "")

    def preview(self, lang: Lang) -> str:
        """Return the text with as many sample lines as it names, and one more."""
        line = self.line.say(lang, **self.sample)
        count = self.named + 1
        return self.text.say(lang, **{"count": count, **self.sample, "lines": self.lines(lang, [line] * count)})


MORE = Phrase("; and {count} more", "；另有{count}项")


def percent(share: float | None) -> str:
    """Return a share as a whole percentage, ``-`` where it is not known."""
    return "-" if share is None else str(round(share * 100))


def amount(value: float | None) -> str:
    """Return a figure as people read it: three significant digits at least, no needless decimals; ``-`` if not known."""
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
