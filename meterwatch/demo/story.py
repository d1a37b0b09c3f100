"""The shape of a story: what is scripted, and findings that are held against it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.demo.world import World


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the service came to, in words and figures, and whether it is as scripted."""

    right: bool
    phrase: Phrase
    figures: Mapping[str, object]

    def say(self, lang: Lang) -> str:
        """Return it in ``lang``."""
        said = {name: value.say(lang) if isinstance(value, Phrase) else value for name, value in self.figures.items()}
        return self.phrase.say(lang, **said)


@dataclass(frozen=True, slots=True)
class Story:
    """One thread of the play: its title, what is scripted, and a check that yields everything found."""

    title: Phrase
    expected: Phrase
    check: Callable[[World], Iterator[Finding]]


def same(phrase: Phrase, found: object, scripted: object) -> Finding:
    """Return a finding that is right if it equals what was scripted; if not it names that too."""
    right = found == scripted
    return Finding(right, phrase if right else beside(phrase), {"found": found, "scripted": scripted})


def beside(phrase: Phrase) -> Phrase:
    """Return a phrase that names what was scripted beside what was found."""
    return Phrase(phrase.en + " ({scripted} scripted)", phrase.zh + "（剧本：{scripted}）")


def subject_of(world: World, code: str) -> str:
    """Return the subject of alerts about the customer of a usage point."""
    point = world.fleet.point(code)
    return f"{point.customer}/{point.commodity}"
