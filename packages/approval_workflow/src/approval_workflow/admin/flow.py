"""Flows, each with who may act now, its steps and its history; holding and cancelling them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from approval_workflow.admin.directions import isolated
from approval_workflow.admin.managed import ManagedAdmin
from approval_workflow.admin.people import person_lookup
from approval_workflow.admin.steps import flow_context
from approval_workflow.admin.targets import (
    TargetChangeList,
    fetch_objects,
    link_to,
    target_label,
    target_of,
)
from approval_workflow.admin.tasks import cancelling, holding, resuming
from approval_workflow.admin.waiting import waiting_context
from approval_workflow.choices import FlowStatus
from approval_workflow.models import ApprovalFlow, ApprovalInstance


@admin.register(ApprovalFlow)
class ApprovalFlowAdmin(ManagedAdmin):
    """Where each object stands, who was asked, and what happened.

    Holding, resuming and cancelling take the permission to change flows, and a reason.
    """

    actions = managed = ("hold", "resume", "cancel")

    list_display = (
        "target_name",
        "kind",
        "status",
        "started_by",
        "created_at",
        "completed_at",
    )
    list_filter = (
        "status",
        ("content_type", admin.RelatedOnlyFieldListFilter),
        "created_at",
    )
    list_select_related = ("content_type", "started_by")
    ordering = ("-pk",)
    fields = (
        "target_link",
        "content_type",
        "status",
        "started_by",
        "created_at",
        "completed_at",
        "held_at",
        "version",
    )
    readonly_fields = fields

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return ("=object_id", person_lookup("started_by"))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[TargetChangeList]:
        return TargetChangeList

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        flow = context["original"]
        context["subtitle"] = self.row_label(flow)
        context |= flow_context(flow)
        context |= waiting_context(flow)
        context["may_manage_flow"] = flow.is_open and self.has_manage_permission(request)
        context["may_manage_steps"] = self._may_manage_steps(request, flow)
        return super().render_change_form(request, context, *args, **kwargs)

    def rows_for_task(self, rows: QuerySet[ApprovalFlow]) -> list[ApprovalFlow]:
        flows = list(rows)
        fetch_objects(flows, "target", "content_type")
        return flows

    def row_label(self, row: ApprovalFlow) -> str:
        return isolated(target_label(row))

    @admin.action(description=_("Put selected flows on hold"), permissions=["manage"])
    def hold(self, request: HttpRequest, flows: QuerySet[ApprovalFlow]) -> HttpResponse | None:
        """Let nobody act in running flows until they are resumed."""
        return self.manage(request, flows, holding(request))

    @admin.action(description=_("Resume selected flows"), permissions=["manage"])
    def resume(self, request: HttpRequest, flows: QuerySet[ApprovalFlow]) -> HttpResponse | None:
        """Let flows on hold go on."""
        return self.manage(request, flows, resuming(request))

    @admin.action(description=_("Cancel selected flows"), permissions=["manage"])
    def cancel(self, request: HttpRequest, flows: QuerySet[ApprovalFlow]) -> HttpResponse | None:
        """End running flows; ended ones are left alone."""
        return self.manage(request, flows, cancelling(request))

    def _may_manage_steps(self, request: HttpRequest, flow: ApprovalFlow) -> bool:
        """Whether the buttons of open steps lead somewhere for this person."""
        allowed = request.user.has_perm("approval_workflow.change_approvalinstance")
        runs = flow.status == FlowStatus.IN_PROGRESS
        return runs and allowed and self.admin_site.is_registered(ApprovalInstance)

    @admin.display(description=_("object"))
    def target_name(self, flow: ApprovalFlow) -> str:
        return target_label(flow)

    @admin.display(description=_("type of object"), ordering="content_type")
    def kind(self, flow: ApprovalFlow) -> str:
        return flow.content_type.name

    @admin.display(description=_("object"))
    def target_link(self, flow: ApprovalFlow) -> str:
        return link_to(self.admin_site, target_of(flow), target_label(flow))
