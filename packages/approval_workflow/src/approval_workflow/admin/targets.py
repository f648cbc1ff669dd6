"""The objects that flows are about: lists that read them together, and the way to their pages."""

from django.contrib.admin import AdminSite
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from approval_workflow.targets import fetch_objects, target_label, target_of

__all__ = ["TargetChangeList", "fetch_objects", "link_to", "target_label", "target_of"]


class TargetChangeList(ChangeList):
    """A list whose rows have a `target`: one statement for each kind of object on the page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        fetch_objects(self.result_list, "target", "content_type")


def link_to(site: AdminSite, obj: Model | None, label: str = "") -> str:
    """Return a link to the page of the object, or just its name where it has no page."""
    if obj is None:
        return label or "-"
    name = f"{site.name}:{obj._meta.app_label}_{obj._meta.model_name}_change"
    try:
        url = reverse(name, args=[obj.pk])
    except NoReverseMatch:
        return label or str(obj)
    return format_html('<a href="{}">{}</a>', url, label or str(obj))
