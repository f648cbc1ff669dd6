"""Where each object stands in its workflow, and all that has happened to it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from approval_workflow.admin.directions import isolated
from approval_workflow.admin.managed import MOST, ManagedAdmin
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
from django_workflow_engine.admin.controls import (
    Attachments,
    adding_approver,
    cancelling,
    holding,
    jumping,
    restarting,
    resuming,
    setting_status,
    skipping,
    undoing,
)
from django_workflow_engine.admin.execution import tell_of_replays
from django_workflow_engine.admin.pictures import picture_of
from django_workflow_engine.admin.visits import BUTTONS, fitting_actions, visits_of
from django_workflow_engine.choices import AttachmentStatus
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment

OF_HOLD = ("hold_reason", "held_at")


@admin.register(WorkflowAttachment)
class WorkflowAttachmentAdmin(ManagedAdmin):
    """An object's way through its workflow: places, decisions and actions.

    Cancelling takes the permission to change attachments, stepping in `control_workflow`; each
    takes a reason. Who made the last decision may undo it.
    """

    actions = managed = (
        "hold",
        "resume",
        "retry",
        "set_status",
        "skip",
        "jump",
        "add_approver",
        "undo",
        "restart",
        "cancel",
    )
    origin_page = "django_workflow_engine_workflowattachment_change"

    class Media:
        css = {"screen": ["django_workflow_engine/builder.css"]}

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
        "hold_reason",
        "held_at",
        "started_by",
        "created_at",
        "started_at",
        "completed_at",
        "metadata",
    )
    readonly_fields = fields

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Say of the hold only what there is to say."""
        on_hold = obj is not None and obj.status == AttachmentStatus.ON_HOLD
        return tuple(name for name in self.fields if on_hold or name not in OF_HOLD)

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

    def has_control_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("django_workflow_engine.control_workflow")

    def may_take(self, request: HttpRequest, action: str) -> bool:
        if action == "undo":
            return self.has_view_permission(request)
        if action == "cancel":
            return self.has_manage_permission(request)
        return self.has_control_permission(request)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        attachment = context["original"]
        context |= {
            **flow_context(attachment.flow),
            **picture_of(attachment),
            "visits": visits_of(attachment),
            "executions": _executions(attachment),
        }
        fitting = set(
            fitting_actions(attachment, context["visits"], context["events"], request.user)
        )
        context["buttons"] = [
            (action, label)
            for action, label in BUTTONS.items()
            if action in fitting and self.may_take(request, action)
        ]
        return super().render_change_form(request, context, *args, **kwargs)

    def rows_for_task(self, rows: QuerySet[WorkflowAttachment]) -> list[WorkflowAttachment]:
        attachments = list(rows)
        fetch_objects(attachments, "target", "content_type")
        return attachments

    def row_label(self, row: WorkflowAttachment) -> str:
        return isolated(target_label(row))

    @admin.action(description=_("Put selected workflows on hold"), permissions=["control"])
    def hold(self, request: HttpRequest, chosen: Attachments) -> HttpResponse | None:
        """Let nobody act until they are resumed."""
        return self.manage(request, chosen, holding(request, chosen, self.admin_site))

    @admin.action(description=_("Resume selected workflows"), permissions=["control"])
    def resume(self, request: HttpRequest, chosen: Attachments) -> HttpResponse | None:
        """Let workflows on hold go on."""
        return self.manage(request, chosen, resuming(request, chosen, self.admin_site))

    @admin.action(
        description=_("Set the status of the stage of selected objects"), permissions=["control"]
    )
    def set_status(self, request: HttpRequest, chosen: Attachments) -> HttpResponse | None:
        """Set one of the statuses of the stages where objects are."""
        return self.manage(request, chosen, setting_status(request, chosen, self.admin_site))

    @admin.action(description=_("Skip the stage of selected objects"), permissions=["control"])
    def skip(self, request: HttpRequest, chosen: Attachments) -> HttpResponse | None:
        """Take objects from their stages as if those were done."""
        return self.manage(request, chosen, skipping(request, chosen, self.admin_site))

    @admin.action(description=_("Send selected objects to another stage"), permissions=["control"])
    def jump(self, request: HttpRequest, chosen: Attachments) -> HttpResponse | None:
        """Send objects past everything between."""
        return self.manage(request, chosen, jumping(request, chosen, self.admin_site))

    @admin.action(
        description=_("Ask one more person about selected objects"), permissions=["control"]
    )
    def add_approver(self, request: HttpRequest, chosen: Attachments) -> HttpResponse | None:
        """Ask somebody before the objects leave their stages."""
        return self.manage(request, chosen, adding_approver(request, chosen, self.admin_site))

    @admin.action(description=_("Begin selected workflows anew"), permissions=["control"])
    def restart(self, request: HttpRequest, chosen: Attachments) -> HttpResponse | None:
        """Cancel workflows and begin them again."""
        return self.manage(request, chosen, restarting(request, chosen, self.admin_site))

    @admin.action(
        description=_("Undo your last decision on selected objects"), permissions=["view"]
    )
    def undo(self, request: HttpRequest, chosen: Attachments) -> HttpResponse | None:
        """Take back decisions that nobody has acted after."""
        return self.manage(request, chosen, undoing(request, chosen, self.admin_site))

    @admin.action(description=_("Cancel selected workflows"), permissions=["manage"])
    def cancel(self, request: HttpRequest, chosen: Attachments) -> HttpResponse | None:
        """End running workflows; ended ones are left alone."""
        return self.manage(request, chosen, cancelling(request, chosen, self.admin_site))

    @admin.action(
        description=_("Run failed jobs of selected objects again"), permissions=["control"]
    )
    def retry(self, request: HttpRequest, chosen: Attachments) -> HttpResponse:
        """Make jobs that failed due again; others are left alone."""
        failed = ActionExecution.objects.filter(
            attachment__in=[row.pk for row in chosen[:MOST]],
            visit__in=StageRun.objects.filter(left_at=None),
        )
        tell_of_replays(self, request, failed)
        return HttpResponseRedirect(self.way_back(request))

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


def _name(part: Any) -> str:
    return str(part) if part is not None else ""


def _executions(attachment: WorkflowAttachment) -> list[tuple[ActionExecution, str]]:
    """The actions in the order in which they became due, with the names of their functions."""
    return [
        (row, function_label(row.function_path) or row.get_action_type_display())
        for row in attachment.executions.order_by("pk")
    ]
