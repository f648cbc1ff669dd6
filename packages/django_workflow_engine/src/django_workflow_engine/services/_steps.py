"""From the approvals of a place to the steps that the core is given."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.choices import RoleSelectionStrategy
from approval_workflow.conf import settings as approval_settings
from approval_workflow.exceptions import NobodyEligible
from approval_workflow.statements import Select, reads_all_rows
from django_workflow_engine.approvers import (
    ASSIGNMENT_RESOLVER,
    DEPARTMENT_HEAD,
    RESOLVER_KEY,
    requester_of,
)
from django_workflow_engine.choices import ApprovalTypes
from django_workflow_engine.definition import (
    NO_APPROVALS,
    ApprovalDefinition,
    PlaceDefinition,
    WorkflowDefinition,
)
from django_workflow_engine.exceptions import WorkflowIncomplete

# Key in a step's `extra_fields` that says which approval of its place it is, counted from 0.
APPROVAL_KEY = "approval"
# In stages that run side by side: the turn in which the approval is asked for, counted from 1.
TURN_KEY = "turn"
# Their tracks are called "<code>.<visit>.<turn>", and one part more where a turn has several.

Step = dict[str, Any]


class Case:
    """What steps are built for: the object, and who started the workflow.

    Both are functions, asked when an approval needs them.
    """

    def __init__(self, target: Callable[[], Model | None], starter: Callable[[], Any]) -> None:
        self._target = target
        self._starter = starter

    @cached_property
    def requester(self) -> Any:
        """Who created the object, else who started the workflow; None where nobody is known."""
        return requester_of(self._target(), self._starter)


@dataclass(frozen=True, slots=True)
class Named:
    """The objects that approvals name, by the text of their key."""

    roles: Mapping[str, Model]
    users: Mapping[str, Any]
    forms: Mapping[str, Model]

    @classmethod
    def by(cls, approvals: Iterable[ApprovalDefinition]) -> "Named":
        """Read what the approvals name: at most one statement for each kind of object."""
        items = list(approvals)
        people = (
            key for item in items for key in (item.user_id, item.base_user_id, item.timeout_user_id)
        )
        return cls(
            roles=_fetch(approval_settings.role_model, (item.role_id for item in items)),
            users=_fetch(get_user_model(), people),
            forms=_fetch(approval_settings.dynamic_form_model, (item.form_id for item in items)),
        )


class Gone(Exception):
    """Something that an approval names is not there any more."""


def build_steps(place: PlaceDefinition, case: Case, *, after: int = 0) -> list[Step]:
    """Return the approvals of a place as step dictionaries, numbered on from `after`.

    Raises `WorkflowIncomplete` when a role, user or form named there is gone or nobody is named,
    and `NobodyEligible` when an approval is for one person who is not there; both say where.
    """
    if not place.approvals:
        raise WorkflowIncomplete({place.label: str(NO_APPROVALS[place.level])})
    named = Named.by(place.approvals)
    errors: dict[str, str] = {}
    steps = []
    for index in range(len(place.approvals)):
        try:
            steps.append(build_step(place, index, case, named))
        except Gone as error:
            errors[approval_label(place, index)] = str(error)
    if errors:
        raise WorkflowIncomplete(errors)
    return _numbered(steps, after)


def first_steps(place: PlaceDefinition, case: Case, *, visit: int, after: int = 0) -> list[Step]:
    """Return what is asked at first where an object comes to a place; see `steps_of_turn`."""
    if not place.group:
        return build_steps(place, case, after=after)
    return steps_of_turn(place, case, 1, visit=visit, after=after)


def steps_of_turn(
    place: PlaceDefinition, case: Case, turn: int, *, visit: int, after: int
) -> list[Step]:
    """Return the approvals of a place in a branch whose turn it is, as tracks of one number.

    `visit`: how often the object has been there; the tracks of each visit have names of their own.
    """
    if turn > len(place.approvals):
        return []
    return [
        {
            **step,
            "step": after + 1,
            "parallel_group": _track(place, visit, turn, step),
            "extra_fields": {**step["extra_fields"], TURN_KEY: turn},
        }
        for step in build_steps(place, case)
        if step["step"] == turn
    ]


def build_step(place: PlaceDefinition, index: int, case: Case, named: Named) -> Step:
    """Return one approval of a place as a step dictionary without a number.

    Raises `Gone` and `NobodyEligible`.
    """
    approval = place.approvals[index]
    asked = ASKED[approval.kind](approval, case, named)
    if "assigned_to" in asked and not getattr(asked["assigned_to"], "is_active", False):
        raise NobodyEligible(
            _("%(approval)s: there is nobody who can be asked.")
            % {"approval": approval_label(place, index)},
            place=place.label,
        )
    extra = {**approval.extra_fields, **asked.pop("extra_fields", {})}
    return {
        **_rules(approval, named),
        **asked,
        "extra_fields": {**extra, **place.step_keys, APPROVAL_KEY: index},
    }


def approval_label(place: PlaceDefinition, index: int) -> str:
    """Return where an approval is, as errors name it."""
    return f"{place.label}, approvals[{index}]"


def step_label(definition: WorkflowDefinition, extra_fields: Mapping[str, Any]) -> str:
    """Return where the approval of a step is, by what the step notes; empty where it does not."""
    place, index = definition.named_in(extra_fields), extra_fields.get(APPROVAL_KEY)
    return "" if place is None or index is None else approval_label(place, index)


def _rules(approval: ApprovalDefinition, named: Named) -> Step:
    """What the step of an approval of any kind has."""
    return {
        "approval_type": approval.step_approval_type,
        "form": _found(named.forms, approval.form_id),
        "allow_higher_level": approval.allow_higher_level,
        "rejection_policy": approval.rejection_policy,
        "exclude_starter": approval.exclude_starter,
        "exclude_deciders": approval.exclude_deciders,
        "parallel_group": approval.parallel_group,
        "parallel_required": approval.parallel_required,
        "sla_duration": approval.sla_duration,
        "timeout_action": approval.timeout_action,
        "timeout_delegate_to": _found(named.users, approval.timeout_user_id),
        "max_escalation_level": approval.max_escalation_level,
    }


def _by_role(approval: ApprovalDefinition, _case: Case, named: Named) -> Step:
    return {
        "assigned_role": _found(named.roles, approval.role_id),
        "role_selection_strategy": approval.strategy,
        "quorum_count": approval.quorum_count,
        "percentage_required": approval.percentage_required,
        "hierarchy_levels": approval.hierarchy_levels,
        "hierarchy_base_user": _found(named.users, approval.base_user_id),
        "dynamic_source": approval.dynamic_source,
    }


def _by_user(approval: ApprovalDefinition, _case: Case, named: Named) -> Step:
    return {"assigned_to": _found(named.users, approval.user_id)}


def _by_requester(_approval: ApprovalDefinition, case: Case, _named: Named) -> Step:
    return {"assigned_to": case.requester}


def _by_assignment(approval: ApprovalDefinition, _case: Case, _named: Named) -> Step:
    """All who are found must approve, or `quorum_count` of them."""
    if approval.assigned_field:
        return {
            "role_selection_strategy": RoleSelectionStrategy.DYNAMIC_ATTRIBUTE.value,
            "dynamic_source": approval.assigned_field,
            "quorum_count": approval.quorum_count,
        }
    return {
        "role_selection_strategy": RoleSelectionStrategy.DYNAMIC_FUNCTION.value,
        "dynamic_source": ASSIGNMENT_RESOLVER,
        "quorum_count": approval.quorum_count,
        "extra_fields": {RESOLVER_KEY: approval.assigned_resolver},
    }


def _by_team_head(_approval: ApprovalDefinition, case: Case, _named: Named) -> Step:
    return {
        "role_selection_strategy": RoleSelectionStrategy.SUPERVISOR.value,
        "hierarchy_base_user": case.requester,
    }


def _by_department_head(_approval: ApprovalDefinition, _case: Case, _named: Named) -> Step:
    return {
        "role_selection_strategy": RoleSelectionStrategy.DYNAMIC_FUNCTION.value,
        "dynamic_source": DEPARTMENT_HEAD,
    }


# Who is asked, as the keys of a step, by the kind of approval.
ASKED: Mapping[str, Callable[[ApprovalDefinition, Case, Named], Step]] = {
    ApprovalTypes.ROLE.value: _by_role,
    ApprovalTypes.USER.value: _by_user,
    ApprovalTypes.SELF.value: _by_requester,
    ApprovalTypes.ASSIGNED.value: _by_assignment,
    ApprovalTypes.TEAM_HEAD.value: _by_team_head,
    ApprovalTypes.DEPARTMENT_HEAD.value: _by_department_head,
}


def _numbered(steps: Iterable[Step], after: int) -> list[Step]:
    """Number the steps: those with a track that follow each other run side by side."""
    number, tracks = after, set[str]()
    numbered = []
    for step in steps:
        track = step["parallel_group"]
        if not track or not tracks or track in tracks:
            number, tracks = number + 1, set()
        if track:
            tracks.add(track)
        numbered.append({**step, "step": number})
    return numbered


def track_of_turn(track: str) -> str:
    """Return what the tracks of one turn of a branch begin with."""
    return ".".join(track.split(".")[:3])


def _track(place: PlaceDefinition, visit: int, turn: int, step: Step) -> str:
    track = f"{place.code}.{visit}.{turn}"
    return f"{track}.{step['extra_fields'][APPROVAL_KEY]}" if step["parallel_group"] else track


def _found(objects: Mapping[str, Any], key: Any) -> Any:
    """The object with this key, None for no key; raises `Gone` when there is none."""
    if key is None:
        return None
    try:
        return objects[str(key)]
    except KeyError:
        raise Gone(_("The role, user or form is gone.")) from None


def _fetch(model: type[Model] | None, keys: Iterable[Any]) -> dict[str, Any]:
    """The named objects by the text of their key; one statement, none when nothing is named."""
    wanted = {key for key in keys if key is not None}
    if model is None or not wanted:
        return {}
    rows = model._default_manager
    if len(wanted) == 1 and reads_all_rows(rows):
        return {str(found.pk): found for found in _by_key(model)(rows.db, key=wanted.pop())}
    return {str(found.pk): found for found in rows.filter(pk__in=wanted)}


@cache
def _by_key(model: type[Model]) -> Select[Model]:
    return Select(lambda key: model._default_manager.filter(pk=key).order_by())
