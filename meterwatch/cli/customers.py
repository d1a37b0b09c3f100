"""Whom commands about one customer are about, and whether whoever asks may work on him."""

from collections.abc import Callable
from difflib import get_close_matches

from meterwatch.cli.session import Session
from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.registry import Customer, Registry
from meterwatch.core.model.viewer import Viewer

_UNKNOWN = Phrase(
    "the registry holds no customer {code!r}{english}",
    "档案中没有客户 {code!r}{chinese}",
)
_NEAREST = Phrase("; did you mean {near!r}?", "；是否应为 {near!r}？")
_IMPORT = Phrase("; `meterwatch registry import` reads one that names him", "；请先用 `meterwatch registry import` 导入档案")
_NOT_YOURS = Phrase(
    "{viewer} may not see what is recorded about customer {code}, nor add to it: his manager or deputy may, an office head, "
    "a supervisor or the company manager",
    "{viewer} 无权查看或登记客户 {code} 的记录：可由其客户经理或代理人、所长、督察或公司经理办理",
)


def known_customer(registry: Registry, code: str) -> Customer:
    """Return the customer with a code; raises Refusal naming the nearest code if the registry holds none."""
    found = registry.customer(code)
    if found is None:
        near = get_close_matches(code, [customer.code for customer in registry.customers], n=1)
        hint = _NEAREST if near else _IMPORT
        english, chinese = (hint.say(lang, near=near[0] if near else "") for lang in (Lang.EN, Lang.ZH))
        raise Refusal(_UNKNOWN, code=code, english=english, chinese=chinese)
    return found


def may_work_on(viewer: Viewer, customer: str) -> bool:
    """Return whether a viewer is a person who may see a customer."""
    return viewer.person is not None and viewer.may_see(customer)


def customer_of(opened: Session, code: str, command: str, allowed: Callable[[Viewer, str], bool] = may_work_on) -> Customer:
    """Return the customer a command is about; raises Refusal if whoever asks may not see what is recorded about him
    (RULES who-confidential), and writes that down as ``COMMAND.refuse``.
    """
    customer = known_customer(opened.books.snapshots.newest(), code)
    if not allowed(opened.viewer, code):
        now = opened.books.clock.now()
        opened.books.ledger.records.note_look(f"{command}.refuse", code, opened.viewer.name, now)
        raise Refusal(_NOT_YOURS, viewer=opened.viewer.name, code=code)
    return customer
