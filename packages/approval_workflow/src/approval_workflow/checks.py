"""System checks: every misconfiguration that can be seen at start, with an id and a hint.

Each id has a heading in the documentation ("System checks").
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed_apps
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core import checks
from django.db import connections

from approval_workflow.conf import DEFAULTS, settings
from approval_workflow.deadlines import configured_calendar
from approval_workflow.exceptions import ApprovalMisconfigured, nearest
from approval_workflow.forms import USUAL_SCHEMA_FIELDS, schema_field
from approval_workflow.handlers import handler_by_convention, load_handler
from approval_workflow.roles import way_to_users
from approval_workflow.strategies import get_strategy
from approval_workflow.strategies.dynamic import function_named

PREFIX = "APPROVAL_"


@checks.register(checks.Tags.compatibility)
def check_settings(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001
    **_kwargs: Any,
) -> list[Any]:
    """Ask each part of the configuration to show itself usable."""
    parts = (
        _unknown_keys,
        _role_model,
        _resolver,
        _form_model,
        _handlers,
        _strategies,
        _fields,
        _functions,
        _deadlines,
    )
    return [message for part in parts for message in part()]


@checks.register(checks.Tags.database)
def check_databases(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001
    databases: Sequence[str] | None = None,
    **_kwargs: Any,
) -> list[Any]:
    """SQLite must take its write lock when a transaction begins, not in the middle of it."""
    return [_sqlite_warning(alias) for alias in databases or () if _is_deferred_sqlite(alias)]


def _unknown_keys() -> Iterator[checks.CheckMessage]:
    for name in dir(django_settings):
        if name.startswith(PREFIX) and name not in DEFAULTS:
            yield checks.Warning(
                f"{name} is not a setting of approval_workflow.{nearest(name, DEFAULTS)}",
                hint=f"Known are: {', '.join(sorted(DEFAULTS))}.",
                id="approval_workflow.W001",
            )


def _role_model() -> Iterator[checks.CheckMessage]:
    try:
        model = settings.role_model
    except ApprovalMisconfigured as error:
        yield checks.Error(
            error.message,
            hint="Name the model as 'app.Model' and install its app.",
            id="approval_workflow.E002",
        )
        return
    if model is not None and _works(way_to_users, model) and way_to_users(model) is None:
        yield checks.Error(
            f"APPROVAL_ROLE_MODEL: no way from {model._meta.label} to its users.",
            hint="Set APPROVAL_ROLE_USERS_RESOLVER, let the user field APPROVAL_ROLE_FIELD lead"
            " to the model, or give the model a relation called 'users'.",
            id="approval_workflow.E003",
        )


def _resolver() -> Iterator[checks.CheckMessage]:
    hint = "Name a function that takes a role and returns its users."
    try:
        resolver = settings.role_users_resolver
    except ApprovalMisconfigured as error:
        yield checks.Error(error.message, hint=hint, id="approval_workflow.E004")
        return
    if resolver is not None and not callable(resolver):
        yield checks.Error(
            "APPROVAL_ROLE_USERS_RESOLVER is not callable.",
            hint=hint,
            id="approval_workflow.E004",
        )


def _form_model() -> Iterator[checks.CheckMessage]:
    try:
        model = settings.dynamic_form_model
    except ApprovalMisconfigured as error:
        yield checks.Error(
            error.message,
            hint="Name the model as 'app.Model' and install its app.",
            id="approval_workflow.E005",
        )
        return
    if model is not None and schema_field(model) is None:
        expected = settings.form_schema_field or ", ".join(USUAL_SCHEMA_FIELDS)
        yield checks.Error(
            f"APPROVAL_DYNAMIC_FORM_MODEL: {model._meta.label} has no field for its JSON Schema.",
            hint=f"Expected: {expected}. Set APPROVAL_FORM_SCHEMA_FIELD to another name.",
            id="approval_workflow.E006",
        )


def _handlers() -> Iterator[checks.CheckMessage]:
    for path in settings.handlers:
        try:
            load_handler(path)
        except ApprovalMisconfigured as error:
            yield checks.Error(
                error.message,
                hint="Name subclasses of approval_workflow.handlers.BaseApprovalHandler.",
                id="approval_workflow.E007",
            )
    for model in installed_apps.get_models():
        try:
            handler_by_convention(model)
        except ImportError as error:
            yield checks.Error(
                f"The handlers of {model._meta.label} cannot be imported: {error}",
                hint=f"Mend the module 'approval' of the app {model._meta.app_label}.",
                id="approval_workflow.E008",
            )


def _strategies() -> Iterator[checks.CheckMessage]:
    for value in settings.role_strategies:
        try:
            get_strategy(value)
        except ApprovalMisconfigured as error:
            yield checks.Error(
                error.message,
                hint="Name subclasses of approval_workflow.strategies.Strategy.",
                id="approval_workflow.E009",
            )


def _fields() -> Iterator[checks.CheckMessage]:
    for setting, name in (
        ("APPROVAL_HEAD_MANAGER_FIELD", settings.head_manager_field),
        ("APPROVAL_SENIORITY_FIELD", _set_by_project("APPROVAL_SENIORITY_FIELD")),
    ):
        if name and not hasattr(get_user_model(), name):
            yield checks.Error(
                f"{setting}: the user model has no field {name!r}.",
                hint=f"Name a field of {get_user_model()._meta.label}.",
                id="approval_workflow.E011",
            )


def _functions() -> Iterator[checks.CheckMessage]:
    for name in settings.functions:
        try:
            function_named(name)
        except ApprovalMisconfigured as error:
            yield checks.Error(
                error.message,
                hint="APPROVAL_FUNCTIONS names functions that take an object and a step and return"
                " users.",
                id="approval_workflow.E012",
            )


def _deadlines() -> Iterator[checks.CheckMessage]:
    readers: dict[str, Callable[[], Any]] = {
        "E013": lambda: settings.remind_before,
        "E014": configured_calendar,
        "E015": lambda: settings.undo_period,
    }
    for number, read in readers.items():
        try:
            read()
        except ApprovalMisconfigured as error:
            hint = "See the page on deadlines in the documentation."
            yield checks.Error(error.message, hint=hint, id=f"approval_workflow.{number}")


def _set_by_project(name: str) -> str | None:
    """A setting's value where the project gives one; defaults need not fit every user model."""
    return getattr(django_settings, name, None)


def _works(function: Callable[[Any], Any], argument: Any) -> bool:
    """Whether the function answers; a setting that keeps it from that has its own check."""
    try:
        function(argument)
    except ApprovalMisconfigured:
        return False
    return True


def _is_deferred_sqlite(alias: str) -> bool:
    connection = connections[alias]
    if connection.vendor != "sqlite":
        return False
    mode = connection.settings_dict.get("OPTIONS", {}).get("transaction_mode") or "DEFERRED"
    return str(mode).upper() == "DEFERRED"


def _sqlite_warning(alias: str) -> checks.CheckMessage:
    return checks.Warning(
        f"The SQLite database {alias!r} begins transactions in DEFERRED mode.",
        hint='Set OPTIONS["transaction_mode"] = "IMMEDIATE": otherwise two people who act at once'
        " may get 'database is locked'.",
        id="approval_workflow.W010",
    )
