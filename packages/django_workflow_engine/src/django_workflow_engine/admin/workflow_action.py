"""All actions of all templates in one list; each can be changed by itself."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.forms import Media
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from approval_workflow.admin.targets import link_to
from django_workflow_engine.admin.authored import AuthoredAdmin
from django_workflow_engine.admin.bases import ModelForm
from django_workflow_engine.admin.builder import ActionForm, Vocabulary
from django_workflow_engine.admin.builder.outline import action_outlines
from django_workflow_engine.admin.builder.vocabulary import function_label
from django_workflow_engine.models import WorkflowAction

# The levels that an action can be on, and the look-up that tells versions from templates.
TEMPLATE_PATHS = {
    "workflow": "is_hidden",
    "pipeline": "workflow__is_hidden",
    "stage": "pipeline__workflow__is_hidden",
}
LEVELS = tuple(TEMPLATE_PATHS)


class LevelFilter(admin.SimpleListFilter):
    """Actions of workflows, of pipelines or of stages."""

    title = _("scope")
    parameter_name = "scope"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("workflow", _("Workflow")), ("pipeline", _("Pipeline")), ("stage", _("Stage"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        level = self.value()
        return queryset.exclude(**{level: None}) if level in LEVELS else queryset


class SingleActionForm(ActionForm):
    """An action with the choice of what it belongs to."""

    # Set on the subclass that is made for a request.
    page_vocabulary: Vocabulary

    class Meta(ActionForm.Meta):
        fields = (*LEVELS, *ActionForm.Meta.fields)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, vocabulary=self.page_vocabulary, **kwargs)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("order") is None and "order" not in self.errors:
            cleaned["order"] = 1
        if not self.errors and sum(cleaned.get(level) is not None for level in LEVELS) != 1:
            self.add_error(None, _("Choose one of these: a workflow, a pipeline or a stage."))
        return cleaned


@admin.register(WorkflowAction)
class WorkflowActionAdmin(AuthoredAdmin):
    """Scope, event, function, parameters, order, and whether the action is switched on."""

    form = SingleActionForm
    change_form_template = "admin/django_workflow_engine/workflowaction/change_form.html"
    list_display = ("scope", "action_type", "function", "order", "is_active", "is_default")
    list_display_links = ("action_type",)
    list_filter = ("action_type", LevelFilter, "is_active", "is_default")
    list_select_related = ("workflow", "pipeline__workflow", "stage__pipeline__workflow")
    ordering = ("-pk",)
    search_fields = (
        "function_path",
        "workflow__name_en",
        "pipeline__name_en",
        "pipeline__workflow__name_en",
        "stage__name_en",
        "stage__pipeline__workflow__name_en",
    )
    autocomplete_fields = LEVELS
    fieldsets = ((_("Scope"), {"fields": (*LEVELS, "order")}),)

    @property
    def media(self) -> Media:
        return super().media + Media(
            css={"screen": ["django_workflow_engine/builder.css"]},
            js=["django_workflow_engine/builder.js"],
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkflowAction]:
        """Return the actions of templates: those of versions do not change."""
        actions: QuerySet[WorkflowAction] = super().get_queryset(request)
        of_templates = Q()
        for level, path in TEMPLATE_PATHS.items():
            of_templates |= Q(**{f"{level}__{path}": False})
        return actions.filter(of_templates)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            # Its page shows the action in words; there is nothing to fill in.
            return super().get_form(request, obj, change, form=ModelForm, **kwargs)
        kwargs["fields"] = SingleActionForm.Meta.fields
        form = super().get_form(request, obj, change, **kwargs)
        vocabulary = Vocabulary(self.admin_site, request, blank_rows="blank" in request.GET)
        return type(form.__name__, (form,), {"page_vocabulary": vocabulary})

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        path = TEMPLATE_PATHS.get(db_field.name)
        if path is not None:
            rows = db_field.remote_field.model._default_manager.all()
            kwargs["queryset"] = rows.filter(**{path: False})
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        action = context["original"]
        context["may_edit"] = action is None or self.has_change_permission(request, action)
        if action is not None:
            context["outlines"] = action_outlines([action])
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("scope"))
    def scope(self, action: WorkflowAction) -> str:
        place = [action.workflow, action.pipeline, action.stage]
        if action.stage is not None:
            place = [action.stage.pipeline.workflow, action.stage.pipeline, action.stage]
        elif action.pipeline is not None:
            place = [action.pipeline.workflow, action.pipeline]
        parts: list[Any] = [part for part in place if part is not None]
        label = " / ".join(part.name for part in parts)
        return link_to(self.admin_site, parts[0], label)

    @admin.display(description=_("function"), ordering="function_path")
    def function(self, action: WorkflowAction) -> str:
        return function_label(action.function_path)
