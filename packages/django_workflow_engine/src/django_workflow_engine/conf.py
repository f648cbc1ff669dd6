"""The only reader of the engine's settings. They are read when asked for, never at import."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model

from approval_workflow.exceptions import nearest
from django_workflow_engine.choices import ActionExecutionMode
from django_workflow_engine.exceptions import WorkflowMisconfigured

SETTING = "DJANGO_WORKFLOW_ENGINE"
# The entry of settings by model that counts for models without one of their own.
DEFAULT_ENTRY = "default"

# The keys of DJANGO_WORKFLOW_ENGINE.
DEFAULTS: dict[str, Any] = {
    # "app.Model" that a pipeline's department is one of.
    "DEPARTMENT_MODEL": None,
    # Models that workflows can be attached to, as "app.Model"; empty means all.
    "ENABLED_MODELS": (),
    # Status field of models that are registered without one.
    "DEFAULT_STATUS_FIELD": "",
    # {"app.Model" or "default": [slug, ...]}: the workflows offered for a model.
    "MODEL_WORKFLOW_MAPPINGS": {},
    # {"app.Model" or "default": rule or list of rules}; a rule is
    # {"workflow_slug": ..., "conditions": {look-up: value}, "when": condition in CEL}, and the
    # first that holds counts.
    "AUTO_START_WORKFLOWS": {},
    # {"REQUIRE_PERMISSION_TO_START": bool, "REQUIRE_PERMISSION_TO_APPROVE": bool}.
    "PERMISSIONS": {},
    # "process", "celery" or "inline".
    "ACTION_EXECUTION": ActionExecutionMode.PROCESS.value,
    # How often an action is tried before it is dead.
    "ACTION_MAX_ATTEMPTS": 5,
    # Seconds to wait after the first failure of an action; each later wait is four times as long.
    "ACTION_RETRY_DELAY": 60,
    # The default actions in place of the e-mails: a list of actions, or one for each "app.Model" or
    # "default". None: the e-mails.
    "WORKFLOW_ACTIONS_CONFIG": None,
    # {name: secret}: what webhooks are signed with.
    "WEBHOOK_SECRETS": {},
    # Whether webhooks may be sent to addresses that are not public.
    "WEBHOOK_ALLOW_PRIVATE": False,
    # Prefixes of dotted paths outside the installed apps that actions may call.
    "ALLOWED_ACTION_MODULES": (),
    # Names that conditions may use because callers give them as context.
    "CONDITION_NAMES": (),
    # How often one object may come to the same stage, where the stage does not say: loops end.
    "LOOP_LIMIT": 50,
    # Fields of the object that may name its creator; the first that it has counts.
    "CREATOR_FIELDS": ("created_by", "requester", "owner"),
    # {name: dotted path of f(obj, user)}: functions that find the people of ASSIGNED approvals.
    "ASSIGNMENT_RESOLVERS": {},
    # Field of the user model that leads to a person's department.
    "USER_DEPARTMENT_FIELD": "department",
    # Field of a department that names its head.
    "DEPARTMENT_HEAD_FIELD": "head",
    # Field of the user model that holds the code of the language a person reads.
    "USER_LANGUAGE_FIELD": "language",
}

PERMISSION_KEYS = ("REQUIRE_PERMISSION_TO_START", "REQUIRE_PERMISSION_TO_APPROVE")

# Settings at the top level.
TOP_LEVEL_DEFAULTS: dict[str, Any] = {
    # Whether new workflows get the default e-mail actions.
    "WORKFLOW_AUTO_CREATE_ACTIONS": True,
    # Whether e-mail is switched off; other actions still run.
    "WORKFLOW_DISABLE_EMAILS": False,
    # Dotted path of send_email(name, email, subject, context, user=None).
    "WORKFLOW_SEND_EMAIL_FUNCTION": None,
    # Whether ended workflows are deleted as soon as their actions have finished.
    "WORKFLOW_AUTO_CLEANUP_COMPLETED": False,
    # Directory in which they are archived before. None: they are not.
    "WORKFLOW_AUTO_CLEANUP_ARCHIVE_DIR": None,
}

RULE_KEYS = ("workflow_slug", "conditions", "when")


@dataclass(frozen=True, slots=True)
class AutoStartRule:
    """The workflow that new objects start on which satisfy the look-ups and the condition."""

    workflow_slug: str
    conditions: Mapping[str, Any] = field(default_factory=dict)
    # In CEL; empty: always.
    when: str = ""


class EngineSettings:
    """Typed, live view of the engine's settings."""

    def _get(self, key: str) -> Any:
        configured = getattr(django_settings, SETTING, None) or {}
        value = configured.get(key, DEFAULTS[key])
        return DEFAULTS[key] if value is None else value

    @property
    def department_model(self) -> type[Model] | None:
        label = self._get("DEPARTMENT_MODEL")
        if not label:
            return None
        try:
            return apps.get_model(label)
        except (LookupError, ValueError, ImproperlyConfigured) as error:
            raise WorkflowMisconfigured(
                f"{SETTING}['DEPARTMENT_MODEL'] = {label!r} is not a model of an installed app;"
                " expected 'app.Model'."
            ) from error

    @property
    def enabled_models(self) -> Sequence[str]:
        return tuple(label.lower() for label in self._get("ENABLED_MODELS"))

    @property
    def default_status_field(self) -> str:
        return str(self._get("DEFAULT_STATUS_FIELD"))

    @property
    def model_workflow_mappings(self) -> Mapping[str, Sequence[str]]:
        """Slugs by the model's label in lower case."""
        return {
            label: mapped_slugs(label, value)
            for label, value in self._by_model("MODEL_WORKFLOW_MAPPINGS").items()
        }

    @property
    def auto_start_workflows(self) -> Mapping[str, Sequence[AutoStartRule]]:
        """Rules in order, by the model's label in lower case."""
        return {
            label: auto_start_rules(label, value)
            for label, value in self._by_model("AUTO_START_WORKFLOWS").items()
        }

    def is_enabled(self, model: type[Model]) -> bool:
        """Return whether workflows can be attached to objects of the model."""
        enabled = self.enabled_models
        return not enabled or model._meta.label_lower in enabled

    def _by_model(self, key: str) -> dict[str, Any]:
        configured = self._get(key)
        if not isinstance(configured, Mapping):
            raise WorkflowMisconfigured(f"{SETTING}[{key!r}] is not a dictionary.")
        return {str(label).lower(): value for label, value in configured.items()}

    @property
    def require_permission_to_start(self) -> bool:
        return bool(self._get("PERMISSIONS").get("REQUIRE_PERMISSION_TO_START", False))

    @property
    def require_permission_to_approve(self) -> bool:
        return bool(self._get("PERMISSIONS").get("REQUIRE_PERMISSION_TO_APPROVE", False))

    @property
    def action_execution(self) -> ActionExecutionMode:
        value = self._get("ACTION_EXECUTION")
        try:
            return ActionExecutionMode(value)
        except ValueError:
            raise WorkflowMisconfigured(
                f"{SETTING}['ACTION_EXECUTION'] = {value!r}; expected one of:"
                f" {', '.join(ActionExecutionMode.values)}."
            ) from None

    @property
    def action_max_attempts(self) -> int:
        return int(self._positive("ACTION_MAX_ATTEMPTS", int))

    @property
    def action_retry_delay(self) -> timedelta:
        return timedelta(seconds=self._positive("ACTION_RETRY_DELAY", (int, float)))

    @property
    def condition_names(self) -> Sequence[str]:
        return tuple(self._get("CONDITION_NAMES"))

    @property
    def loop_limit(self) -> int:
        return int(self._positive("LOOP_LIMIT", int))

    @property
    def workflow_actions_config(self) -> Any:
        """As it is configured; `actions.configured` reads it."""
        return self._get("WORKFLOW_ACTIONS_CONFIG")

    @property
    def webhook_secrets(self) -> Mapping[str, str]:
        secrets = self._get("WEBHOOK_SECRETS")
        if not isinstance(secrets, Mapping) or not all(
            isinstance(secret, str) and secret for secret in secrets.values()
        ):
            raise WorkflowMisconfigured(
                f"{SETTING}['WEBHOOK_SECRETS']: expected {{name: secret}} with texts."
            )
        return secrets

    @property
    def webhook_allow_private(self) -> bool:
        return bool(self._get("WEBHOOK_ALLOW_PRIVATE"))

    def _positive(self, key: str, kind: Any) -> Any:
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, kind) or value <= 0:
            raise WorkflowMisconfigured(
                f"{SETTING}[{key!r}] = {value!r}; expected a number above 0."
            )
        return value

    @property
    def allowed_action_modules(self) -> Sequence[str]:
        return tuple(self._get("ALLOWED_ACTION_MODULES"))

    @property
    def creator_fields(self) -> Sequence[str]:
        return tuple(self._get("CREATOR_FIELDS"))

    @property
    def assignment_resolvers(self) -> Mapping[str, str]:
        return dict(self._get("ASSIGNMENT_RESOLVERS"))

    @property
    def user_department_field(self) -> str:
        return str(self._get("USER_DEPARTMENT_FIELD"))

    @property
    def department_head_field(self) -> str:
        return str(self._get("DEPARTMENT_HEAD_FIELD"))

    @property
    def user_language_field(self) -> str:
        return str(self._get("USER_LANGUAGE_FIELD"))

    @property
    def auto_create_actions(self) -> bool:
        return bool(self._top("WORKFLOW_AUTO_CREATE_ACTIONS"))

    @property
    def disable_emails(self) -> bool:
        return bool(self._top("WORKFLOW_DISABLE_EMAILS"))

    @property
    def send_email_function(self) -> str | None:
        path = self._top("WORKFLOW_SEND_EMAIL_FUNCTION")
        return str(path) if path else None

    @property
    def auto_cleanup_completed(self) -> bool:
        return bool(self._top("WORKFLOW_AUTO_CLEANUP_COMPLETED"))

    @property
    def auto_cleanup_archive_dir(self) -> str | None:
        value = self._top("WORKFLOW_AUTO_CLEANUP_ARCHIVE_DIR")
        if value is None:
            return None
        if not isinstance(value, str | Path) or not str(value):
            raise WorkflowMisconfigured(
                f"WORKFLOW_AUTO_CLEANUP_ARCHIVE_DIR = {value!r}; expected the path of a directory."
            )
        return str(value)

    def _top(self, name: str) -> Any:
        return getattr(django_settings, name, TOP_LEVEL_DEFAULTS[name])


