"""The templates of messages. A new one is a file of its own and one line here."""

from notifier.templates import (
    alerts,
    churn,
    copied,
    digest,
    escalate,
    hand_over,
    load,
    opened,
    silent,
    swing,
    weekly_read,
)
from notifier.templates.template import AlertTemplate, Template

TEMPLATES: tuple[Template, ...] = (
    churn.TEMPLATE,
    load.TEMPLATE,
    silent.TEMPLATE,
    swing.TEMPLATE,
    weekly_read.TEMPLATE,
    alerts.TEMPLATE,
    opened.TEMPLATE,
    copied.TEMPLATE,
    hand_over.TEMPLATE,
    escalate.TEMPLATE,
    digest.TEMPLATE,
)
OF_RULE = {template.name: template for template in TEMPLATES if isinstance(template, AlertTemplate)}
"""By detector rule what is said about its alerts."""
