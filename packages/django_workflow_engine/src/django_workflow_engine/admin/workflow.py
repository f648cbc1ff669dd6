"""Workflows: built on one screen; their versions can be looked at."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import Count, Model, Q, QuerySet, prefetch_related_objects
from django.forms import Media
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.bases import ModelAdmin
from django_workflow_engine.admin.builder import Vocabulary, WorkFlowForm, outline_of, unpack
from django_workflow_engine.admin.builder.outline import approvals_of
from django_workflow_engine.admin.builder.people import RELATION
from django_workflow_engine.definition import compile_definition, completeness_errors
from django_workflow_engine.exceptions import InvalidConfiguration
from django_workflow_engine.models import Pipeline, Stage, WorkFlow, WorkflowAction

# What is read with a workflow, so that its page takes no more statements the larger it is.
PARTS = ("pipelines__stages__actions", "pipelines__actions", "actions")
# Versions shown on the page of a template.
SHOWN_VERSIONS = 20


class VersionFilter(admin.SimpleListFilter):
    """Templates alone, unless versions are asked for."""

    title = _("kind")
    parameter_name = "kind"
    VERSIONS = "versions"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(self.VERSIONS, _("Versions that objects run on"))]

    def choices(self, changelist: Any) -> Any:
        _everything, versions = super().choices(changelist)
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": _("Templates"),
        }
        yield versions

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(is_hidden=self.value() == self.VERSIONS)


@admin.register(WorkFlow)
class WorkFlowAdmin(ModelAdmin):
    """A template and all that it consists of: pipelines, stages, approvals and actions.

    Whoever may change a workflow may change its pipelines and stages; actions take the permissions
    for workflow actions, since they call functions. Versions can only be looked at.
    """

    form = WorkFlowForm
    change_form_template = "admin/django_workflow_engine/workflow/change_form.html"
    list_display = ("name_en", "name_ar", "company", "status", "is_active", "stages", "revision")
    list_filter = (VersionFilter, "status", "is_active")
    list_select_related = ("company",)
    ordering = ("name_en", "pk")
    search_fields = ("name_en", "name_ar", "slug")
    raw_id_fields = ("company",)
    fieldsets = (
        (None, {"fields": (("name_en", "name_ar"), ("slug", "company"), ("status", "is_active"))}),
    )

    @property
    def media(self) -> Media:
        select = AutocompleteSelect(WorkFlow._meta.get_field(RELATION), self.admin_site)
        own = Media(
            css={"screen": ["django_workflow_engine/builder.css"]},
            js=["django_workflow_engine/builder.js"],
        )
        return super().media + select.media + own

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not _is_version(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not _is_version(obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkFlow]:
        workflows: QuerySet[WorkFlow] = super().get_queryset(request)
        return workflows.annotate(stages_count=Count("pipelines__stages"))

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: Any = None
    ) -> WorkFlow | None:
        """Return the workflow with all its parts, a fixed number of statements."""
        workflow: WorkFlow | None = super().get_object(request, object_id, from_field)
        if workflow is not None:
            prefetch_related_objects([workflow], *PARTS)
        return workflow

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Where a workflow is picked for something else, templates alone are offered."""
        match = request.resolver_match
        if match is not None and match.url_name == "autocomplete":
            queryset = queryset.filter(is_hidden=False)
        return super().get_search_results(request, queryset, search_term)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Whoever may delete a workflow may delete what it consists of, and its versions."""
        deleted, counts, missing, protected = super().get_deleted_objects(objs, request)
        parts = {model._meta.verbose_name for model in (WorkFlow, Pipeline, Stage, WorkflowAction)}
        return deleted, counts, missing - parts, protected

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        vocabulary = self._vocabulary(request)
        return ("company",) if vocabulary.people_can_be_searched else ()

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        vocabulary = self._vocabulary(request)
        if obj is not None:
            vocabulary.remember_people(_people_in(obj))
        return type(form.__name__, (form,), {"page_vocabulary": vocabulary})

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        unpack(request)
        return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Store the workflow's own fields where they have changed: each change is a new version."""
        if not change or form.own_changes():
            super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        form.save_children()

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, dict[str, list[str]]]]:
        formsets = [*formsets, *form.saved_formsets()]
        return super().construct_change_message(request, form, formsets, add)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        workflow = context["original"]
        may_edit = (
            self.has_change_permission(request, workflow)
            if workflow is not None
            else self.has_add_permission(request)
        )
        context |= {
            "may_edit": may_edit,
            "vocabulary": context["adminform"].form.vocabulary,
            "is_version": _is_version(workflow),
        }
        if workflow is not None:
            context |= {
                "outline": outline_of(workflow),
                "missing": what_is_missing(workflow),
                "versions": _versions(workflow),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("stages"), ordering="stages_count")
    def stages(self, workflow: Any) -> int:
        return int(workflow.stages_count)

    def _vocabulary(self, request: HttpRequest) -> Vocabulary:
        return Vocabulary(
            self.admin_site,
            request,
            may_edit_actions=request.user.has_perms(ACTION_PERMISSIONS),
            blank_rows="blank" in request.GET,
        )


# Whoever edits actions on a workflow's page can also make and remove them there.
ACTION_PERMISSIONS = [
    f"django_workflow_engine.{verb}_workflowaction" for verb in ("add", "change", "delete")
]


def what_is_missing(workflow: WorkFlow) -> dict[str, str]:
    """Return what keeps objects from running on this workflow, by place."""
    try:
        return completeness_errors(compile_definition(workflow.pk))
    except InvalidConfiguration as error:
        return dict(error.errors)


def _is_version(workflow: Any) -> bool:
    return workflow is not None and workflow.is_hidden


def _people_in(workflow: WorkFlow) -> list[Any]:
    return [
        approval["approval_user"]
        for pipeline in workflow.pipelines.all()
        for stage in pipeline.stages.all()
        for approval in approvals_of(stage)
        if approval.get("approval_user")
    ]


def _versions(workflow: WorkFlow) -> list[Model]:
    """The newest versions of a template, with how many objects are and were on each."""
    versions = WorkFlow.objects.snapshots().filter(cloned_from=workflow.pk)
    counted = versions.annotate(
        running=Count("attachments", filter=Q(attachments__is_open=True)),
        total=Count("attachments"),
    )
    return list(counted.order_by("-revision")[:SHOWN_VERSIONS])