def auto_start_rules(label: str, value: Any) -> tuple[AutoStartRule, ...]:
    """Return the rules of one entry; raise `WorkflowMisconfigured` for what is none."""
    place = f"{SETTING}['AUTO_START_WORKFLOWS'][{label!r}]"
    rules = value if isinstance(value, list | tuple) else [value]
    return tuple(_auto_start_rule(place, rule) for rule in rules)


def mapped_slugs(label: str, value: Any) -> tuple[str, ...]:
    """Return the slugs of one entry; raise `WorkflowMisconfigured` for what is no list of them."""
    if not isinstance(value, list | tuple) or not all(isinstance(slug, str) for slug in value):
        raise WorkflowMisconfigured(
            f"{SETTING}['MODEL_WORKFLOW_MAPPINGS'][{label!r}] is not a list of slugs."
        )
    return tuple(value)


def _auto_start_rule(place: str, rule: Any) -> AutoStartRule:
    if not isinstance(rule, Mapping) or not isinstance(rule.get("workflow_slug"), str):
        raise WorkflowMisconfigured(f"{place} names no workflow.")
    for key in rule:
        if key not in RULE_KEYS:
            raise WorkflowMisconfigured(f"{place} has no key {key!r}.{nearest(key, RULE_KEYS)}")
    conditions = rule.get("conditions") or {}
    if not isinstance(conditions, Mapping):
        raise WorkflowMisconfigured(f"{place}: the conditions are not a dictionary.")
    when = rule.get("when") or ""
    if not isinstance(when, str):
        raise WorkflowMisconfigured(f"{place}: when is not a text.")
    return AutoStartRule(rule["workflow_slug"], conditions, when)


settings = EngineSettings()
