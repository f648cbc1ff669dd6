"""System checks: every misconfiguration that can be seen at start, with an id and a hint.

Each id has a heading in the documentation ("System checks").
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed_apps
from django.conf import settings as django_settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from approval_workflow.conf import settings as approval_settings
from approval_workflow.exceptions import nearest
from django_workflow_engine.conf import (
    DEFAULTS,
    PERMISSION_KEYS,
    SETTING,
    TOP_LEVEL_DEFAULTS,
    settings,
)
from django_workflow_engine.exceptions import WorkflowMisconfigured

HANDLER = "django_workflow_engine.handlers.WorkflowApprovalHandler"
LABEL_LISTS = ("ENABLED_MODELS", "MODEL_WORKFLOW_MAPPINGS", "AUTO_START_WORKFLOWS")


@checks.register(checks.Tags.compatibility)
def check_settings(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001
    **_kwargs: Any,
) -> list[Any]:
    """Ask each part of the configuration to show itself usable."""
    configured = getattr(django_settings, SETTING, None) or {}
    if not isinstance(configured, Mapping):
        return [checks.Error(f"{SETTING} is not a dictionary.", id="django_workflow_engine.E001")]
    return [
        *_unknown_keys(configured),
        *_unknown_permissions(configured),
        *_unknown_top_level(),
        *_missing_models(configured),
        *_department_model(),
        *_action_execution(),
        *_send_email_function(),
        *_auto_start_rules(configured),
        *_handler_listed(),
    ]


def _unknown_keys(configured: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    for key in configured:
        if key not in DEFAULTS:
            yield checks.Warning(
                f"{SETTING} has no key {key!r}.{nearest(key, DEFAULTS)}",
                hint=f"Known are: {', '.join(sorted(DEFAULTS))}.",
                id="django_workflow_engine.W002",
            )


def _unknown_permissions(configured: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    for key in configured.get("PERMISSIONS") or {}:
        if key not in PERMISSION_KEYS:
            yield checks.Warning(
                f"{SETTING}['PERMISSIONS'] has no key {key!r}.{nearest(key, PERMISSION_KEYS)}",
                hint=f"Known are: {', '.join(PERMISSION_KEYS)}.",
                id="django_workflow_engine.W003",
            )


def _unknown_top_level() -> Iterator[checks.CheckMessage]:
    for name in dir(django_settings):
        if name.startswith("WORKFLOW_") and name not in TOP_LEVEL_DEFAULTS:
            yield checks.Warning(
                f"{name} is not a setting of django_workflow_engine."
                f"{nearest(name, TOP_LEVEL_DEFAULTS)}",
                hint=f"Known are: {', '.join(sorted(TOP_LEVEL_DEFAULTS))}.",
                id="django_workflow_engine.W004",
            )


def _missing_models(configured: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    for key in LABEL_LISTS:
        for label in configured.get(key) or ():
            try:
                installed_apps.get_model(label)
            except (LookupError, ValueError):
                yield checks.Error(
                    f"{SETTING}[{key!r}] names {label!r}, which is no model of an installed app.",
                    hint="Expected 'app.Model'.",
                    id="django_workflow_engine.E005",
                )


def _department_model() -> Iterator[checks.CheckMessage]:
    try:
        settings.department_model  # noqa: B018  # asked for its error
    except WorkflowMisconfigured as error:
        yield checks.Error(error.message, id="django_workflow_engine.E006")


def _action_execution() -> Iterator[checks.CheckMessage]:
    try:
        settings.action_execution  # noqa: B018  # asked for its error
    except WorkflowMisconfigured as error:
        yield checks.Error(error.message, id="django_workflow_engine.E007")


def _send_email_function() -> Iterator[checks.CheckMessage]:
    path = settings.send_email_function
    if path is None:
        return
    try:
        import_string(path)
    except ImportError as error:
        yield checks.Error(
            f"WORKFLOW_SEND_EMAIL_FUNCTION: {path!r} cannot be imported: {error}",
            id="django_workflow_engine.E008",
        )


def _auto_start_rules(configured: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    for label, rule in (configured.get("AUTO_START_WORKFLOWS") or {}).items():
        if not isinstance(rule, Mapping) or not rule.get("workflow_slug"):
            yield checks.Error(
                f"{SETTING}['AUTO_START_WORKFLOWS'][{label!r}] names no workflow.",
                hint="Expected {'workflow_slug': ..., 'conditions': {look-up: value}}.",
                id="django_workflow_engine.E009",
            )


def _handler_listed() -> Iterator[checks.CheckMessage]:
    try:
        listed = approval_settings.handlers
    except ImproperlyConfigured:
        return
    if HANDLER not in listed:
        yield checks.Error(
            "Nothing moves workflows on: APPROVAL_HANDLERS does not name the engine's handler.",
            hint=f'Set APPROVAL_HANDLERS = ["{HANDLER}"].',
            id="django_workflow_engine.E010",
        )
