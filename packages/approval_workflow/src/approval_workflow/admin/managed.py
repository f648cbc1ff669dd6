"""Actions that managers take on rows: the reason is asked for first, a service does the work."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME, AdminForm
from django.contrib.admin.utils import quote
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from approval_workflow.admin.directions import isolated
from approval_workflow.admin.errors import argument_and_message
from approval_workflow.admin.read_only import ReadOnlyAdmin
from approval_workflow.exceptions import ApprovalError

# Each row is a transaction of its own, and its key a field of the form that confirms.
MOST = 200


class ReasonForm(forms.Form):
    """Asks why; an action without a reason is not taken."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("Kept in the history, where everybody concerned can read it."),
        error_messages={"required": gettext_lazy("Expected why this is done.")},
        widget=AdminTextareaWidget(attrs={"rows": 3, "dir": "auto"}),
    )


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is done with each row: asked for by a page, done by `perform`, told by `done`.

    `perform` gets the row and what was typed, and raises an `ApprovalError` where the service
    refuses; `done` gets how many it was done with.
    """

    action: str
    title: str
    description: str
    button: str
    perform: Callable[[Any, dict[str, Any]], None]
    done: Callable[[int], str]
    extra_fields: dict[str, forms.Field]


class ManagedAdmin(ReadOnlyAdmin):
    """Rows that stay read-only, and actions on them that take the permission to change them."""

    managed: tuple[str, ...] = ()
    # The page to which somebody goes back who named the `origin`: its key.
    origin_page: ClassVar[str] = "approval_workflow_approvalflow_change"

    def has_manage_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def may_take(self, request: HttpRequest, action: str) -> bool:
        """Return whether this person may take one of the managed actions."""
        return self.has_manage_permission(request)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        asked = set(self.managed).intersection(request.POST.getlist("action"))
        if not all(self.may_take(request, action) for action in asked):
            raise PermissionDenied
        if asked and not all(map(self._is_key, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            raise BadRequest
        return super().changelist_view(request, extra_context)

    def _is_key(self, typed: str) -> bool:
        """Whether a row could have this key; the look-up fails on what cannot be one."""
        try:
            self.opts.pk.clean(typed, None)
        except ValidationError:
            return False
        return True

    def rows_for_task(self, rows: QuerySet[Any]) -> list[Any]:
        """Return the rows with what their labels need."""
        return list(rows)

    def row_label(self, row: Any) -> str:
        """Return what the row is called, its names kept apart from what stands around them."""
        return isolated(row)

    def manage(
        self, request: HttpRequest, chosen: QuerySet[Any], task: Task
    ) -> HttpResponse | None:
        """Ask for the reason; once it is given, do the task with each row and tell how it went."""
        # Chosen by key alone: the order and the joins of the list say nothing here.
        rows = self.rows_for_task(chosen[: MOST + 1])
        if not rows or len(rows) > MOST:
            self.message_user(request, _refusal(rows), messages.WARNING)
            return None
        form = _form(request, task)
        if not form.is_bound or not form.is_valid():
            return TemplateResponse(
                request, "approval_workflow/admin/task.html", self._page(request, rows, task, form)
            )
        self._perform(request, rows, task, form.cleaned_data)
        return HttpResponseRedirect(self.way_back(request))

    def _perform(
        self, request: HttpRequest, rows: list[Any], task: Task, typed: dict[str, Any]
    ) -> None:
        done = 0
        for row in rows:
            label = self.row_label(row)
            try:
                task.perform(row, typed)
            except ApprovalError as error:
                told = {"item": label, "problem": argument_and_message(error)[1]}
                text = _("%(item)s: nothing was done. %(problem)s") % told
                self.message_user(request, text, messages.ERROR)
            else:
                done += 1
        if done:
            self.message_user(request, task.done(done), messages.SUCCESS)

    def _page(
        self, request: HttpRequest, rows: list[Any], task: Task, form: forms.Form
    ) -> dict[str, Any]:
        fieldsets = [(None, {"fields": list(form.fields)})]
        return {
            **self.admin_site.each_context(request),
            "title": task.title,
            "task": task,
            "opts": self.opts,
            "adminform": AdminForm(cast("Any", form), fieldsets, {}),
            "errors": form.errors,
            "media": self.media + form.media,
            "rows": [(row.pk, self.row_label(row)) for row in rows],
            "checkbox_name": ACTION_CHECKBOX_NAME,
            "origin": request.POST.get("origin", ""),
            "way_back": self.way_back(request),
        }

    def way_back(self, request: HttpRequest) -> str:
        """The page from which somebody came, or the list with its filters."""
        origin = request.POST.get("origin")
        if not origin:
            return request.get_full_path()
        return reverse(f"{self.admin_site.name}:{self.origin_page}", args=[quote(origin)])


def _form(request: HttpRequest, task: Task) -> forms.Form:
    form = ReasonForm(request.POST if "confirmed" in request.POST else None)
    # What is asked for besides comes first; the reason is typed last.
    form.fields = {**task.extra_fields, **form.fields}
    next(iter(form.fields.values())).widget.attrs["autofocus"] = True
    return form


def _refusal(rows: list[Any]) -> str:
    if not rows:
        return _("None of what was chosen is there any more.")
    return ngettext(
        "At most %(most)s row can be dealt with at a time; nothing was done.",
        "At most %(most)s rows can be dealt with at a time; nothing was done.",
        MOST,
    ) % {"most": MOST}
