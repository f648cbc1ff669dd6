"""Which fields of a model follow its workflow."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import Field, Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from approval_workflow.exceptions import nearest
from django_workflow_engine.admin.bases import ModelAdmin, ModelForm
from django_workflow_engine.conf import settings
from django_workflow_engine.models import WorkflowConfiguration

FIELD_NAMES = ("status_field", "stage_field")


class ConfigurationForm(ModelForm):
    """The names of fields are checked against the model."""

    class Meta:
        model = WorkflowConfiguration
        fields = (
            "content_type",
            "status_field",
            "start_status_value",
            "completion_status_value",
            "rejection_status_value",
            "stage_field",
            "auto_start",
            "default_workflow",
        )
        help_texts = {
            "status_field": _("Name of the field that follows the workflow; empty: none does."),
            "start_status_value": _("Set when a workflow starts; empty: left as it is."),
            "completion_status_value": _("Set when it is completed; empty: left as it is."),
            "rejection_status_value": _("Set when it is rejected; empty: left as it is."),
            "stage_field": _("Name of the field that gets the name of the current stage."),
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        content_type = cleaned.get("content_type") or self.instance.content_type
        model = content_type.model_class() if content_type else None
        if model is not None:
            for name in FIELD_NAMES:
                self._check_field(name, model, cleaned)
            self._check_values(model, cleaned)
        return cleaned

    def _check_field(self, name: str, model: type[Model], cleaned: dict[str, Any]) -> None:
        known = writable_fields(model)
        given = cleaned.get(name)
        if given and given not in known:
            message = _("%(model)s has no such field.") % {"model": model._meta.verbose_name}
            self.add_error(name, str(message) + nearest(given, known))

    def _check_values(self, model: type[Model], cleaned: dict[str, Any]) -> None:
        """A value must be one that the status field can hold."""
        field = writable_fields(model).get(cleaned.get("status_field") or "")
        if field is None:
            return
        for name in ("start_status_value", "completion_status_value", "rejection_status_value"):
            if cleaned.get(name):
                try:
                    field.clean(cleaned[name], None)
                except forms.ValidationError as error:
                    self.add_error(name, error)


@admin.register(WorkflowConfiguration)
class WorkflowConfigurationAdmin(ModelAdmin):
    """Status field, the values it gets, and what starts by itself."""

    form = ConfigurationForm
    list_display = (
        "model_name",
        "status_field",
        "completion_status_value",
        "rejection_status_value",
        "auto_start",
        "default_workflow",
    )
    list_select_related = ("content_type", "default_workflow")
    list_filter = ("auto_start",)
    search_fields = ("content_type__app_label", "content_type__model")
    ordering = ("content_type__app_label", "content_type__model")
    autocomplete_fields = ("default_workflow",)
    fieldsets = (
        (None, {"fields": ("content_type",)}),
        (
            _("Status of the object"),
            {
                "fields": (
                    "status_field",
                    "start_status_value",
                    "completion_status_value",
                    "rejection_status_value",
                )
            },
        ),
        (_("Stage of the object"), {"fields": ("stage_field",)}),
        (_("Starting by itself"), {"fields": ("auto_start", "default_workflow")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("content_type",) if obj is not None else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "content_type":
            kwargs["queryset"] = configurable_models()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description=_("model"), ordering="content_type__model")
    def model_name(self, configuration: WorkflowConfiguration) -> str:
        return str(configuration.content_type)


def writable_fields(model: type[Model]) -> dict[str, "Field[Any, Any]"]:
    """Return the plain columns of a model, by name."""
    return {
        field.name: field
        for field in model._meta.concrete_fields
        if not field.is_relation and not field.primary_key
    }


def configurable_models() -> QuerySet[ContentType]:
    """Return the models that workflows can be attached to and that are not configured yet."""
    types = ContentType.objects.filter(workflow_configuration=None)
    enabled = settings.enabled_models
    if enabled:
        labels = [label.split(".") for label in enabled]
        known = [
            content_type.pk
            for content_type in types
            if [content_type.app_label, content_type.model] in labels
        ]
        types = types.filter(pk__in=known)
    return types.order_by("app_label", "model")
