"""One approval: who is asked, for what, and by which rules. Judged by its shape alone.

    {
        "approval_type": "ROLE" | "USER" | "SELF" | "ASSIGNED" | "TEAM_HEAD" | "DEPARTMENT_HEAD",

        # ROLE: who of the role, and the numbers that the strategy asks for.
        "user_role": key of a role,
        "role_selection_strategy": value,        # "anyone" when left out
        "quorum_count": number,                  # ASSIGNED has this too
        "percentage_required": number,
        "hierarchy_levels": number,
        "hierarchy_base_user": key of a user,
        "dynamic_source": text,
        # USER
        "approval_user": key of a user,
        # ASSIGNED: one of the two.
        "assigned_field": path on the object, such as "project.owner" or "reviewers",
        "assigned_resolver": name in ASSIGNMENT_RESOLVERS,

        # All kinds.
        "required_form": key of a form,
        "step_approval_type": "approve" | "submit" | "check_in_verify" | "move",
        "allow_higher_level": bool,
        "rejection_policy": "first" | "out_of_reach",
        "exclude_starter": bool,                 # separation of duties
        "exclude_deciders": bool,
        "parallel_group": text,                  # see below
        "parallel_required": bool,
        "sla_duration": ISO 8601 duration or seconds,
        "timeout_action": "escalate" | "delegate" | "approve" | "reject",
        "timeout_delegate_to": key of a user,
        "max_escalation_level": number,
        "extra_fields": object,                  # kept with the step for the project
    }

Approvals are asked for one after the other. Those that follow each other and have a
`parallel_group` run side by side, as long as no group comes again: a group that does begins the
next step.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from approval_workflow.choices import (
    ApprovalType,
    RejectionPolicy,
    RoleSelectionStrategy,
    TimeoutAction,
)
from approval_workflow.exceptions import nearest
from django_workflow_engine.choices import ApprovalTypes
from django_workflow_engine.schemas import values
from django_workflow_engine.schemas.values import Unusable, is_empty

# Keys of `extra_fields` in which the engine notes where a step belongs.
RESERVED_EXTRA = (
    "stage_id",
    "pipeline_id",
    "workflow_id",
    "approval",
    "turn",
    "assigned_resolver",
    "moved_to_department",
    "permission_stage",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KindKeys:
    """The keys that say who is asked, for one kind of approval."""

    required: tuple[str, ...] = ()
    exactly_one_of: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        return (*self.required, *self.exactly_one_of, *self.optional)


KEYS_OF_KIND: Mapping[str, KindKeys] = {
    # A role is required by the strategies that need one, which `references` knows.
    ApprovalTypes.ROLE.value: KindKeys(
        optional=(
            "user_role",
            "role_selection_strategy",
            "quorum_count",
            "percentage_required",
            "hierarchy_levels",
            "hierarchy_base_user",
            "dynamic_source",
        )
    ),
    ApprovalTypes.USER.value: KindKeys(required=("approval_user",)),
    ApprovalTypes.SELF.value: KindKeys(),
    ApprovalTypes.ASSIGNED.value: KindKeys(
        exactly_one_of=("assigned_field", "assigned_resolver"), optional=("quorum_count",)
    ),
    ApprovalTypes.TEAM_HEAD.value: KindKeys(),
    ApprovalTypes.DEPARTMENT_HEAD.value: KindKeys(),
}
# All of those, each once: keys that not every kind has.
KEYS_OF_KINDS = tuple(dict.fromkeys(key for keys in KEYS_OF_KIND.values() for key in keys.known))


def parse_approval(approval: Any, path: str, errors: dict[str, str]) -> dict[str, Any]:
    """Return the approval as it is stored; add what is wrong with it to `errors`, by path."""
    if not isinstance(approval, Mapping):
        errors[path] = _("Expected an object.")
        return {}
    refuse_unknown(approval, READERS, f"{path}.", errors)
    parsed: dict[str, Any] = {}
    for key, read in READERS.items():
        value = approval.get(key)
        if is_empty(value):
            continue
        try:
            parsed[key] = read(value)
        except Unusable as error:
            errors[f"{path}.{key}"] = str(error)
    parsed = {key: value for key, value in parsed.items() if not is_empty(value)}
    for key, message in _errors_together(parsed):
        errors.setdefault(f"{path}.{key}", message)
    if parsed.get("approval_type") == ApprovalTypes.ROLE.value:
        parsed.setdefault("role_selection_strategy", RoleSelectionStrategy.ANYONE.value)
    return parsed


def refuse_unknown(
    given: Mapping[Any, Any], known: Iterable[str], prefix: str, errors: dict[str, str]
) -> None:
    """Add an error for each key that is none, with the nearest one that is."""
    for key in given:
        if key not in known:
            errors[f"{prefix}{key}"] = _("There is no such key.") + nearest(key, known)


def _errors_together(approval: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Check the keys of one approval against each other."""
    yield from _kind_errors(approval)
    if (
        approval.get("step_approval_type") == ApprovalType.MOVE.value
        and "required_form" in approval
    ):
        yield "required_form", _("A step that only moves on takes no form.")
    yield from _deadline_errors(approval)


