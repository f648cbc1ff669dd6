"""What managers can do with flows and steps, in the words of the pages."""

from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from approval_workflow.admin.managed import Task
from approval_workflow.admin.people import person_field
from approval_workflow.exceptions import StepNotOpen
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.services import cancel_flow, hold_flow, reassign, remind, resume_flow


def cancelling(request: HttpRequest) -> Task:
    def perform(flow: ApprovalFlow, typed: dict[str, Any]) -> None:
        cancel_flow(flow, request.user, reason=typed["reason"])

    def done(count: int) -> str:
        text = ngettext("%(count)s flow was cancelled.", "%(count)s flows were cancelled.", count)
        return text % {"count": count}

    return Task(
        action="cancel",
        title=_("Cancel approval flows"),
        description=_("All open and later steps are cancelled; this cannot be undone."),
        button=_("Cancel the flows"),
        extra_fields={},
        perform=perform,
        done=done,
    )


def holding(request: HttpRequest) -> Task:
    def perform(flow: ApprovalFlow, typed: dict[str, Any]) -> None:
        hold_flow(flow, request.user, reason=typed["reason"])

    def done(count: int) -> str:
        text = ngettext(
            "%(count)s flow was put on hold.", "%(count)s flows were put on hold.", count
        )
        return text % {"count": count}

    return Task(
        action="hold",
        title=_("Put approval flows on hold"),
        description=_("Until they are resumed nobody can act in them, and deadlines stand still."),
        button=_("Put the flows on hold"),
        extra_fields={},
        perform=perform,
        done=done,
    )


def resuming(request: HttpRequest) -> Task:
    def perform(flow: ApprovalFlow, typed: dict[str, Any]) -> None:
        resume_flow(flow, request.user, reason=typed["reason"])

    def done(count: int) -> str:
        text = ngettext("%(count)s flow was resumed.", "%(count)s flows were resumed.", count)
        return text % {"count": count}

    return Task(
        action="resume",
        title=_("Resume approval flows"),
        description=_("Their open steps go on; deadlines are put off by the time on hold."),
        button=_("Resume the flows"),
        extra_fields={},
        perform=perform,
        done=done,
    )


def reassigning(request: HttpRequest, site: AdminSite) -> Task:
    def perform(step: ApprovalInstance, typed: dict[str, Any]) -> None:
        reassign(step, request.user, assign_to=typed["assign_to"], reason=typed["reason"])

    def done(count: int) -> str:
        text = ngettext("%(count)s step was reassigned.", "%(count)s steps were reassigned.", count)
        return text % {"count": count}

    return Task(
        action="reassign",
        title=_("Reassign approval steps"),
        description=_(
            "Somebody else acts in place of the person asked; they need not hold the step's role."
        ),
        button=_("Reassign"),
        extra_fields={"assign_to": _assign_to(request, site)},
        perform=perform,
        done=done,
    )


def reminding(request: HttpRequest) -> Task:
    def perform(step: ApprovalInstance, typed: dict[str, Any]) -> None:
        if not remind(step, request.user, reason=typed["reason"]):
            raise StepNotOpen(_("This step is not open."))

    def done(count: int) -> str:
        text = ngettext(
            "The people of %(count)s step were reminded.",
            "The people of %(count)s steps were reminded.",
            count,
        )
        return text % {"count": count}

    return Task(
        action="remind",
        title=_("Remind of approval steps"),
        description=_("The people asked are reminded now that these steps wait for them."),
        button=_("Remind"),
        extra_fields={},
        perform=perform,
        done=done,
    )


def _assign_to(request: HttpRequest, site: AdminSite) -> forms.Field:
    relation = ApprovalInstance._meta.get_field("assigned_to")
    return person_field(relation, site, request, _("Reassign to"))
