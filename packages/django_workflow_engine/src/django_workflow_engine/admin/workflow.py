"""Workflows: built on one screen; their versions can be looked at."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied
from django.db import router
from django.db.models import Count, QuerySet, prefetch_related_objects
from django.forms import Media
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, re_path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from django_workflow_engine.admin.authored import AuthoredAdmin
from django_workflow_engine.admin.builder import Vocabulary, WorkFlowForm, outline_of, unpack
from django_workflow_engine.admin.builder.objects import DEPARTMENT, FORM, KIND_OF_FIELD, ROLE
from django_workflow_engine.admin.builder.outline import named_in
from django_workflow_engine.admin.builder.references import LOOK_UP, RELATION
from django_workflow_engine.admin.builder.ways import codes_in
from django_workflow_engine.admin.history import version_rows
from django_workflow_engine.admin.look_ups import look_up
from django_workflow_engine.admin.migration import migration_context
from django_workflow_engine.admin.pictures import FILES, diagram_file, picture_of
from django_workflow_engine.admin.preview import preview_context
from django_workflow_engine.admin.simulation import simulation_context
from django_workflow_engine.created_permissions import keep_permissions
from django_workflow_engine.models import Pipeline, Stage, WorkFlow, WorkflowAction
from django_workflow_engine.services import (
    MigrationReport,
    validate_completeness,
    versions_of,
)

# What is read with a workflow, so that its page takes no more statements the larger it is.
PARTS = ("pipelines__stages__actions", "pipelines__actions", "actions")
CHANGE_PAGE = "django_workflow_engine_workflow_change"
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
class WorkFlowAdmin(AuthoredAdmin):
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
        (
            None,
            {
                "fields": (
                    ("name_en", "name_ar"),
                    ("slug", "company"),
                    ("status", "is_active"),
                    ("strategy", "creates_permissions"),
                )
            },
        ),
    )

    @property
    def media(self) -> Media:
        select = AutocompleteSelect(WorkFlow._meta.get_field(RELATION), self.admin_site)
        own = Media(
            css={"screen": ["django_workflow_engine/builder.css"]},
            js=["django_workflow_engine/builder.js"],
        )
        return super().media + select.media + own

    def get_urls(self) -> list[Any]:
        found = re_path(
            rf"^look-up/(?P<kind>{ROLE}|{FORM}|{DEPARTMENT})/$",
            self.admin_site.admin_view(self.look_up_view),
            name=LOOK_UP,
        )
        return [
            found,
            *(
                path(
                    f"<path:object_id>/{name}/",
                    self.admin_site.admin_view(view),
                    name=f"django_workflow_engine_workflow_{name}",
                )
                for name, view in (
                    ("preview", self.preview_view),
                    ("simulate", self.simulate_view),
                    ("diagram", self.diagram_view),
                    ("versions", self.versions_view),
                    ("migrate", self.migrate_view),
                )
            ),
            *super().get_urls(),
        ]

    def preview_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show who would be asked for an object, to those who may look at the workflow."""
        workflow = self._workflow(request, object_id)
        if not self.has_view_or_change_permission(request, workflow):
            raise PermissionDenied
        context = preview_context(self.admin_site, request, workflow)
        return self._page(request, workflow, "preview", _("Who would be asked"), context)

    def simulate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the way that an object would take, to those who may look at the workflow."""
        workflow = self._workflow(request, object_id)
        if not self.has_view_or_change_permission(request, workflow):
            raise PermissionDenied
        vocabulary = self._vocabulary(request)
        context = simulation_context(self.admin_site, request, workflow, vocabulary)
        return self._page(request, workflow, "simulation", _("The way of an object"), context)

    def diagram_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the workflow as a picture, or send it as a file: ?format=."""
        workflow = self._workflow(request, object_id)
        if not self.has_view_or_change_permission(request, workflow):
            raise PermissionDenied
        context = {"formats": list(FILES), **picture_of(workflow)}
        if context["picture"] and request.GET.get("format") in FILES:
            return diagram_file(workflow, request.GET["format"])
        return self._page(request, workflow, "diagram", _("Picture"), context)

    def versions_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what has changed from version to version, to those who may look."""
        workflow = self._workflow(request, object_id)
        if not self.has_view_or_change_permission(request, workflow):
            raise PermissionDenied
        context = {"rows": version_rows(workflow)}
        return self._page(request, workflow, "history", _("Versions"), context)

    def migrate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what moving running objects would do, and do it once that is confirmed."""
        workflow = self._workflow(request, object_id)
        if not self._may_migrate(request, workflow):
            raise PermissionDenied
        data = request.POST if request.method == "POST" else None
        context = migration_context(workflow, request.user, data)
        report = context.get("report")
        if report is not None and not report.dry_run:
            self.message_user(request, _moved(report), messages.SUCCESS)
            for row in report.left_alone:
                text = _("%(object)s was left alone: %(reason)s")
                told = {"object": row.object_id, "reason": row.left_alone}
                self.message_user(request, text % told, messages.WARNING)
            return HttpResponseRedirect(
                reverse(f"{self.admin_site.name}:{CHANGE_PAGE}", args=[workflow.pk])
            )
        return self._page(request, workflow, "migration", _("Move running objects"), context)

    def _may_migrate(self, request: HttpRequest, workflow: WorkFlow) -> bool:
        may_change = self.has_change_permission(request, workflow)
        return may_change and request.user.has_perm(
            "django_workflow_engine.change_workflowattachment"
        )

    def _workflow(self, request: HttpRequest, object_id: str) -> WorkFlow:
        workflow = super().get_object(request, unquote(object_id))
        if workflow is None:
            raise Http404
        found: WorkFlow = workflow
        return found

    def _page(
        self, request: HttpRequest, workflow: WorkFlow, name: str, title: Any, context: Any
    ) -> HttpResponse:
        form = context.get("form")
        return TemplateResponse(
            request,
            f"django_workflow_engine/admin/{name}.html",
            {
                **self.admin_site.each_context(request),
                "title": title,
                "subtitle": workflow.name,
                "opts": self.opts,
                "original": workflow,
                "media": self.media + form.media if form is not None else self.media,
                **context,
            },
        )

    def look_up_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Answer a search of the builder, for those who may build."""
        if not (self.has_change_permission(request) or self.has_add_permission(request)):
            raise PermissionDenied
        return look_up(self.admin_site, request, kind)

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
        vocabulary.remember(_named_on_page(request))
        if obj is not None:
            vocabulary.remember(named_in(obj))
            vocabulary.stage_codes = codes_in(obj)
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
        # The stages have been written after the row, and may have permissions of their own.
        if form.instance.creates_permissions:
            keep_permissions(form.instance, router.db_for_write(WorkFlow))

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
                "missing": validate_completeness(workflow),
                "versions": versions_of(workflow)[:SHOWN_VERSIONS],
                "may_migrate": self._may_migrate(request, workflow),
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


def _moved(report: MigrationReport) -> str:
    count = len(report.moved)
    text = ngettext("%(count)s object was moved.", "%(count)s objects were moved.", count)
    return text % {"count": count}


def _is_version(workflow: Any) -> bool:
    return workflow is not None and workflow.is_hidden


def _named_on_page(request: HttpRequest) -> dict[str, list[str]]:
    """The keys that a sent page names, by kind: their names are shown should it come back."""
    kinds = {**KIND_OF_FIELD, "department": DEPARTMENT}
    found: dict[str, list[str]] = {kind: [] for kind in kinds.values()}
    for name, value in request.POST.items():
        kind = kinds.get(name.rpartition("-")[2])
        if kind is not None and value:
            found[kind].append(str(value))
    return found