def _kind_errors(approval: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    kind = approval.get("approval_type")
    if kind is None:
        known = ", ".join(ApprovalTypes.values)
        yield "approval_type", _("Expected one of: %(known)s.") % {"known": known}
        return
    keys = KEYS_OF_KIND[kind]
    for key in keys.required:
        if key not in approval:
            yield key, _("This is required.")
    given = [key for key in keys.exactly_one_of if key in approval]
    if keys.exactly_one_of and len(given) != 1:
        known = ", ".join(keys.exactly_one_of)
        yield keys.exactly_one_of[0], _("Expected exactly one of: %(known)s.") % {"known": known}
    for key in KEYS_OF_KINDS:
        if key in approval and key not in keys.known:
            yield key, _("Not for an approval of type %(kind)s.") % {"kind": kind}


def _deadline_errors(approval: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    delegates = approval.get("timeout_action") == TimeoutAction.DELEGATE.value
    if delegates != ("timeout_delegate_to" in approval):
        yield (
            "timeout_delegate_to",
            _("Expected with the timeout_action 'delegate', and only then."),
        )
    if "timeout_action" in approval and "sla_duration" not in approval:
        yield "sla_duration", _("Expected: what happens at a deadline needs one.")


def _extra_fields(value: Any) -> dict[str, Any]:
    extra = values.json_object(value)
    reserved = [key for key in RESERVED_EXTRA if key in extra]
    if reserved:
        raise Unusable(
            _("These keys are the engine's own: %(keys)s.") % {"keys": ", ".join(reserved)}
        )
    return extra


# How each key of an approval is read; a reader raises `Unusable` with the message.
READERS: Mapping[str, Callable[[Any], Any]] = {
    "approval_type": values.one_of(ApprovalTypes),
    "user_role": values.key,
    "role_selection_strategy": values.lower_word,
    "quorum_count": values.count,
    "percentage_required": values.percentage,
    "hierarchy_levels": values.count,
    "hierarchy_base_user": values.key,
    "dynamic_source": values.text_of_step("dynamic_source"),
    "approval_user": values.key,
    "assigned_field": values.text_of_step("dynamic_source"),
    "assigned_resolver": values.word,
    "required_form": values.key,
    "step_approval_type": values.one_of(ApprovalType),
    "allow_higher_level": values.boolean,
    "rejection_policy": values.one_of(RejectionPolicy),
    "exclude_starter": values.boolean,
    "exclude_deciders": values.boolean,
    "parallel_group": values.text_of_step("parallel_group"),
    "parallel_required": values.boolean,
    "sla_duration": values.duration,
    "timeout_action": values.one_of(TimeoutAction),
    "timeout_delegate_to": values.key,
    "max_escalation_level": values.count,
    "extra_fields": _extra_fields,
}
