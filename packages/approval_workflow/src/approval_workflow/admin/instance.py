"""Steps of all flows in one list: what waits for whom; and reassigning and reminding."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from approval_workflow.admin.directions import isolated, shown_json
from approval_workflow.admin.managed import ManagedAdmin
from approval_workflow.admin.people import person_lookup
from approval_workflow.admin.steps import asked, strategy_label
from approval_workflow.admin.targets import fetch_objects, link_to, target_label
from approval_workflow.admin.tasks import reassigning, reminding
from approval_workflow.models import ApprovalInstance


class StepChangeList(ChangeList):
    """Reads the objects and roles that the rows of the page name."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        _fetch(self.result_list)


@admin.register(ApprovalInstance)
class ApprovalInstanceAdmin(ManagedAdmin):
    """One person's part in one step; the whole flow is a click away.

    Reassigning and reminding take the permission to change steps, and a reason.
    """

    actions = managed = ("reassign", "remind")

    list_display = ("target_name", "step_number", "round", "status", "asked", "opened", "acted_at")
    list_filter = ("status", "approval_type", "started_at")
    ordering = ("-pk",)
    fields = (
        "flow_link",
        "step_number",
        "round",
        "status",
        "approval_type",
        "asked",
        "strategy",
        "allow_higher_level",
        "rejection_policy",
        "action_user",
        "comment",
        "filled_in",
        "created_at",
        "started_at",
        "checked_in_at",
        "acted_at",
    )
    readonly_fields = fields

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return ("=flow__object_id", person_lookup("assigned_to"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApprovalInstance]:
        related = ("flow__content_type", "assigned_to", "action_user")
        return super().get_queryset(request).select_related(*related)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[StepChangeList]:
        return StepChangeList

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["subtitle"] = self.row_label(context["original"])
        return super().render_change_form(request, context, *args, **kwargs)

    def rows_for_task(self, rows: QuerySet[ApprovalInstance]) -> list[ApprovalInstance]:
        steps = list(rows)
        _fetch(steps)
        return steps

    def row_label(self, row: ApprovalInstance) -> str:
        return gettext("%(object)s, step %(step)s, %(person)s") % {
            "object": isolated(target_label(row.flow)),
            "step": row.step_number,
            "person": isolated(asked(row)),
        }

    @admin.action(description=_("Reassign selected steps"), permissions=["manage"])
    def reassign(
        self, request: HttpRequest, steps: QuerySet[ApprovalInstance]
    ) -> HttpResponse | None:
        """Give open steps to somebody else."""
        return self.manage(request, steps, reassigning(request, self.admin_site))

    @admin.action(description=_("Remind of selected steps"), permissions=["manage"])
    def remind(
        self, request: HttpRequest, steps: QuerySet[ApprovalInstance]
    ) -> HttpResponse | None:
        """Remind the people of open steps."""
        return self.manage(request, steps, reminding(request))

    @admin.display(description=_("object"))
    def target_name(self, step: ApprovalInstance) -> str:
        return target_label(step.flow)

    @admin.display(description=_("flow"))
    def flow_link(self, step: ApprovalInstance) -> str:
        return link_to(self.admin_site, step.flow, target_label(step.flow))

    @admin.display(description=_("asked"), ordering="assigned_to")
    def asked(self, step: ApprovalInstance) -> str:
        return asked(step)

    @admin.display(description=_("role strategy"))
    def strategy(self, step: ApprovalInstance) -> str:
        return strategy_label(step.role_selection_strategy)

    @admin.display(description=_("form data"))
    def filled_in(self, step: ApprovalInstance) -> str | None:
        return shown_json(step.form_data) if step.form_data else None

    @admin.display(description=_("waiting since"), ordering="started_at")
    def opened(self, step: ApprovalInstance) -> Any:
        return step.started_at


def _fetch(steps: list[ApprovalInstance]) -> None:
    """Read the objects and roles that the labels of the steps name."""
    fetch_objects([step.flow for step in steps], "target", "content_type")
    waiting = [step for step in steps if step.assigned_to_id is None]
    fetch_objects(waiting, "assigned_role", "assigned_role_content_type")
