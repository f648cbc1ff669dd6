"""Every action that became due, what became of it, and "run again"."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from approval_workflow.admin.managed import ManagedAdmin
from approval_workflow.admin.targets import fetch_objects, link_to, target_label
from django_workflow_engine.actions.outbox import replay
from django_workflow_engine.admin.bases import ModelAdmin
from django_workflow_engine.admin.builder.outline import parameters_in_words
from django_workflow_engine.admin.builder.parameters import write
from django_workflow_engine.admin.builder.vocabulary import function_label
from django_workflow_engine.admin.visits import FAILED
from django_workflow_engine.models import ActionExecution


class ExecutionChangeList(ChangeList):
    """Reads the objects that the attachments of the page are about."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        attachments = [row.attachment for row in self.result_list]
        fetch_objects(attachments, "target", "content_type")


@admin.register(ActionExecution)
class ActionExecutionAdmin(ManagedAdmin):
    """The outbox. Running a failed action again takes the permission to change executions."""

    change_form_template = "admin/django_workflow_engine/actionexecution/change_form.html"
    list_display = (
        "action_type",
        "function",
        "target_name",
        "status",
        "attempts",
        "run_after",
        "finished_at",
    )
    list_filter = ("status", "execution", "action_type", "created_at")
    ordering = ("-pk",)
    search_fields = ("function_path", "=attachment__object_id", "error")
    actions = managed = ("run_again",)
    fields = (
        "action_type",
        "function",
        "attachment_link",
        "status",
        "execution",
        "failure_policy",
        "attempts",
        "run_after",
        "created_at",
        "started_at",
        "finished_at",
        "parameters_in_words",
        "context_in_words",
        "result_in_words",
        "error_text",
        "attempt_log",
        "transition",
        "position",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[ActionExecution]:
        executions: QuerySet[ActionExecution] = super().get_queryset(request)
        return executions.select_related("attachment__content_type")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ExecutionChangeList]:
        return ExecutionChangeList

    @admin.action(description=_("Run again what has failed"), permissions=["manage"])
    def run_again(self, request: HttpRequest, executions: QuerySet[ActionExecution]) -> None:
        """Make failed actions due again; others are left alone."""
        tell_of_replays(self, request, executions)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        failed = context["original"].status in FAILED
        context["may_run_again"] = failed and self.has_manage_permission(request)
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("function"), ordering="function_path")
    def function(self, execution: ActionExecution) -> str:
        return function_label(execution.function_path)

    @admin.display(description=_("object"))
    def target_name(self, execution: ActionExecution) -> str:
        return target_label(execution.attachment)

    @admin.display(description=_("object"))
    def attachment_link(self, execution: ActionExecution) -> str:
        label = target_label(execution.attachment)
        return link_to(self.admin_site, execution.attachment, label)

    @admin.display(description=_("attempts so far"))
    def attempt_log(self, execution: ActionExecution) -> str:
        return format_html_join(
            "",
            '<pre dir="ltr">{}. {} - {} {} {}</pre>',
            (
                (
                    entry["attempt"],
                    entry["started_at"],
                    entry["finished_at"],
                    entry["outcome"],
                    entry["error"].partition("\n")[0],
                )
                for entry in execution.log
            ),
        )

    @admin.display(description=_("parameters"))
    def parameters_in_words(self, execution: ActionExecution) -> str:
        return _in_words(execution.parameters)

    @admin.display(description=_("context"))
    def context_in_words(self, execution: ActionExecution) -> str:
        return _in_words(execution.context)

    @admin.display(description=_("result"))
    def result_in_words(self, execution: ActionExecution) -> str:
        return _in_words(execution.result)

    @admin.display(description=_("error"))
    def error_text(self, execution: ActionExecution) -> str:
        if not execution.error:
            return ""
        return format_html('<pre class="approval-error" dir="ltr">{}</pre>', execution.error)


def tell_of_replays(
    page: ModelAdmin, request: HttpRequest, executions: Iterable[ActionExecution]
) -> None:
    """Make those of the executions that failed due again, and say how many they are."""
    again = sum(replay(execution) for execution in executions)
    message = ngettext(
        "%(count)s action will be run again.", "%(count)s actions will be run again.", again
    )
    level = messages.SUCCESS if again else messages.WARNING
    page.message_user(request, message % {"count": again}, level)


def _in_words(value: Any) -> str:
    """Return stored JSON as lines of names and values."""
    lines = parameters_in_words(value) if isinstance(value, dict) else [("", write(value)[1])]
    return format_html_join("", "<div><bdi>{} {}</bdi></div>", lines)
