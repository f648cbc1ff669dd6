"""Changes that are made through the admin name who made them."""

from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest, ValidationError
from django.http import HttpRequest, HttpResponse

from django_workflow_engine.admin.bases import ModelAdmin
from django_workflow_engine.authorship import changed_by


class AuthoredAdmin(ModelAdmin):
    """The pages on which templates are changed: whoever sends one is noted as the author."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with changed_by(request.user):
            return super().changeform_view(request, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not all(map(self._is_key, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            raise BadRequest
        with changed_by(request.user):
            return super().changelist_view(request, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with changed_by(request.user):
            return super().delete_view(request, *args, **kwargs)

    def _is_key(self, typed: str) -> bool:
        """Whether a row could have this key; the look-up fails on what cannot be one."""
        try:
            self.opts.pk.clean(typed, None)
        except ValidationError:
            return False
        return True
