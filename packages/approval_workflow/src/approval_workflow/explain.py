"""Who may act on a flow now, and why. The answers are those of `permissions.can_act`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from typing import Any, cast

from django.utils.translation import gettext as _

from approval_workflow import roles
from approval_workflow.choices import ApprovalStatus
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.permissions import Facts, can_act, tally_of
from approval_workflow.queries import StepTally, substitutes_of, voters
from approval_workflow.roles import RoleRef
from approval_workflow.strategies import strategy_of
from approval_workflow.types import Permission


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether a person may act on an open step, and why or why not."""

    instance: ApprovalInstance
    user: Any
    permission: Permission


def explain_approvers(flow: ApprovalFlow) -> list[Explanation]:
    """Return, for each open step of the flow, the people concerned and what they may do.

    For each person asked: that person, who stands in for them, and who is above them in the role
    tree. Who got the role of a step for anybody since it opened is named with its first row. People
    asked who may not act (any more, or while the flow is on hold) are listed with the reason; where
    nobody may act in a step, it says so too, and what can be done.
    """
    rows = list(flow.instances.asked().select_related("assigned_to").in_order())
    for row in rows:
        row.flow = flow
    return list(_Reading(flow, rows).explain())


class _Reading:
    """What is known about the open steps of one flow; each thing is read once."""

    def __init__(self, flow: ApprovalFlow, rows: list[ApprovalInstance]) -> None:
        self.rows = rows
        people = [row.assigned_to for row in rows]
        self.substitutes = substitutes_of(people, flow.content_type_id)
        self.facts: dict[Any, Facts] = {}
        self.tallies: dict[Any, tuple[StepTally, set[Any]]] = {}
        self.seniors: dict[Any, list[Any]] = {}

    def explain(self) -> Iterator[Explanation]:
        for _step, rows in groupby(self.rows, key=attrgetter("step_key")):
            found = list(self._of_step(list(rows)))
            yield from map(_waiting_for_a_manager, found) if _is_stuck(found) else found

    def _of_step(self, rows: list[ApprovalInstance]) -> Iterator[Explanation]:
        for row in rows:
            newcomers = self._new_holders(row) if row is rows[0] else ()
            people = {person.pk: person for person in (*self._concerned(row), *newcomers)}
            for person in people.values():
                permission = self._permission(row, person)
                if permission or person.pk == row.assigned_to_id:
                    yield Explanation(row, person, permission)

    def _concerned(self, row: ApprovalInstance) -> Iterable[Any]:
        yield row.assigned_to
        yield from self.substitutes.get(row.assigned_to_id, ())
        if row.allow_higher_level:
            yield from self._seniors_of(row.assigned_to)

    def _new_holders(self, row: ApprovalInstance) -> Iterable[Any]:
        """The holders of the role of a step for anybody who have no row there."""
        role = RoleRef.of_step(row)
        if role is None or not strategy_of(row).admits_new_holders:
            return []
        asked = [other.assigned_to_id for other in self.rows if other.step_key == row.step_key]
        return roles.holders(role).exclude(pk__in=asked).order_by("pk")

    def _permission(self, row: ApprovalInstance, person: Any) -> Permission:
        facts = self.facts.setdefault(person.pk, Facts(person))
        return can_act(row, person, tally=self._tally(row, person), facts=facts)

    def _tally(self, row: ApprovalInstance, person: Any) -> StepTally | None:
        if not row.has_strategy:
            return None
        if row.step_key not in self.tallies:
            self.tallies[row.step_key] = (tally_of(row, None), voters(row))
        tally, cast_by = self.tallies[row.step_key]
        return replace(tally, cast_by_user=person.pk in cast_by)

    def _seniors_of(self, person: Any) -> list[Any]:
        """Who is above the person in the role tree, the nearest first."""
        if not roles.knows_seniority():
            return []
        keys = roles.role_keys(person)
        if keys not in self.seniors:
            self.seniors[keys] = list(_holders_above(person))
        return self.seniors[keys]


def _is_stuck(found: list[Explanation]) -> bool:
    """Whether nobody may act in the step, although its flow is not on hold."""
    on_hold = any(item.instance.status == ApprovalStatus.ON_HOLD for item in found)
    return not on_hold and not any(item.permission for item in found)


def _waiting_for_a_manager(found: Explanation) -> Explanation:
    """Add to the refusal of somebody asked what becomes of a step in which nobody may act."""
    reason = _("%(reason)s Nobody can act in this step now: a manager can reassign it.")
    words = reason % {"reason": found.permission.reason}
    return replace(found, permission=replace(found.permission, reason=words))


def _holders_above(person: Any) -> Iterable[Any]:
    for role in roles.roles_of(person):
        for ancestor in cast("Any", role).get_ancestors(ascending=True):
            yield from roles.holders(RoleRef.of(ancestor)).order_by("pk")
