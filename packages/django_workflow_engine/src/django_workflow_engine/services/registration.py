"""Models whose objects run on workflows, and the fields that follow."""

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connections
from django.db.models import Model, QuerySet
from django.db.models.signals import post_migrate

from approval_workflow.statements import Select
from django_workflow_engine.conf import DEFAULT_ENTRY, settings
from django_workflow_engine.models import WorkFlow, WorkflowConfiguration

# Models registered in this process.
_registered: set[type[Model]] = set()
# What was registered while the apps were loading, when the database must not be asked.
_waiting: dict[type[Model], dict[str, Any]] = {}


def register_model_for_workflow(
    model: type[Model],
    auto_start: bool = False,
    status_field: str | None = None,
    stage_field: str | None = None,
    default_workflow: WorkFlow | None = None,
) -> WorkflowConfiguration | None:
    """Register a model: make its `WorkflowConfiguration`, or bring it up to date.

    `status_field` follows completion and rejection (not given: `DEFAULT_STATUS_FIELD`), with the
    values in the configuration; `stage_field` gets the English name of the current stage. With
    `auto_start` new objects start on `default_workflow`, else on the first workflow that
    `MODEL_WORKFLOW_MAPPINGS` names for the model; with neither they start on nothing.

    Fields that are not given are left as they are configured. In `AppConfig.ready` this returns
    None and the configuration is made after the next `migrate` or when it is first needed.
    """
    values: dict[str, Any] = {"auto_start": auto_start}
    if status_field is not None:
        values["status_field"] = status_field
    if stage_field is not None:
        values["stage_field"] = stage_field
    if default_workflow is not None:
        values["default_workflow"] = default_workflow
    _registered.add(model)
    if not apps.ready:
        _waiting[model] = values
        return None
    return _configure(model, values)


def is_known(model: type[Model]) -> bool:
    """Return whether the settings name the model or this process has registered it."""
    label = model._meta.label_lower
    return (
        model in _registered
        or label in settings.auto_start_workflows
        or label in settings.model_workflow_mappings
        or label in settings.enabled_models
    )


def configuration_of(content_type: ContentType, using: str) -> WorkflowConfiguration | None:
    """Return the configuration of a model, made now if it was only registered so far."""
    _configure_waiting()
    return _of_model.first(using, content_type=content_type.pk)


@Select
def _of_model(content_type: Any) -> "QuerySet[WorkflowConfiguration]":
    return WorkflowConfiguration.objects.filter(content_type=content_type)


def workflows_for(model: type[Model]) -> list[WorkFlow]:
    """Return the active templates that `MODEL_WORKFLOW_MAPPINGS` offers for a model, in order.

    A model without an entry of its own is offered those of the entry `default`, unless
    `ENABLED_MODELS` leaves it out.
    """
    slugs = _mapped_slugs(model)
    offered = WorkFlow.objects.attachable().filter(slug__in=slugs)
    found = {workflow.slug: workflow for workflow in offered}
    return [found[slug] for slug in slugs if slug in found]


def _mapped_slugs(model: type[Model]) -> Sequence[str]:
    mappings = settings.model_workflow_mappings
    own = mappings.get(model._meta.label_lower)
    if own is not None:
        return own
    return mappings.get(DEFAULT_ENTRY, ()) if settings.is_enabled(model) else ()


def _configure(model: type[Model], values: dict[str, Any]) -> WorkflowConfiguration:
    configuration, _created = WorkflowConfiguration.objects.update_or_create(
        content_type=ContentType.objects.get_for_model(model),
        defaults=values,
        create_defaults={"status_field": settings.default_status_field, **values},
    )
    return configuration


def _configure_waiting() -> None:
    for model, values in list(_waiting.items()):
        _configure(model, values)
        _waiting.pop(model, None)


def _after_migrate(using: str, **_kwargs: Any) -> None:
    # `migrate` may have been asked for another app only.
    if _waiting and WorkflowConfiguration._meta.db_table in _tables(using):
        _configure_waiting()


def _tables(using: str) -> list[str]:
    return connections[using].introspection.table_names()


post_migrate.connect(_after_migrate, dispatch_uid="django_workflow_engine.registration")
