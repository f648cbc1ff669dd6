"""What managers can do with running workflows, in the words of the pages."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from approval_workflow.admin.managed import MOST, Task
from approval_workflow.admin.people import person_field
from django_workflow_engine.admin.builder.vocabulary import function_label
from django_workflow_engine.definition import PlaceDefinition, definition_of
from django_workflow_engine.exceptions import NotAttached
from django_workflow_engine.models import StageRun, WorkflowAttachment
from django_workflow_engine.services import (
    add_approver,
    cancel_attachment,
    get_attached_object,
    get_workflow_attachment,
    hold_workflow,
    jump_to_stage,
    restart_workflow,
    resume_workflow,
    skip_stage,
    undo_last_decision,
    update_stage_status,
)

Attachments = QuerySet[WorkflowAttachment]
# What a service does with the object of a run, and what was typed.
Deed = Callable[[Model, dict[str, Any]], Any]


def cancelling(request: HttpRequest, _chosen: Attachments, _site: AdminSite) -> Task:
    def perform(attachment: WorkflowAttachment, typed: dict[str, Any]) -> None:
        cancel_attachment(attachment, request.user, reason=typed["reason"])

    def done(count: int) -> str:
        text = ngettext(
            "%(count)s workflow was cancelled.", "%(count)s workflows were cancelled.", count
        )
        return text % {"count": count}

    return Task(
        action="cancel",
        title=_("Cancel workflows"),
        description=_("The objects stay where they are; this cannot be undone."),
        button=_("Cancel the workflows"),
        extra_fields={},
        perform=perform,
        done=done,
    )


def holding(request: HttpRequest, _chosen: Attachments, _site: AdminSite) -> Task:
    def done(count: int) -> str:
        text = ngettext(
            "%(count)s workflow was put on hold.", "%(count)s workflows were put on hold.", count
        )
        return text % {"count": count}

    return Task(
        action="hold",
        title=_("Put workflows on hold"),
        description=_("Nobody can act until they are resumed; deadlines and timers stand still."),
        button=_("Put the workflows on hold"),
        extra_fields={},
        perform=_with_object(
            lambda obj, typed: hold_workflow(obj, request.user, reason=typed["reason"])
        ),
        done=done,
    )


def resuming(request: HttpRequest, _chosen: Attachments, _site: AdminSite) -> Task:
    def done(count: int) -> str:
        text = ngettext(
            "%(count)s workflow was resumed.", "%(count)s workflows were resumed.", count
        )
        return text % {"count": count}

    return Task(
        action="resume",
        title=_("Resume workflows"),
        description=_("They go on; deadlines and timers are put off by the time on hold."),
        button=_("Resume the workflows"),
        extra_fields={},
        perform=_with_object(
            lambda obj, typed: resume_workflow(obj, request.user, reason=typed["reason"])
        ),
        done=done,
    )


def skipping(request: HttpRequest, chosen: Attachments, _site: AdminSite) -> Task:
    def done(count: int) -> str:
        text = ngettext(
            "%(count)s object was taken from its stage.",
            "%(count)s objects were taken from their stages.",
            count,
        )
        return text % {"count": count}

    return Task(
        action="skip",
        title=_("Skip the stage"),
        description=_(
            "The stage counts as done: nobody there is asked any more, and a job or a timer is not"
            " waited for."
        ),
        button=_("Skip the stage"),
        extra_fields=_stage_of_several(chosen),
        perform=_with_object(
            lambda obj, typed: skip_stage(
                obj, request.user, reason=typed["reason"], stage_id=typed.get("stage")
            )
        ),
        done=done,
    )


def jumping(request: HttpRequest, chosen: Attachments, _site: AdminSite) -> Task:
    def done(count: int) -> str:
        text = ngettext("%(count)s object was sent.", "%(count)s objects were sent.", count)
        return text % {"count": count}

    return Task(
        action="jump",
        title=_("Send to another stage"),
        description=_("What waits for people now is cancelled, and the stage chosen begins anew."),
        button=_("Send there"),
        extra_fields={"stage": _stage_field(_places(chosen), _("Stage"))},
        perform=_with_object(
            lambda obj, typed: jump_to_stage(
                obj, typed["stage"], request.user, reason=typed["reason"]
            )
        ),
        done=done,
    )


def restarting(request: HttpRequest, _chosen: Attachments, _site: AdminSite) -> Task:
    def done(count: int) -> str:
        text = ngettext("%(count)s workflow began anew.", "%(count)s workflows began anew.", count)
        return text % {"count": count}

    return Task(
        action="restart",
        title=_("Begin anew"),
        description=_(
            "The workflows are cancelled and begin from the start, as their templates are now."
        ),
        button=_("Begin anew"),
        extra_fields={},
        perform=_with_object(
            lambda obj, typed: restart_workflow(obj, request.user, reason=typed["reason"])
        ),
        done=done,
    )


def adding_approver(request: HttpRequest, _chosen: Attachments, site: AdminSite) -> Task:
    def done(count: int) -> str:
        text = ngettext(
            "One more person is asked about %(count)s object.",
            "One more person is asked about %(count)s objects.",
            count,
        )
        return text % {"count": count}

    relation = WorkflowAttachment._meta.get_field("started_by")
    return Task(
        action="add_approver",
        title=_("Ask one more person"),
        description=_("They are asked last, before the object leaves the stage where it is."),
        button=_("Ask"),
        extra_fields={"approver": person_field(relation, site, request, _("Person"))},
        perform=_with_object(
            lambda obj, typed: add_approver(
                obj, typed["approver"], request.user, reason=typed["reason"]
            )
        ),
        done=done,
    )


def setting_status(request: HttpRequest, chosen: Attachments, _site: AdminSite) -> Task:
    def set_status(obj: Model, typed: dict[str, Any]) -> None:
        stage, _colon, status = typed["status"].partition(":")
        update_stage_status(obj, status, request.user, stage_id=stage, reason=typed["reason"])

    def done(count: int) -> str:
        text = ngettext(
            "The status of %(count)s stage was set.",
            "The status of %(count)s stages was set.",
            count,
        )
        return text % {"count": count}

    choices = {
        f"{place.template_id}:{status.name}": f"{place.label}: {status.name}"
        for place in _places_entered(chosen)
        for status in place.statuses
    }
    return Task(
        action="set_status",
        title=_("Set the status of the stage"),
        description=_("A status that completes the stage sends the object on."),
        button=_("Set the status"),
        extra_fields={"status": _choice(choices, _("Status"))},
        perform=_with_object(set_status),
        done=done,
    )


def undoing(request: HttpRequest, _chosen: Attachments, _site: AdminSite) -> Task:
    stands: list[str] = []
    taken_back: list[str] = []

    def undo(obj: Model, typed: dict[str, Any]) -> None:
        _attachment, executed = undo_last_decision(obj, request.user, reason=typed["reason"])
        for row in executed:
            names = taken_back if row.compensation else stands
            names.append(function_label(row.function_path))

    def done(count: int) -> str:
        text = ngettext(
            "%(count)s decision was undone.", "%(count)s decisions were undone.", count
        ) % {"count": count}
        if taken_back:
            names = ", ".join(taken_back)
            text += " " + _("Actions that are taken back: %(names)s.") % {"names": names}
        if stands:
            names = ", ".join(stands)
            text += " " + _("Actions that had been executed and stand: %(names)s.") % {
                "names": names
            }
        return text

    return Task(
        action="undo",
        title=_("Undo the last decision"),
        description=_(
            "Your last decision is taken back, as long as nobody has acted after it. Actions that"
            " were executed for it are listed afterwards."
        ),
        button=_("Undo"),
        extra_fields={},
        perform=_with_object(undo),
        done=done,
    )


def _with_object(deed: Deed) -> Callable[[WorkflowAttachment, dict[str, Any]], None]:
    """Return what does the deed with an attachment's object, if the attachment is its newest."""

    def perform(attachment: WorkflowAttachment, typed: dict[str, Any]) -> None:
        obj = get_attached_object(attachment)
        if get_workflow_attachment(obj) != attachment:
            raise NotAttached(_("A later workflow has been attached to the object."))
        deed(obj, typed)

    return perform


