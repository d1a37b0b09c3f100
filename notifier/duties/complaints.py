"""What a complaint calls for: that it is answered, and that it is settled (RULES complaint)."""

from collections.abc import Callable, Sequence

from meterwatch.core.model.complaints import Complaint
from meterwatch.core.model.duties import NewDuty
from meterwatch.core.model.registry import Customer
from notifier.duties.closing import Desk
from notifier.duties.duty import Want
from notifier.duties.plan import new_duty
from notifier.duties.rules import BY_NAME

ANSWER, DONE = "complaint-answer", "complaint-done"


def called_for(desk: Desk, customer: Customer) -> Callable[[Complaint], Sequence[NewDuty]]:
    """Return what says which duties a complaint of ``customer`` calls for: an answer, and that it is settled.

    Their clocks run from its receipt: the day of receipt is not counted, and what is received after 17:30 or on a rest day
    counts as received on the next working day.
    """

    def called(complaint: Complaint) -> Sequence[NewDuty]:
        site = desk.site
        terms = zip((ANSWER, DONE), site.complaints.days(complaint.grade), strict=True)
        dues = ((name, site.calendar.deadline(complaint.received_at, days, site.zone)) for name, days in terms)
        wants = ((name, Want(customer.code, complaint.period, customer, due=due)) for name, due in dues)
        return [new_duty(desk.now, BY_NAME[name], want, desk.roster, site) for name, want in wants]

    return called
