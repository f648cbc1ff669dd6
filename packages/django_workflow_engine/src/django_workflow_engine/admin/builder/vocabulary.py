"""What the builder's fields offer, read once for all forms of a page."""

import json
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from functools import cached_property
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from approval_workflow.choices import (
    ApprovalType,
    RejectionPolicy,
    RoleSelectionStrategy,
    TimeoutAction,
)
from approval_workflow.conf import settings as approval_settings
from approval_workflow.strategies import Strategy, all_strategies
from approval_workflow.strategies.hierarchy import Hierarchy
from approval_workflow.types import StepSpec
from django_workflow_engine.action_handlers import (
    call_function,
    call_webhook,
    send_approval_notification,
    send_delegation_notification,
    send_email,
    send_rejection_notification,
    send_resubmission_notification,
    send_stage_move_notification,
    set_field,
)
from django_workflow_engine.actions.defaults import DEFAULTS, HANDLERS
from django_workflow_engine.admin.builder.objects import in_order, label_of, model_of, names_of
from django_workflow_engine.choices import ActionExecutionMode, ApprovalTypes
from django_workflow_engine.conf import settings
from django_workflow_engine.function_paths import registered_names

Choices = list[tuple[str, str]]
# Choices in groups with a heading; a choice without a group stands by itself.
GroupedChoices = list[tuple[str, "str | Choices"]]

# The choice that stands for a function named by its path.
OTHER_FUNCTION = ""

EMAIL_FUNCTIONS = {
    f"{HANDLERS}.{function.__name__}": function
    for function in (
        send_approval_notification,
        send_rejection_notification,
        send_resubmission_notification,
        send_delegation_notification,
        send_stage_move_notification,
        send_email,
    )
}
# What the other actions that come with the engine are called by.
WEBHOOK = f"{HANDLERS}.{call_webhook.__name__}"
SET_FIELD = f"{HANDLERS}.{set_field.__name__}"
CALL_FUNCTION = f"{HANDLERS}.{call_function.__name__}"
BUILT_IN_FUNCTIONS = (WEBHOOK, SET_FIELD, CALL_FUNCTION)

# A list of more than this is no help; the key is asked for instead.
MOST_LISTED = 200


