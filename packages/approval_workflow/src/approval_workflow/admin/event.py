"""The history of all flows in one list, newest first."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from approval_workflow.admin.people import person_label, person_lookup
from approval_workflow.admin.read_only import ReadOnlyAdmin
from approval_workflow.admin.targets import fetch_objects, link_to, target_label
from approval_workflow.models import ApprovalEvent


class EventChangeList(ChangeList):
    """Reads the objects that the flows of the page are about."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        fetch_objects([event.flow for event in self.result_list], "target", "content_type")


@admin.register(ApprovalEvent)
class ApprovalEventAdmin(ReadOnlyAdmin):
    """Who did what, when, and on whose behalf."""

    list_display = ("created_at", "target_name", "kind", "by", "instead_of", "comment")
    list_filter = ("kind", "created_at")
    ordering = ("-pk",)
    fields = (
        "flow_link",
        "sequence",
        "kind",
        "created_at",
        "by",
        "instead_of",
        "instance",
        "comment",
        "from_status",
        "to_status",
        "data",
        "digest",
    )
    readonly_fields = fields

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return ("=flow__object_id", person_lookup("actor"), "comment")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApprovalEvent]:
        related = ("flow__content_type", "actor", "on_behalf_of", "instance")
        return super().get_queryset(request).select_related(*related)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[EventChangeList]:
        return EventChangeList

    @admin.display(description=_("object"))
    def target_name(self, event: ApprovalEvent) -> str:
        return target_label(event.flow)

    @admin.display(description=_("flow"))
    def flow_link(self, event: ApprovalEvent) -> str:
        return link_to(self.admin_site, event.flow, target_label(event.flow))

    @admin.display(description=_("by"), ordering="actor")
    def by(self, event: ApprovalEvent) -> str:
        return person_label(event.actor, event.actor_id)

    @admin.display(description=_("on behalf of"))
    def instead_of(self, event: ApprovalEvent) -> str:
        return person_label(event.on_behalf_of, event.on_behalf_of_id)
