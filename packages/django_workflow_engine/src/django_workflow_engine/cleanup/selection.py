"""Which attachments may be deleted."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from approval_workflow.exceptions import InvalidInput
from approval_workflow.models import ApprovalFlow
from django_workflow_engine.choices import AttachmentStatus, ExecutionStatus
from django_workflow_engine.models import ActionExecution, WorkflowAttachment

if TYPE_CHECKING:
    from django.db.models import QuerySet

# How long an ended workflow is kept when nothing else is said.
RETENTION_DAYS = 30


def deletable(
    using: str, *, statuses: Iterable[str] | None = None, until: datetime | None = None
) -> "QuerySet[WorkflowAttachment]":
    """Return the attachments that have ended, by `until`, and that nothing waits for any more.

    `statuses`: only these; raises `InvalidInput` for one that is not final. An attachment with an
    action that has not finished is left out, and so is one whose flow is open.
    """
    waiting = ActionExecution.objects.using(using).unfinished().filter(attachment=OuterRef("pk"))
    running = ApprovalFlow.objects.using(using).filter(pk=OuterRef("flow_id"), is_open=True)
    ended = WorkflowAttachment.objects.using(using).filter(status__in=final_statuses(statuses))
    if until is not None:
        ended = ended.filter(completed_at__lte=until)
    return ended.filter(~Exists(waiting), ~Exists(running))


def without_dead_actions(
    rows: "QuerySet[WorkflowAttachment]", using: str
) -> "QuerySet[WorkflowAttachment]":
    """Leave out the attachments with an action that failed for good."""
    dead = ActionExecution.objects.using(using).filter(status=ExecutionStatus.DEAD)
    return rows.filter(~Exists(dead.filter(attachment=OuterRef("pk"))))


def ended_before(older_than_days: int) -> datetime:
    """Return the moment so many days ago; raise `InvalidInput` unless it is a number from 0."""
    if isinstance(older_than_days, bool) or not isinstance(older_than_days, int):
        raise InvalidInput(_("older_than_days: expected a whole number."))
    if older_than_days < 0:
        raise InvalidInput(_("older_than_days: expected 0 or more."))
    try:
        return timezone.now() - timedelta(days=older_than_days)
    except OverflowError:
        raise InvalidInput(_("older_than_days: that is before time began.")) from None


def final_statuses(statuses: Iterable[str] | None) -> list[str]:
    """Return the statuses, all final ones for None; raise `InvalidInput` for any other."""
    final = [status.value for status in AttachmentStatus.final()]
    if statuses is None:
        return final
    wanted = [statuses] if isinstance(statuses, str) else list(statuses)
    unknown = [str(status) for status in wanted if status not in final]
    if unknown:
        raise InvalidInput(
            _("statuses: '%(status)s' is none of: %(known)s.")
            % {"status": unknown[0], "known": ", ".join(final)}
        )
    return wanted
