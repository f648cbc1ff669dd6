"""The history of all flows in one list, newest first."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from approval_workflow.admin.directions import isolated, shown_json
from approval_workflow.admin.people import person_label, person_lookup
from approval_workflow.admin.read_only import ReadOnlyAdmin
from approval_workflow.admin.targets import fetch_objects, link_to, target_label
from approval_workflow.choices import ApprovalStatus, FlowStatus
from approval_workflow.models import ApprovalEvent

# The statuses of flows are among those of steps, but for one.
_STATUSES = [*ApprovalStatus.choices, *FlowStatus.choices]


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
        "status_before",
        "status_after",
        "details",
        "fingerprint",
    )
    readonly_fields = fields

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return ("=flow__object_id", person_lookup("actor"), "comment")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApprovalEvent]:
        related = ("flow__content_type", "actor", "on_behalf_of", "instance")
        return super().get_queryset(request).select_related(*related)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[EventChangeList]:
        return EventChangeList

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        event = context["original"]
        what = {"object": isolated(target_label(event.flow)), "event": event.get_kind_display()}
        context["subtitle"] = gettext("%(object)s: %(event)s") % what
        return super().render_change_form(request, context, *args, **kwargs)

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

    @admin.display(description=_("from"))
    def status_before(self, event: ApprovalEvent) -> str:
        return _status_label(event.from_status)

    @admin.display(description=_("to"))
    def status_after(self, event: ApprovalEvent) -> str:
        return _status_label(event.to_status)

    @admin.display(description=_("details"))
    def details(self, event: ApprovalEvent) -> str | None:
        return shown_json(event.data) if event.data else None

    @admin.display(description=_("digest"))
    def fingerprint(self, event: ApprovalEvent) -> str:
        return format_html('<code dir="ltr">{}</code>', event.digest)


def _status_label(value: str) -> str:
    """Return the name of a status of steps or flows; their values mean the same in both."""
    return str(dict(_STATUSES).get(value, value))
