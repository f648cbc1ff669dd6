"""System checks: every misconfiguration that can be seen at start, with an id and a hint.

Each id has a heading in the documentation ("System checks").
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed_apps
from django.conf import settings as django_settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections, router, transaction
from django.db.models import Model
from django.utils.module_loading import import_string

from approval_workflow.conf import settings as approval_settings
from approval_workflow.exceptions import nearest
from django_workflow_engine.actions import configured as actions_config
from django_workflow_engine.conditions import satisfying
from django_workflow_engine.conf import (
    DEFAULT_ENTRY,
    DEFAULTS,
    PERMISSION_KEYS,
    SETTING,
    TOP_LEVEL_DEFAULTS,
    AutoStartRule,
    auto_start_rules,
    mapped_slugs,
    settings,
)
from django_workflow_engine.exceptions import InvalidExpression, WorkflowMisconfigured
from django_workflow_engine.expressions import NAMES, check_condition
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.services.references import broken_references

HANDLER = "django_workflow_engine.handlers.WorkflowApprovalHandler"
LISTS = ("ENABLED_MODELS", "ALLOWED_ACTION_MODULES", "CREATOR_FIELDS", "CONDITION_NAMES")
# Dictionaries whose keys are models.
BY_MODEL = ("MODEL_WORKFLOW_MAPPINGS", "AUTO_START_WORKFLOWS")
DICTIONARIES = (*BY_MODEL, "PERMISSIONS", "ASSIGNMENT_RESOLVERS")
# Broken references that are told one by one.
MOST_PROBLEMS = 20
MODEL_HINT = "Name the model as 'app.Model' and install its app."


@checks.register(checks.Tags.compatibility)
def check_settings(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001
    **_kwargs: Any,
) -> list[Any]:
    """Ask each part of the configuration to show itself usable."""
    configured = getattr(django_settings, SETTING, None) or {}
    if not isinstance(configured, Mapping):
        return [
            checks.Error(
                f"{SETTING} is not a dictionary.",
                hint=f"Known keys are: {', '.join(sorted(DEFAULTS))}.",
                id="django_workflow_engine.E001",
            )
        ]
    return [
        *_unknown_keys(configured),
        *_shapes(configured),
        *_unknown_permissions(configured),
        *_unknown_top_level(),
        *_missing_models(configured),
        *_department_model(),
        *_action_execution(),
        *_celery(),
        *_action_numbers(),
        *_actions_config(),
        *_send_email_function(),
        *_archive_directory(),
        *_assignment_resolvers(configured),
        *_mapped_slugs(configured),
        *_auto_start_rules(configured),
        *_condition_names(configured),
        *_handler_listed(),
    ]


@checks.register(checks.Tags.database)
def check_templates(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001
    databases: Sequence[str] | None = None,
    **_kwargs: Any,
) -> list[Any]:
    """Look for workflows that the settings name and for what workflows name; both may be gone."""
    using = router.db_for_read(WorkFlow)
    if using not in (databases or ()):
        return []
    try:
        with transaction.atomic(using=using):
            if WorkFlow._meta.db_table not in connections[using].introspection.table_names():
                return []
            return [*_unknown_slugs(using), *_broken_templates(using)]
    except (DatabaseError, ImproperlyConfigured):
        # Not migrated yet, or a setting that has an error of its own.
        return []


def _unknown_keys(configured: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    for key in configured:
        if key not in DEFAULTS:
            yield checks.Warning(
                f"{SETTING} has no key {key!r}.{nearest(key, DEFAULTS)}",
                hint=f"Known are: {', '.join(sorted(DEFAULTS))}.",
                id="django_workflow_engine.W002",
            )


def _unknown_permissions(configured: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    for key in _dictionary(configured, "PERMISSIONS"):
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


def _shapes(configured: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    for key in LISTS:
        value = configured.get(key)
        if value is not None and not _is_list_of_text(value):
            yield _misshapen(f"{SETTING}[{key!r}]", "a list of texts")
    for key in DICTIONARIES:
        if not isinstance(configured.get(key) or {}, Mapping):
            yield _misshapen(f"{SETTING}[{key!r}]", "a dictionary")
    for key, value in _dictionary(configured, "PERMISSIONS").items():
        if not isinstance(value, bool):
            yield _misshapen(f"{SETTING}['PERMISSIONS'][{key!r}]", "True or False")


def _misshapen(place: str, expected: str) -> checks.CheckMessage:
    return checks.Error(
        f"{place} is not {expected}.",
        hint="The reference page of the settings shows the form of each.",
        id="django_workflow_engine.E011",
    )


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _dictionary(configured: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The value of a key, where it is a dictionary."""
    value = configured.get(key)
    return value if isinstance(value, Mapping) else {}


