"""What the builder's fields offer, read once for all forms of a page."""

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext as _

from approval_workflow.choices import ApprovalType, RoleSelectionStrategy
from approval_workflow.conf import settings as approval_settings
from approval_workflow.strategies import Strategy, all_strategies
from approval_workflow.types import StepSpec
from django_workflow_engine.action_handlers import (
    send_approval_notification,
    send_delegation_notification,
    send_rejection_notification,
    send_resubmission_notification,
    send_stage_move_notification,
)
from django_workflow_engine.actions.defaults import DEFAULTS, HANDLERS
from django_workflow_engine.choices import ApprovalTypes
from django_workflow_engine.conf import settings
from django_workflow_engine.function_paths import registered_names

Choices = list[tuple[str, str]]
# Choices in groups with a heading; a choice without a group stands by itself.
GroupedChoices = list[tuple[str, "str | Choices"]]

# The choice that stands for a function named by its path.
OTHER_FUNCTION = ""

EMAIL_FUNCTIONS = {
    f"{function.__module__}.{function.__name__}": function
    for function in (
        send_approval_notification,
        send_rejection_notification,
        send_resubmission_notification,
        send_delegation_notification,
        send_stage_move_notification,
    )
}


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
        self._request = request
        self._people: dict[str, str] = {}

    @cached_property
    def kinds(self) -> Choices:
        """Who can be asked: roles only where the project has roles."""
        without_roles = approval_settings.role_model is None
        labels = {
            ApprovalTypes.ROLE: _("People with a role"),
            ApprovalTypes.USER: _("One person"),
        }
        return [
            (kind.value, label)
            for kind, label in labels.items()
            if not (without_roles and kind is ApprovalTypes.ROLE)
        ]

    @cached_property
    def roles(self) -> Choices:
        """All roles; those below another one are indented."""
        model = approval_settings.role_model
        if model is None:
            return []
        tree = getattr(model, "_mptt_meta", None)
        if tree is None:
            return _choices(model)
        rows = model._default_manager.order_by(tree.tree_id_attr, tree.left_attr)
        return [(str(role.pk), "— " * getattr(role, tree.level_attr) + str(role)) for role in rows]

    @cached_property
    def strategies(self) -> Choices:
        """Strategies that need nothing but a role, in the order in which the core lists them."""
        order = list(RoleSelectionStrategy.values)
        usable = [strategy for strategy in all_strategies() if _needs_no_numbers(strategy)]
        usable.sort(key=lambda found: _position(found.value, order))
        return [(strategy.value, str(strategy.label)) for strategy in usable]

    @cached_property
    def forms(self) -> Choices:
        model = approval_settings.dynamic_form_model
        return _choices(model) if model is not None else []

    @property
    def has_forms(self) -> bool:
        return approval_settings.dynamic_form_model is not None

    @cached_property
    def step_kinds(self) -> Choices:
        """What can be asked for: something to submit only where the project has forms."""
        return [
            (str(value), str(label))
            for value, label in ApprovalType.choices
            if self.has_forms or value != ApprovalType.SUBMIT
        ]

    @cached_property
    def departments(self) -> Choices:
        model = settings.department_model
        return _choices(model) if model is not None else []

    @cached_property
    def functions(self) -> GroupedChoices:
        """The functions that can be picked: e-mails, those with a name, and any other."""
        names: GroupedChoices = [(_("E-mails"), list(email_labels().items()))]
        registered = [(name, name) for name in registered_names()]
        if registered:
            names.append((_("Functions of this project"), registered))
        return [*names, (OTHER_FUNCTION, _("Another function…"))]

    @cached_property
    def listed_functions(self) -> set[str]:
        return {*EMAIL_FUNCTIONS, *registered_names()}

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

    def remember_people(self, keys: Iterable[Any]) -> None:
        """Read the names of these people in one statement."""
        self._people |= names_of(get_user_model(), keys)

    def person(self, key: Any) -> str:
        """Return the name of a person, or an empty string when there is none with this key."""
        if str(key) not in self._people:
            self.remember_people([key])
        return self._people.get(str(key), "")


def names_of(model: type[Model] | None, keys: Iterable[Any]) -> dict[str, str]:
    """Return the names of the objects with these keys, by key as text, in one statement."""
    if model is None:
        return {}
    usable = [key for key in {str(key) for key in keys} if _fits(model, key)]
    if not usable:
        return {}
    return {str(obj.pk): str(obj) for obj in model._default_manager.filter(pk__in=usable)}


def email_labels() -> dict[str, str]:
    """Return what the built-in e-mails are called, by the path of their function."""
    labels = (
        _("E-mail: approved"),
        _("E-mail: rejected"),
        _("E-mail: sent back"),
        _("E-mail: delegated"),
        _("E-mail: moved to another stage"),
    )
    return dict(zip(EMAIL_FUNCTIONS, labels, strict=True))


def recipient_labels() -> Mapping[str, str]:
    """Return the words that stand for recipients, and what they mean."""
    return {
        "creator": _("who made the request"),
        "current_approver": _("who is asked now"),
        "delegated_to": _("who took over"),
        "workflow_starter": _("who started the workflow"),
    }


def _choices(model: type[Model]) -> Choices:
    return [(str(obj.pk), str(obj)) for obj in model._default_manager.all()]


def _needs_no_numbers(strategy: Strategy) -> bool:
    """Whether a step of this strategy is complete with what an approval of a stage can say."""
    return not strategy.validate(StepSpec(step=1, role_selection_strategy=strategy.value))


def _position(value: str, order: list[str]) -> int:
    return order.index(value) if value in order else len(order)


def _fits(model: type[Model], key: str) -> bool:
    try:
        model._meta.pk.to_python(key)
    except ValidationError:
        return False
    return True
