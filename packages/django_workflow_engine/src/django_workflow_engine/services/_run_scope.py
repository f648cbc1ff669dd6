"""What run statistics are about: some workflows, a period, and the moment that is now."""

from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from approval_workflow.exceptions import InvalidInput
from approval_workflow.models import ApprovalInstance
from django_workflow_engine.models import StageRun, WorkFlow, WorkflowAttachment
from django_workflow_engine.services._run_places import place_of_visit

Rows = TypeVar("Rows", bound=QuerySet[Any])


class Period:
    """From a moment on and before another; each may be open."""

    def __init__(self, since: datetime | None, until: datetime | None) -> None:
        for name, moment in (("since", since), ("until", until)):
            if moment is not None and not _is_like_now(moment):
                raise InvalidInput(
                    _("%(argument)s: expected a moment with its time zone.") % {"argument": name}
                )
        if since is not None and until is not None and since >= until:
            raise InvalidInput(_("since: expected a moment before 'until'."))
        self.since = since
        self.until = until

    def of(self, field: str) -> Q:
        """Rows whose field is in the period; empty ones are not."""
        found = Q(**{f"{field}__isnull": False})
        if self.since is not None:
            found &= Q(**{f"{field}__gte": self.since})
        if self.until is not None:
            found &= Q(**{f"{field}__lt": self.until})
        return found


class Scope:
    """What is counted: some workflows, a period, and the moment that is now."""

    def __init__(self, workflow_id: Any, company_id: Any, period: Period, now: datetime) -> None:
        self.period = period
        self.now = now
        self._workflow_id = workflow_id
        self._company_id = company_id
        if workflow_id is not None:
            self._only = self._found()

    def templates(self) -> QuerySet[WorkFlow]:
        templates = WorkFlow.objects.templates()
        if self._workflow_id is not None:
            templates = templates.filter(pk=self._only.cloned_from_id or self._only.pk)
        return self._of_company(templates, "")

    def attachments(self) -> QuerySet[WorkflowAttachment]:
        return self._filtered(WorkflowAttachment.objects.all(), "")

    def visits(self) -> QuerySet[Any]:
        visits = StageRun.objects.order_by().annotate(at=place_of_visit())
        return self._filtered(visits, "attachment__")

    def steps(self) -> QuerySet[ApprovalInstance]:
        steps = ApprovalInstance.objects.filter(flow__workflow_attachment__isnull=False)
        return self._filtered(steps, "flow__workflow_attachment__")

    def _found(self) -> WorkFlow:
        """The workflow that was asked for, when it is of the company."""
        templates = self._of_company(WorkFlow.objects.templates(), "")
        known = Q(pk__in=templates) | Q(cloned_from__in=templates)
        return WorkFlow.objects.filter(known).get(pk=self._workflow_id)

    def _filtered(self, rows: Rows, path: str) -> Rows:
        """The rows of these workflows; `path` leads to the attachment."""
        if self._workflow_id is not None:
            wanted = Q(**{f"{path}workflow_id": self._only.pk})
            return rows.filter(wanted | Q(**{f"{path}workflow__cloned_from_id": self._only.pk}))
        return self._of_company(rows, f"{path}workflow__")

    def _of_company(self, rows: Rows, path: str) -> Rows:
        """Which company a version is of, its template says."""
        if self._company_id is None:
            return rows
        of_template = Q(**{f"{path}cloned_from__company_id": self._company_id})
        own = Q(**{f"{path}cloned_from": None, f"{path}company_id": self._company_id})
        return rows.filter(of_template | own)


def _is_like_now(moment: object) -> bool:
    """Whether it is a moment that can be compared with what is stored."""
    return isinstance(moment, datetime) and timezone.is_aware(moment) == timezone.is_aware(
        timezone.now()
    )