def _missing_models(configured: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    enabled = configured.get("ENABLED_MODELS") or ()
    labels = [("ENABLED_MODELS", each) for each in (enabled if _is_list_of_text(enabled) else ())]
    labels += [(key, label) for key in BY_MODEL for label in _dictionary(configured, key)]
    for key, label in labels:
        if _model(label) is None and not (key in BY_MODEL and label == DEFAULT_ENTRY):
            yield checks.Error(
                f"{SETTING}[{key!r}] names {label!r}, which is no model of an installed app.",
                hint="Expected 'app.Model'.",
                id="django_workflow_engine.E005",
            )


def _model(label: Any) -> type[Model] | None:
    try:
        return installed_apps.get_model(str(label))
    except (LookupError, ValueError):
        return None


def _department_model() -> Iterator[checks.CheckMessage]:
    try:
        settings.department_model  # noqa: B018  # asked for its error
    except WorkflowMisconfigured as error:
        yield checks.Error(error.message, hint=MODEL_HINT, id="django_workflow_engine.E006")


def _action_execution() -> Iterator[checks.CheckMessage]:
    try:
        settings.action_execution  # noqa: B018  # asked for its error
    except WorkflowMisconfigured as error:
        yield checks.Error(
            error.message,
            hint="Leave it out to run actions in the process, after commit.",
            id="django_workflow_engine.E007",
        )


def _celery() -> Iterator[checks.CheckMessage]:
    wanted = getattr(django_settings, SETTING, None) or {}
    if wanted.get("ACTION_EXECUTION") == "celery" and find_spec("celery") is None:
        yield checks.Error(
            f"{SETTING}['ACTION_EXECUTION'] is 'celery', and Celery is not installed.",
            hint="Install django-dynamic-workflows[celery]; see the guide on actions, Celery.",
            id="django_workflow_engine.E021",
        )


def _action_numbers() -> Iterator[checks.CheckMessage]:
    for name in ("action_max_attempts", "action_retry_delay", "loop_limit", "webhook_secrets"):
        try:
            getattr(settings, name)
        except WorkflowMisconfigured as error:
            yield checks.Error(
                error.message,
                hint="The reference page of the settings shows the form of each.",
                id="django_workflow_engine.E022",
            )


def _actions_config() -> Iterator[checks.CheckMessage]:
    for mistake in actions_config.mistakes():
        yield checks.Error(
            mistake,
            hint="The guide on actions shows what an action may say.",
            id="django_workflow_engine.E023",
        )


def _archive_directory() -> Iterator[checks.CheckMessage]:
    try:
        directory = settings.auto_cleanup_archive_dir
    except WorkflowMisconfigured as error:
        yield _no_archive(error.message)
        return
    if directory is not None and Path(directory).exists() and not Path(directory).is_dir():
        yield _no_archive(f"WORKFLOW_AUTO_CLEANUP_ARCHIVE_DIR: {directory!r} is no directory.")


def _no_archive(message: str) -> checks.CheckMessage:
    return checks.Error(
        message,
        hint="Name a directory; it is made when it is needed.",
        id="django_workflow_engine.E024",
    )


def _send_email_function() -> Iterator[checks.CheckMessage]:
    path = settings.send_email_function
    if path is None:
        return
    try:
        import_string(path)
    except ImportError as error:
        yield checks.Error(
            f"WORKFLOW_SEND_EMAIL_FUNCTION: {path!r} cannot be imported: {error}",
            hint="Name a function send_email(name, email, subject, context, user=None).",
            id="django_workflow_engine.E008",
        )


def _assignment_resolvers(configured: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    for name, path in _dictionary(configured, "ASSIGNMENT_RESOLVERS").items():
        try:
            usable = isinstance(path, str) and callable(import_string(path))
        except ImportError:
            usable = False
        if not usable:
            yield checks.Error(
                f"{SETTING}['ASSIGNMENT_RESOLVERS'][{name!r}] = {path!r} is no function that can be"
                " imported.",
                hint="Name a function f(obj, user) that returns users, a user or None.",
                id="django_workflow_engine.E018",
            )


def _mapped_slugs(configured: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    for label, value in _dictionary(configured, "MODEL_WORKFLOW_MAPPINGS").items():
        try:
            mapped_slugs(label, value)
        except WorkflowMisconfigured as error:
            yield checks.Error(
                error.message,
                hint="Expected {'app.Model': [slug, ...]}.",
                id="django_workflow_engine.E012",
            )


def _auto_start_rules(configured: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    for label, value in _dictionary(configured, "AUTO_START_WORKFLOWS").items():
        try:
            rules = auto_start_rules(label, value)
        except WorkflowMisconfigured as error:
            yield checks.Error(
                error.message,
                hint="Expected {'workflow_slug': ..., 'conditions': {look-up: value},"
                " 'when': condition}, or a list of such rules.",
                id="django_workflow_engine.E009",
            )
        else:
            model = _model(label)
            yield from _conditions(model, rules) if model is not None else ()
            yield from _expressions([model] if model is not None else [], rules)


def _conditions(
    model: type[Model], rules: Sequence[AutoStartRule]
) -> Iterator[checks.CheckMessage]:
    for rule in rules:
        try:
            satisfying(model._base_manager.all(), rule.conditions)
        except WorkflowMisconfigured as error:
            yield checks.Error(
                f"{SETTING}['AUTO_START_WORKFLOWS']: {error.message}",
                hint="Conditions are look-ups as filter() takes them.",
                id="django_workflow_engine.E013",
            )


def _expressions(
    models: Sequence[type[Model]], rules: Sequence[AutoStartRule]
) -> Iterator[checks.CheckMessage]:
    for rule in rules:
        try:
            if rule.when:
                check_condition(rule.when, models)
        except (InvalidExpression, WorkflowMisconfigured) as error:
            yield checks.Error(
                f"{SETTING}['AUTO_START_WORKFLOWS'], {rule.when!r}: {error.message}",
                hint="The guide on conditions shows what they may name.",
                id="django_workflow_engine.E025",
            )


def _condition_names(configured: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    names = configured.get("CONDITION_NAMES") or ()
    for name in names if _is_list_of_text(names) else ():
        if not name.isascii() or not name.isidentifier() or name in NAMES:
            yield checks.Error(
                f"{SETTING}['CONDITION_NAMES'] names {name!r}, which callers cannot give.",
                hint="Expected words of letters, digits and underscores, none of:"
                f" {', '.join(NAMES)}.",
                id="django_workflow_engine.E026",
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


def _unknown_slugs(using: str) -> Iterator[checks.CheckMessage]:
    named = dict.fromkeys(_flat(settings.model_workflow_mappings), "MODEL_WORKFLOW_MAPPINGS")
    for rule in _flat(settings.auto_start_workflows):
        named[rule.workflow_slug] = "AUTO_START_WORKFLOWS"
    templates = WorkFlow.objects.using(using).templates().filter(slug__in=named)
    known = set(templates.values_list("slug", flat=True))
    for slug, key in named.items():
        if slug not in known:
            yield checks.Warning(
                f"{SETTING}[{key!r}] names {slug!r}, which is no workflow.",
                hint="Make the workflow, or import it with import_workflow.",
                id="django_workflow_engine.W014",
            )


def _flat(by_model: Mapping[str, Sequence[Any]]) -> Iterator[Any]:
    for values in by_model.values():
        yield from values


def _broken_templates(using: str) -> Iterator[checks.CheckMessage]:
    problems = list(broken_references(WorkFlow.objects.using(using).templates()))
    for problem in problems[:MOST_PROBLEMS]:
        yield checks.Warning(
            str(problem),
            hint="Change the workflow; check_workflows looks for more.",
            id="django_workflow_engine.W015",
        )
    if len(problems) > MOST_PROBLEMS:
        yield checks.Warning(
            f"{len(problems) - MOST_PROBLEMS} more references of workflows are broken.",
            hint="check_workflows tells all.",
            id="django_workflow_engine.W015",
        )
