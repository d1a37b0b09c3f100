"""Viewer: who asks. Every read of names and phones takes one."""

from dataclasses import dataclass

from meterwatch.core.model.registry import Role

_ALL_CUSTOMERS = frozenset({Role.OFFICE_HEAD, Role.SUPERVISOR, Role.COMPANY_MANAGER})
_MAY_EXPORT = frozenset({Role.SUPERVISOR, Role.COMPANY_MANAGER})


@dataclass(frozen=True, slots=True)
class Viewer:
    """An account and the person it acts for; ``person`` is None for an account nobody is mapped to.

    ``customers`` are the codes the person is responsible for, None = every customer.
    """

    account: str
    person: str | None = None
    roles: frozenset[Role] = frozenset()
    customers: frozenset[str] | None = frozenset()
    service: bool = False

    @classmethod
    def for_service(cls, name: str) -> "Viewer":
        """Return the viewer a part of meterwatch itself acts as, e.g. the notifier that needs a phone number to send to."""
        return cls(name, service=True, customers=None)

    @classmethod
    def for_person(cls, account: str, person: str, role: Role, own: frozenset[str]) -> "Viewer":
        """Return the viewer for an account mapped to ``person``; ``own`` are the customers he is manager or deputy of."""
        return cls(account, person, frozenset({role}), None if role in _ALL_CUSTOMERS else own)

    def may_see(self, customer: str) -> bool:
        """Return whether the name of ``customer`` may be shown to this viewer (RULES who-confidential)."""
        if self.service:
            return True
        return self.person is not None and (self.customers is None or customer in self.customers)

    @property
    def may_see_phones(self) -> bool:
        """Whether phones are shown in full."""
        return self.service

    @property
    def may_export(self) -> bool:
        """Whether the whole archive, names and phones included, may be copied (RULES who-confidential)."""
        return self.service or bool(self.roles & _MAY_EXPORT)

    @property
    def name(self) -> str:
        """How audit rows name the viewer: the person, and the account he came by."""
        return f"{self.person} ({self.account})" if self.person else self.account


def mask_phone(phone: str) -> str:
    """Return a phone number with all but its first three and last two characters hidden."""
    return phone[:3] + "*" * max(len(phone) - 5, 3) + phone[-2:] if phone else ""
