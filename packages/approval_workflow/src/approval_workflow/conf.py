"""The only reader of this package's settings. They are read when asked for, never at import."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model
from django.utils.module_loading import import_string

from approval_workflow.exceptions import ApprovalMisconfigured

DEFAULTS: dict[str, Any] = {
    # "app.Model" of the roles that steps may be assigned to.
    "APPROVAL_ROLE_MODEL": None,
    # Field of the user model that leads to the role (foreign key or many-to-many).
    "APPROVAL_ROLE_FIELD": "role",
    # Dotted path of a function that takes a role and returns its users.
    "APPROVAL_ROLE_USERS_RESOLVER": None,
    # "app.Model" of the forms that steps may carry.
    "APPROVAL_DYNAMIC_FORM_MODEL": None,
    # Field of that model which holds the JSON Schema; None tries the usual names.
    "APPROVAL_FORM_SCHEMA_FIELD": None,
    # Dotted paths of handler classes that are asked about every flow.
    "APPROVAL_HANDLERS": (),
    # Field of the user model that leads to the person above.
    "APPROVAL_HEAD_MANAGER_FIELD": None,
    # Field of the role that names its lead.
    "APPROVAL_ROLE_LEAD_FIELD": "lead",
    # Field of the user model by which the longest-serving person is found.
    "APPROVAL_SENIORITY_FIELD": "date_joined",
    # How long before its deadline a step's people are reminded (timedelta; None: not at all).
    "APPROVAL_REMIND_BEFORE": timedelta(days=1),
    # How long a decision can be undone by who made it (timedelta; None: not at all).
    "APPROVAL_UNDO_PERIOD": None,
    # Working hours for deadlines; None: the clock. See approval_workflow.deadlines.
    "APPROVAL_BUSINESS_CALENDAR": None,
    # {name: dotted path}: functions that steps may name to find their people.
    "APPROVAL_FUNCTIONS": {},
    # {value: dotted path of a strategy class}.
    "APPROVAL_ROLE_STRATEGIES": {},
}


class ApprovalSettings:
    """Typed, live view of the `APPROVAL_*` settings."""

    def _get(self, name: str) -> Any:
        return getattr(django_settings, name, DEFAULTS[name])

    @property
    def role_model(self) -> type[Model] | None:
        return self._model("APPROVAL_ROLE_MODEL")

    @property
    def role_field(self) -> str:
        return str(self._get("APPROVAL_ROLE_FIELD"))

    @property
    def role_users_resolver(self) -> Callable[[Model], Any] | None:
        path = self._get("APPROVAL_ROLE_USERS_RESOLVER")
        return load("APPROVAL_ROLE_USERS_RESOLVER", path) if path else None

    @property
    def dynamic_form_model(self) -> type[Model] | None:
        return self._model("APPROVAL_DYNAMIC_FORM_MODEL")

    @property
    def form_schema_field(self) -> str | None:
        name = self._get("APPROVAL_FORM_SCHEMA_FIELD")
        return str(name) if name else None

    @property
    def head_manager_field(self) -> str | None:
        name = self._get("APPROVAL_HEAD_MANAGER_FIELD")
        return str(name) if name else None

    @property
    def role_lead_field(self) -> str:
        return str(self._get("APPROVAL_ROLE_LEAD_FIELD"))

    @property
    def seniority_field(self) -> str:
        return str(self._get("APPROVAL_SENIORITY_FIELD"))

    @property
    def remind_before(self) -> timedelta | None:
        return self._duration("APPROVAL_REMIND_BEFORE")

    @property
    def undo_period(self) -> timedelta | None:
        return self._duration("APPROVAL_UNDO_PERIOD")

    @property
    def business_calendar(self) -> Mapping[str, Any] | None:
        value = self._get("APPROVAL_BUSINESS_CALENDAR")
        if value is not None and not isinstance(value, Mapping):
            raise ApprovalMisconfigured(
                f"APPROVAL_BUSINESS_CALENDAR = {value!r}; expected a dictionary or None.",
                setting="APPROVAL_BUSINESS_CALENDAR",
            )
        return value

    @property
    def functions(self) -> Mapping[str, str]:
        return dict(self._get("APPROVAL_FUNCTIONS"))

    @property
    def handlers(self) -> Sequence[str]:
        return tuple(self._get("APPROVAL_HANDLERS"))

    @property
    def role_strategies(self) -> Mapping[str, str]:
        return dict(self._get("APPROVAL_ROLE_STRATEGIES"))

    def _duration(self, name: str) -> timedelta | None:
        value = self._get(name)
        if value is not None and not isinstance(value, timedelta):
            raise ApprovalMisconfigured(
                f"{name} = {value!r}; expected a timedelta or None.", setting=name
            )
        return value

    def _model(self, name: str) -> type[Model] | None:
        label = self._get(name)
        if not label:
            return None
        try:
            return apps.get_model(label)
        except (LookupError, ValueError, ImproperlyConfigured) as error:
            raise ApprovalMisconfigured(
                f"{name} = {label!r} is not a model of an installed app; expected 'app.Model'.",
                setting=name,
            ) from error


def load(setting: str, path: str) -> Any:
    """Import what the dotted path in `setting` names; raise `ApprovalMisconfigured` if that fails.

    A path that is right but whose module fails while it is imported raises the module's own error.
    """
    try:
        return import_string(path)
    except ImportError as error:
        raise ApprovalMisconfigured(
            f"{setting}: {path!r} cannot be imported: {error}", setting=setting
        ) from error


settings = ApprovalSettings()
