"""Viewer: who asks. Every read of names and phones takes one."""

from dataclasses import dataclass, replace

from meterwatch.core.model.registry import Role

Codes = frozenset[str] | None
"""Codes of customers, or of people; None = every one."""

_OVERSEE = frozenset({Role.SUPERVISOR, Role.COMPANY_MANAGER})
_SHORTEST_PHONE = 8  # of a shorter number the shown ends would be nearly all


@dataclass(frozen=True, slots=True)
class Viewer:
    """An account and the person it acts for; ``person`` is None for an account nobody is mapped to.

    ``customers`` are those the person answers for: he sees their names and the phones of their contacts. ``named`` and
    ``phoned`` are those whose names, and whose contacts' phones, he may see besides; ``colleagues`` the people whose phones
    he may see; ``exports`` whether a permission lets him copy the archive. ``own_person`` is not None while the account acts
    as another: the person it stands for itself, empty for nobody.
    """

    account: str
    person: str | None = None
    roles: frozenset[Role] = frozenset()
    customers: Codes = frozenset()
    service: bool = False
    named: Codes = frozenset()
    phoned: Codes = frozenset()
    colleagues: Codes = frozenset()
    exports: bool = False
    own_person: str | None = None

    @classmethod
    def for_service(cls, name: str) -> "Viewer":
        """Return the viewer a part of meterwatch itself acts as, e.g. the notifier that needs a phone number to send to."""
        return cls(name, service=True, customers=None, named=None, phoned=None, colleagues=None)

    @classmethod
    def for_person(cls, account: str, person: str, role: Role, own: frozenset[str]) -> "Viewer":
        """Return the viewer for an account mapped to ``person``; ``own`` are the customers he answers for.

        A supervisor and the company manager answer for every customer (RULES who-confidential, "company manager").
        """
        return cls(account, person, frozenset({role}), None if role in _OVERSEE else own)

    def acting_for(self, own_person: str | None) -> "Viewer":
        """Return this viewer as one that an account, which itself stands for ``own_person``, acts as."""
        return replace(self, own_person=own_person or "")

    def answers_for(self, customer: str) -> bool:
        """Return whether the viewer is a person who answers for ``customer``: its manager, deputy or office head, or one
        who oversees every unit.
        """
        return self.person is not None and _within(self.customers, customer)

    def may_see(self, customer: str) -> bool:
        """Return whether the name of ``customer`` may be shown to this viewer (RULES who-confidential)."""
        return self.service or self.answers_for(customer) or _within(self.named, customer)

    def may_phone(self, customer: str) -> bool:
        """Return whether the phones of the contacts of ``customer`` are shown in full: who answers for him must call."""
        return self.service or self.answers_for(customer) or _within(self.phoned, customer)

    def may_phone_colleague(self, person: str) -> bool:
        """Return whether the phone and the e-mail address of ``person`` are shown in full."""
        return self.service or _within(self.colleagues, person)

    @property
    def oversees(self) -> bool:
        """Whether the viewer oversees every unit: he exports the archive, and grants and revokes permissions."""
        return bool(self.roles & _OVERSEE)

    @property
    def may_export(self) -> bool:
        """Whether the whole archive, names and phones included, may be copied (RULES who-confidential)."""
        return self.service or self.oversees or self.exports

    @property
    def may_import(self) -> bool:
        """Whether he may replace the registry, and with it who may do what: who oversees every unit, or an operator."""
        return self.service or self.oversees or Role.OPERATOR in self.roles

    def is_himself(self, person: str) -> bool:
        """Return whether ``person`` is who asks, or who stands behind him while the account acts as another."""
        return person in (self.person, self.own_person)

    @property
    def name(self) -> str:
        """How audit rows name the viewer: the person and the account he came by, or the account and as whom it acts."""
        if self.own_person is not None:
            return f"{self.own_person or self.account} as {self.person} ({self.account})"
        return f"{self.person} ({self.account})" if self.person else self.account


def _within(codes: Codes, code: str) -> bool:
    return codes is None or code in codes


def mask_phone(phone: str) -> str:
    """Return a phone number with all but its first three and last two characters hidden, a short one with all but two."""
    shown = phone[:3] if len(phone) >= _SHORTEST_PHONE else ""
    return shown + "*" * max(len(phone) - 5, 3) + phone[-2:] if phone else ""
