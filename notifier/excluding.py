"""Who may exclude a reduction from the churn rule, for how long, and who approves it (RULES churn-exclude)."""

from dataclasses import replace
from datetime import date, timedelta

from meterwatch.core.errors import Refusal
from meterwatch.core.model.duties import NewDuty
from meterwatch.core.model.exclusions import APPROVAL, Exclusion, NewExclusion, period_of
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Customer, CustomerClass, Role
from notifier.duties.closing import Desk
from notifier.duties.duty import OnAlert, Want
from notifier.duties.plan import new_duty
from notifier.duties.rules import BY_NAME, DUTIES
from notifier.judging import CHURN, JudgingOptions

STAGE_OF = {
    rule.name: rule.trigger.stage for rule in DUTIES if isinstance(rule.trigger, OnAlert) and CHURN in rule.trigger.rules
}
"""By duty rule the stage of the churn rule that calls for it: an approved exclusion voids the open tasks it covers."""

_BACKWARDS = Phrase("--to {last} lies before --from {first}", "--to {last} 早于 --from {first}")
_TOO_LONG = Phrase(
    "an exclusion must end: {last} is too far ahead, {latest} is the last day it may cover",
    "排除必须有期限：{last} 过远，最晚只能到 {latest}",
)
_YEARLY = Phrase(
    "--yearly and --until belong together: an exclusion that comes back each year must expire, too",
    "--yearly 与 --until 须同时给出：每年重复的排除也必须有期限",
)
_UNTIL_EARLY = Phrase("--until {until} lies before --to {last}", "--until {until} 早于 --to {last}")
_OWN = Phrase(
    "{person} asked for exclusion {number} himself: a second person decides",
    "排除记录 {number} 由 {person} 本人申请：须由第二人审批",
)
_NO_RIGHT = Phrase(
    "{viewer} may not decide on exclusion {number}: the office head of the customer's unit, a supervisor or the company "
    "manager may",
    "{viewer} 无权审批排除记录 {number}：可由该客户所属单位的所长、督察或公司经理审批",
)


def needs_second(customer: Customer) -> bool:
    """Return whether one person's word is not enough: class A1."""
    return customer.customer_class is CustomerClass.A1


def require_window(first: date, last: date, until: date | None, today: date, options: JudgingOptions) -> None:
    """Raise Refusal unless the days ``first``..``last``, both included, make an exclusion that expires in time.

    ``until`` is the last day a yearly one may cover, None for one that comes once.
    """
    if last < first:
        raise Refusal(_BACKWARDS, first=first, last=last)
    latest = today + timedelta(days=options.exclusion_days)
    if last > latest or (last - first).days >= options.exclusion_days:
        latest = min(latest, first + timedelta(days=options.exclusion_days - 1))
        raise Refusal(_TOO_LONG, last=last, latest=latest)
    if until is None:
        return
    if until < last:
        raise Refusal(_UNTIL_EARLY, until=until, last=last)
    latest = _years_later(today, options.exclusion_years)
    if until > latest:
        raise Refusal(_TOO_LONG, last=until, latest=latest)


def require_expiry(until: date | None, *, yearly: bool) -> None:
    """Raise Refusal where a yearly exclusion names no last day, or one that comes once does."""
    if yearly != (until is not None):
        raise Refusal(_YEARLY)


def _years_later(day: date, years: int) -> date:
    feb_28 = (day.month, day.day) == (2, 29)
    return date(day.year + years, 2, 28) if feb_28 else day.replace(year=day.year + years)


def approval(desk: Desk, asked: NewExclusion, customer: Customer, number: int) -> NewDuty:
    """Return the task by which the office head is asked to approve, or the supervisor where the office head is asking."""
    rule, period = BY_NAME[APPROVAL], period_of(number)
    want = Want(asked.subject, period, customer, called_by=asked.person)
    duty = new_duty(desk.now, rule, want, desk.roster, desk.site)
    if duty.person != asked.person:
        return duty
    above = desk.roster.in_charge(customer, Role.SUPERVISOR)
    return replace(duty, person=above.code if above and above.code != asked.person else "")


def require_decider(desk: Desk, asked: Exclusion) -> None:
    """Raise Refusal unless whoever is at ``desk`` may decide: in charge of the customer's unit, and not the asker."""
    if desk.viewer.is_himself(asked.person):
        raise Refusal(_OWN, person=asked.person, number=asked.id)
    if not _in_charge(desk, asked):
        raise Refusal(_NO_RIGHT, viewer=desk.viewer.name, number=asked.id)


def may_end(desk: Desk, one: Exclusion) -> bool:
    """Return whether whoever is at ``desk`` may end an exclusion: who asked for it, or who is in charge of the unit."""
    return desk.viewer.is_himself(one.person) or _in_charge(desk, one)


def _in_charge(desk: Desk, one: Exclusion) -> bool:
    """Return whether he heads the customer's unit, or stands in for its head today, or oversees every unit."""
    customer = desk.roster.registry.customer(one.customer)
    unit = customer.unit if customer else ""
    head = desk.roster.present(desk.roster.officer(Role.OFFICE_HEAD, unit))
    return desk.oversees(unit) or (head is not None and head.code == desk.viewer.person)