def _stage_of_several(chosen: Attachments) -> dict[str, forms.Field]:
    """A field that asks at which stage, where an object is at several."""
    rows = StageRun.objects.filter(attachment__in=_keys(chosen), left_at=None)
    counts = Counter(rows.values_list("attachment", flat=True))
    if all(count == 1 for count in counts.values()):
        return {}
    return {"stage": _stage_field(_places_entered(chosen), _("Stage"))}


def _places_entered(chosen: Attachments) -> list[PlaceDefinition]:
    """The places where the chosen objects are."""
    rows = StageRun.objects.filter(attachment__in=_keys(chosen), left_at=None)
    entered = {stage or pipeline for stage, pipeline in rows.values_list("stage", "pipeline")}
    return [place for place in _places(chosen) if place.id in entered]


def _places(chosen: Attachments) -> Iterable[PlaceDefinition]:
    """The places of all workflows that the chosen objects run on."""
    rows = {row.workflow_id: row for row in chosen[:MOST]}
    return [place for row in rows.values() for place in definition_of(row).places]


def _stage_field(places: Iterable[PlaceDefinition], label: str) -> forms.Field:
    """A choice of places, each named once for all versions of a template."""
    return _choice({str(place.template_id): place.label for place in places}, label)


def _choice(choices: dict[str, str], label: str) -> forms.Field:
    return forms.ChoiceField(label=label, choices=[("", "---------"), *choices.items()])


def _keys(chosen: Attachments) -> list[Any]:
    return [row.pk for row in chosen[:MOST]]