class Vocabulary:
    """Choices for the forms of one page, for one person. Nothing is read before it is needed."""

    def __init__(
        self,
        site: AdminSite,
        request: HttpRequest,
        *,
        may_edit_actions: bool = True,
        blank_rows: bool = False,
    ) -> None:
        self.site = site
        self.may_edit_actions = may_edit_actions
        # Whether there is an empty row at each place, for browsers without scripts.
        self.blank_rows = blank_rows
        # The codes of the workflow's stages, as routes name them, with the names of the stages.
        self.stage_codes: Choices = []
        # The empty row of each kind, as it was drawn.
        self.template_rows: dict[str, SafeString] = {}
        # Fields as they were drawn, without their names; by all that makes them look different.
        self.drawn_fields: dict[Hashable, list[str]] = {}
        self._request = request
        # Names by kind and key; empty for what is not there.
        self._names: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._listed: dict[str, Choices | None] = {}

    @cached_property
    def kinds(self) -> Choices:
        """Who can be asked: roles and departments only where the project has them."""
        without_roles = approval_settings.role_model is None
        labels = {
            ApprovalTypes.ROLE: _("People with a role"),
            ApprovalTypes.USER: _("One person"),
            ApprovalTypes.SELF: _("Whoever made the request"),
            ApprovalTypes.ASSIGNED: _("People whom the object names"),
            ApprovalTypes.TEAM_HEAD: _("The superior of whoever made the request"),
            ApprovalTypes.DEPARTMENT_HEAD: _("The head of the department"),
        }
        left_out = {
            *([ApprovalTypes.ROLE] if without_roles else []),
            *([] if _has_departments() else [ApprovalTypes.DEPARTMENT_HEAD]),
        }
        return [(kind.value, label) for kind, label in labels.items() if kind not in left_out]

    @cached_property
    def strategies(self) -> Choices:
        """The strategies in the order in which the core lists them, then those of the project."""
        order = list(RoleSelectionStrategy.values)
        known = sorted(all_strategies(), key=lambda found: _position(found.value, order))
        return [(strategy.value, str(strategy.label)) for strategy in known]

    @cached_property
    def fields_of_strategies(self) -> Mapping[str, frozenset[str]]:
        """The fields that each strategy asks for besides, by its value."""
        return {strategy.value: _fields_of(strategy) for strategy in all_strategies()}

    @cached_property
    def resolvers(self) -> Choices:
        """The functions that find people for an object."""
        return [(name, name) for name in settings.assignment_resolvers]

    @cached_property
    def secrets(self) -> Choices:
        """The names of the secrets that webhooks are signed with."""
        return [(name, name) for name in settings.webhook_secrets]

    @property
    def has_forms(self) -> bool:
        return approval_settings.dynamic_form_model is not None

    @cached_property
    def step_kinds(self) -> Choices:
        """What can be asked for: something to submit only where the project has forms."""
        return [
            (value, label)
            for value, label in _choices(ApprovalType)
            if self.has_forms or value != ApprovalType.SUBMIT
        ]

    @cached_property
    def rejection_policies(self) -> Choices:
        return _choices(RejectionPolicy)

    @cached_property
    def timeout_actions(self) -> Choices:
        return _choices(TimeoutAction)

    @cached_property
    def executions(self) -> Choices:
        return [("", _("As the project is set up")), *_choices(ActionExecutionMode)]

    @cached_property
    def recipients(self) -> Choices:
        return list(recipient_labels().items())

    @cached_property
    def functions(self) -> GroupedChoices:
        """The functions that can be picked: those that come with the engine, and any other."""
        names: GroupedChoices = [
            (_("E-mails"), list(email_labels().items())),
            (_("Other actions"), list(built_in_labels().items())),
        ]
        registered = [(name, name) for name in registered_names()]
        if registered:
            names.append((_("Functions of this project"), registered))
        return [*names, (OTHER_FUNCTION, _("Another function…"))]

    @cached_property
    def job_functions(self) -> Choices:
        """What a stage can wait for: the functions that have names, and any other."""
        return [*((name, name) for name in registered_names()), (OTHER_FUNCTION, _("By its path…"))]

    @cached_property
    def listed_functions(self) -> set[str]:
        return {*EMAIL_FUNCTIONS, *BUILT_IN_FUNCTIONS, *registered_names()}

    @property
    def usual_emails(self) -> str:
        """The e-mail that is usual for each event, as JSON for scripts."""
        return json.dumps({event: f"{HANDLERS}.{name}" for event, (name, _to) in DEFAULTS.items()})

    @property
    def makes_default_actions(self) -> bool:
        """Whether new workflows get actions by themselves."""
        return settings.auto_create_actions

    @cached_property
    def people_can_be_searched(self) -> bool:
        """Whether the admin of users answers searches of this person's browser."""
        if self.blank_rows:
            return False
        try:
            model_admin = self.site.get_model_admin(get_user_model())
        except NotRegistered:
            return False
        request = self._request
        return bool(
            model_admin.get_search_fields(request) and model_admin.has_view_permission(request)
        )

    def remember(self, keys: Mapping[str, Iterable[Any]]) -> None:
        """Read the names of these objects, by kind: one statement for each kind."""
        for kind, named in keys.items():
            new = {str(key) for key in named} - self._names[kind].keys()
            found = names_of(model_of(kind), new)
            self._names[kind] |= {key: found.get(key, "") for key in new}

    def name(self, kind: str, key: Any) -> str:
        """Return the name of an object, or an empty string when there is none with this key."""
        if str(key) not in self._names[kind]:
            self.remember({kind: [key]})
        return self._names[kind][str(key)]

    def listed(self, kind: str) -> Choices | None:
        """Return all objects of a kind for a plain list, or None where they are too many."""
        if kind not in self._listed:
            model = model_of(kind)
            rows = (
                [] if model is None else in_order(model._default_manager.all())[: MOST_LISTED + 1]
            )
            choices = [(str(row.pk), label_of(row)) for row in rows]
            self._listed[kind] = choices if len(choices) <= MOST_LISTED else None
        return self._listed[kind]


def email_labels() -> dict[str, str]:
    """Return what the built-in e-mails are called, by the path of their function."""
    labels = (
        _("E-mail: approved"),
        _("E-mail: rejected"),
        _("E-mail: sent back"),
        _("E-mail: delegated"),
        _("E-mail: moved to another stage"),
        _("E-mail: any other"),
    )
    return dict(zip(EMAIL_FUNCTIONS, labels, strict=True))


def built_in_labels() -> dict[str, str]:
    """Return what the other actions of the engine are called, by the path of their function."""
    labels = (_("Tell another system (webhook)"), _("Set a field"), _("Call a function"))
    return dict(zip(BUILT_IN_FUNCTIONS, labels, strict=True))


def function_label(path: str) -> str:
    """Return what a function is called: the engine's own by name, others by their path."""
    return {**email_labels(), **built_in_labels()}.get(path, path)


def recipient_labels() -> Mapping[str, str]:
    """Return the words that stand for recipients, and what they mean."""
    return {
        "creator": _("who made the request"),
        "current_approver": _("who is asked now"),
        "delegated_to": _("who took over"),
        "workflow_starter": _("who started the workflow"),
    }


def _choices(vocabulary: Any) -> Choices:
    return [(str(value), str(label)) for value, label in vocabulary.choices]


def _fields_of(strategy: Strategy) -> frozenset[str]:
    """What a strategy complains of without, and what it can do without."""
    step = StepSpec(step=1, role_selection_strategy=strategy.value)
    fields = set(strategy.validate(step))
    if strategy.needs_role:
        fields.add("user_role")
    if isinstance(strategy, Hierarchy):
        fields.add("hierarchy_base_user")
    if "dynamic_source" in fields:
        fields.add("quorum_count")
    return frozenset(fields)


def _has_departments() -> bool:
    """Whether somebody's department can be found: of the pipeline, or of who asks."""
    if settings.department_model is not None:
        return True
    return hasattr(get_user_model(), settings.user_department_field)


def _position(value: str, order: list[str]) -> int:
    return order.index(value) if value in order else len(order)
