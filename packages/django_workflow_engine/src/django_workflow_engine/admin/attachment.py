"""Where each object stands in its workflow, and all that has happened to it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from approval_workflow.admin.directions import isolated
from approval_workflow.admin.managed import ManagedAdmin, Task
from approval_workflow.admin.people import person_lookup
from approval_workflow.admin.steps import flow_context
from approval_workflow.admin.targets import (
    TargetChangeList,
    fetch_objects,
    link_to,
    target_label,
    target_of,
)
from django_workflow_engine.admin.builder.vocabulary import function_label
from django_workflow_engine.models import ActionExecution, WorkflowAttachment
from django_workflow_engine.services import cancel_attachment


@admin.register(WorkflowAttachment)
class WorkflowAttachmentAdmin(ManagedAdmin):
    """An object's way through its workflow: places, decisions and actions.

    Cancelling takes the permission to change attachments, and a reason.
    """

    actions = managed = ("cancel",)

    change_form_template = "admin/django_workflow_engine/workflowattachment/change_form.html"
    list_display = (
        "target_name",
        "content_type",
        "workflow_name",
        "current_stage",
        "status",
        "started_by",
        "started_at",
        "completed_at",
    )
    list_filter = (
        "status",
        ("content_type", admin.RelatedOnlyFieldListFilter),
        "started_at",
        "completed_at",
    )
    ordering = ("-pk",)
    fields = (
        "target_link",
        "content_type",
        "status",
        "template_link",
        "workflow_link",
        "pipeline_name",
        "stage_name",
        "next_stage_name",
        "started_by",
        "created_at",
        "started_at",
        "completed_at",
        "metadata",
    )
    readonly_fields = fields

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return ("=object_id", "workflow__name_en", person_lookup("started_by"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkflowAttachment]:
        attachments: QuerySet[WorkflowAttachment] = super().get_queryset(request)
        return attachments.select_related(
            "content_type",
            "workflow__cloned_from",
            "current_stage",
            "current_pipeline",
            "next_stage",
            "started_by",
            "flow",
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[TargetChangeList]:
        return TargetChangeList

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        attachment = context["original"]
        context |= {
            **flow_context(attachment.flow),
            "visits": list(attachment.stage_runs.select_related("stage", "pipeline")),
            "executions": _executions(attachment),
            "may_cancel": attachment.is_open and self.has_manage_permission(request),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def rows_for_task(self, rows: QuerySet[WorkflowAttachment]) -> list[WorkflowAttachment]:
        attachments = list(rows)
        fetch_objects(attachments, "target", "content_type")
        return attachments

    def row_label(self, row: WorkflowAttachment) -> str:
        return isolated(target_label(row))

    @admin.action(description=_("Cancel selected workflows"), permissions=["manage"])
    def cancel(
        self, request: HttpRequest, attachments: QuerySet[WorkflowAttachment]
    ) -> HttpResponse | None:
        """End running workflows; ended ones are left alone."""
        return self.manage(request, attachments, _cancelling(request))

    @admin.display(description=_("object"))
    def target_name(self, attachment: WorkflowAttachment) -> str:
        return target_label(attachment)

    @admin.display(description=_("object"))
    def target_link(self, attachment: WorkflowAttachment) -> str:
        return link_to(self.admin_site, target_of(attachment), target_label(attachment))

    @admin.display(description=_("workflow"), ordering="workflow__name_en")
    def workflow_name(self, attachment: WorkflowAttachment) -> str:
        return (attachment.workflow.cloned_from or attachment.workflow).name

    @admin.display(description=_("workflow"))
    def template_link(self, attachment: WorkflowAttachment) -> str:
        template = attachment.workflow.cloned_from or attachment.workflow
        return link_to(self.admin_site, template, template.name)

    @admin.display(description=_("version"))
    def workflow_link(self, attachment: WorkflowAttachment) -> str:
        workflow = attachment.workflow
        if not workflow.is_hidden:
            return str(_("the workflow itself, without a version of its own"))
        return link_to(self.admin_site, workflow, str(workflow.version))

    # Names, not links: the parts of a version have no pages of their own.

    @admin.display(description=_("current pipeline"))
    def pipeline_name(self, attachment: WorkflowAttachment) -> str:
        return _name(attachment.current_pipeline)

    @admin.display(description=_("current stage"))
    def stage_name(self, attachment: WorkflowAttachment) -> str:
        return _name(attachment.current_stage)

    @admin.display(description=_("next stage"))
    def next_stage_name(self, attachment: WorkflowAttachment) -> str:
        return _name(attachment.next_stage)


def _cancelling(request: HttpRequest) -> Task:
    def perform(attachment: WorkflowAttachment, typed: dict[str, Any]) -> None:
        cancel_attachment(attachment, request.user, reason=typed["reason"])

    def done(count: int) -> str:
        text = ngettext(
            "%(count)s workflow was cancelled.", "%(count)s workflows were cancelled.", count
        )
        return text % {"count": count}

    return Task(
        action="cancel",
        title=gettext("Cancel workflows"),
        description=gettext("The objects stay where they are; this cannot be undone."),
        button=gettext("Cancel the workflows"),
        extra_fields={},
        perform=perform,
        done=done,
    )


def _name(part: Any) -> str:
    return str(part) if part is not None else ""


def _executions(attachment: WorkflowAttachment) -> list[tuple[ActionExecution, str]]:
    """The actions in the order in which they became due, with the names of their functions."""
    return [
        (row, function_label(row.function_path)) for row in attachment.executions.order_by("pk")
    ]
