"""Who may close a task, and by what; commands and pages hand this to the ledger, which asks it before it enters anything."""

from collections.abc import Callable

from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.viewer import Viewer
from meterwatch.core.model.work import Duty, Evidence
from notifier.duties import BY_NAME

_NOT_YOURS = Phrase(
    "{viewer} may not close task {number}: the person responsible{person} may, the manager or deputy of the customer, "
    "the head of its unit, a supervisor or the company manager",
    "{viewer} 无权办结任务 {number}：可由负责人{person}、该客户的客户经理或其代理人、所属单位的所长、督察或公司经理办结",
)
_OTHER_KIND = Phrase(
    "{kind} does not count as evidence for task {number}; what counts: {kinds}",
    "{kind} 不能作为任务 {number} 的证据；可用的方式：{kinds}",
)


def closing_by(viewer: Viewer) -> Callable[[Duty, Evidence], None]:
    """Return the check of evidence that ``viewer`` gives: it raises Refusal where that does not close the task."""

    def check(duty: Duty, proof: Evidence) -> None:
        if not _may_close(viewer, duty):
            person = f" ({duty.person})" if duty.person else ""
            raise Refusal(_NOT_YOURS, viewer=viewer.name, number=duty.id, person=person)
        kinds = BY_NAME[duty.rule].evidence
        if proof.kind not in kinds:
            raise Refusal(_OTHER_KIND, kind=proof.kind, number=duty.id, kinds=", ".join(kinds))

    return check


def _may_close(viewer: Viewer, duty: Duty) -> bool:
    """Return whether he is responsible for the task or answers for its customer; a permission to see names is not enough."""
    customer, _, _ = duty.subject.rpartition("/")
    return bool(viewer.person) and (viewer.person == duty.person or viewer.answers_for(customer))
