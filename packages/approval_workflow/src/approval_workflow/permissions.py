"""May this person act on this step now, and why or why not.

One rule serves everybody: `advance_flow`, `can_user_approve`, lists and explanations all ask
`can_act`.
"""

from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from approval_workflow import roles
from approval_workflow.choices import ApprovalStatus
from approval_workflow.handlers import barriers_for
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.queries import StepTally, deciders, step_tally, substituted_by
from approval_workflow.roles import RoleRef
from approval_workflow.strategies import strategy_of
from approval_workflow.types import Barrier, Permission

T = TypeVar("T")


class Facts:
    """What is read to judge steps for one person; each fact once, however many steps there are."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self._known: dict[Hashable, Any] = {}

    def holds(self, role: RoleRef) -> bool:
        return self._once(("holds", role), lambda: roles.holds(self.user, role))

    def is_above(self, junior: Any) -> bool:
        if not roles.knows_seniority():
            return False
        mine = self._once("role keys", lambda: roles.role_keys(self.user))
        theirs = roles.role_keys(junior)
        return self._once(("above", theirs), lambda: roles.any_above(mine, theirs))

    def stands_in_for(self, person_key: Any, content_type_id: Any) -> bool:
        key = ("stands in", content_type_id)
        return person_key in self._once(key, lambda: substituted_by(self.user, content_type_id))

    def barriers(self) -> list[Barrier]:
        return self._once("barriers", lambda: barriers_for(self.user))

    def deciders(self, flow: ApprovalFlow) -> set[Any]:
        return self._once(("deciders", flow.pk), lambda: deciders(flow))

    def _once(self, key: Hashable, read: Callable[[], T]) -> T:
        if key not in self._known:
            self._known[key] = read()
        found: T = self._known[key]
        return found


def can_act(
    instance: ApprovalInstance,
    user: Any,
    *,
    allow_higher_level: bool | None = None,
    tally: StepTally | None = None,
    facts: Facts | None = None,
) -> Permission:
    """Return whether `user` may act on the step, with the reason.

    `allow_higher_level` overrides the step's own value. An instance that is not saved is judged by
    its assignment alone. `tally` spares a statement to callers that have counted already, `facts`
    (of the same user) to callers who ask about several steps.
    """
    facts = facts or Facts(user)
    for refusal in _refusals(instance, facts, tally):
        if refusal is not None:
            return refusal
    seniors_may = instance.allow_higher_level if allow_higher_level is None else allow_higher_level
    permission = _judge_assignment(instance, facts, seniors_may=seniors_may)
    # Whom separation of duties keeps out cannot act through somebody else either.
    refusal = _refuse_excluded(instance, permission.on_behalf_of, facts)
    return permission if refusal is None else refusal


def can_user_approve(
    instance: ApprovalInstance, acting_user: Any, allow_higher_level: bool | None = None
) -> bool:
    """Return whether `acting_user` may act on the step.

    `allow_higher_level`: True lets people above the assigned person in the role tree act, False
    only the assigned person; not given, the step's own value holds, which is True unless the step
    says otherwise.
    """
    return can_act(instance, acting_user, allow_higher_level=allow_higher_level).allowed


def _refusals(
    instance: ApprovalInstance, facts: Facts, tally: StepTally | None
) -> Iterator[Permission | None]:
    """What speaks against it, whoever the step is assigned to; None where nothing does.

    Refusals are false, so they must not be joined by `or`.
    """
    yield _refuse_account(facts.user)
    if instance.pk is not None:
        yield _refuse_by_state(instance)
        yield _refuse_by_votes(instance, facts.user, tally)
        yield _refuse_excluded(instance, facts.user, facts)
        yield _refuse_barred(instance, facts)


def _refuse_account(user: Any) -> Permission | None:
    if user is None or not getattr(user, "is_authenticated", False):
        return _no("anonymous", _("Sign in to act on this step."))
    if not user.is_active:
        return _no("inactive", _("This account is not active."))
    return None


def _judge_assignment(instance: ApprovalInstance, facts: Facts, *, seniors_may: bool) -> Permission:
    if instance.assigned_to_id is not None and instance.assigned_to_id == facts.user.pk:
        return _as_assigned(instance, facts.user)
    if _admits_as_holder(instance, facts):
        return Permission(True, "role_holder", _("You hold the role that this step waits for."))
    if _stands_in(instance, facts):
        return _as_substitute(instance)
    if seniors_may:
        return _as_senior(instance, facts)
    return _no("not_assigned", _("This step is assigned to somebody else."))


def excluded_people(instance: ApprovalInstance, facts: Facts | None = None) -> frozenset[Any]:
    """Return the keys of those whom separation of duties keeps out of the step."""
    excluded: set[Any] = set()
    if instance.exclude_starter and instance.flow.started_by_id is not None:
        excluded.add(instance.flow.started_by_id)
    if instance.exclude_deciders:
        excluded |= (facts or Facts(None)).deciders(instance.flow)
    return frozenset(excluded)


def is_excluded(instance: ApprovalInstance, user: Any, facts: Facts | None = None) -> bool:
    """Return whether separation of duties keeps this user out of the step."""
    return user is not None and user.pk in excluded_people(instance, facts)


def counts_as_open(instance: ApprovalInstance) -> bool:
    """Return whether the row's vote is still awaited, as `tally_of` counts it in the database."""
    role, person = _binding_role(instance), instance.assigned_to
    if role is None or instance.is_taken_over:
        return True
    return person is not None and bool(person.is_active) and roles.holds(person, role)


def tally_of(instance: ApprovalInstance, user: Any) -> StepTally:
    """Count the votes of the step, as its strategy counts them."""
    return step_tally(instance, user, role=_binding_role(instance))


def _refuse_by_state(instance: ApprovalInstance) -> Permission | None:
    if instance.status == ApprovalStatus.CURRENT:
        return None
    if instance.status == ApprovalStatus.PENDING:
        return _no("not_open", _("This step's turn has not come yet."))
    if instance.status == ApprovalStatus.ON_HOLD:
        return _no("on_hold", _("This flow is on hold; nothing is decided until it is resumed."))
    return _no("already_processed", _("This step has been decided already."))


def _refuse_by_votes(
    instance: ApprovalInstance, user: Any, tally: StepTally | None
) -> Permission | None:
    if not instance.has_strategy:
        return None
    tally = tally or tally_of(instance, user)
    if tally.cast_by_user:
        return _no("already_voted", _("You have voted in this step already."))
    if tally.claimed_row not in (None, instance.pk):
        return _no("claimed", _("Somebody has taken this step for themselves."))
    return None


def _refuse_excluded(instance: ApprovalInstance, user: Any, facts: Facts) -> Permission | None:
    if instance.pk is not None and is_excluded(instance, user, facts):
        return _no(
            "separation_of_duties",
            _("Who started the flow or has decided in it may not act in this step."),
        )
    return None


def _refuse_barred(instance: ApprovalInstance, facts: Facts) -> Permission | None:
    rows = ApprovalInstance.objects.filter(pk=instance.pk)
    for barrier in facts.barriers():
        if barrier.concerns(instance) and rows.filter(barrier.condition).exists():
            return _no(barrier.code, barrier.reason)
    return None


def _stands_in(instance: ApprovalInstance, facts: Facts) -> bool:
    if instance.pk is None or instance.assigned_to_id is None:
        return False
    return facts.stands_in_for(instance.assigned_to_id, instance.flow.content_type_id)


def _as_substitute(instance: ApprovalInstance) -> Permission:
    person = instance.assigned_to
    if _has_lost_role(instance, person):
        return _no("left_role", _("The person asked does not hold the role any more."))
    return Permission(True, "substitute", _("You stand in for the person asked."), person)


def _as_assigned(instance: ApprovalInstance, user: Any) -> Permission:
    if _has_lost_role(instance, user):
        return _no("left_role", _("You do not hold the role of this step any more."))
    return Permission(True, "assigned", _("This step is assigned to you."))


def _as_senior(instance: ApprovalInstance, facts: Facts) -> Permission:
    junior, role = instance.assigned_to, RoleRef.of_step(instance)
    if junior is None:
        if role is not None and roles.is_above_role(facts.user, role):
            return Permission(True, "senior", _("Your role is above the role of this step."))
    elif facts.is_above(junior):
        if _has_lost_role(instance, junior):
            return _no("left_role", _("The person asked does not hold the role any more."))
        reason = _("Your role is above that of the person asked.")
        return Permission(True, "senior", reason, on_behalf_of=junior)
    return _no("not_assigned", _("This step is assigned to somebody else."))


def _has_lost_role(instance: ApprovalInstance, holder: Any) -> bool:
    """Whether a role step's person has left the role (who took the step over need not hold it)."""
    role = _binding_role(instance)
    if role is None or instance.is_taken_over:
        return False
    return not roles.holds(holder, role)


def _admits_as_holder(instance: ApprovalInstance, facts: Facts) -> bool:
    """Whether holding the role is enough, without a row of one's own."""
    role = RoleRef.of_step(instance)
    if role is None:
        return False
    waits_for_role = instance.assigned_to_id is None
    claimed = instance.claimed_at is not None
    if not waits_for_role and (claimed or not strategy_of(instance).admits_new_holders):
        return False
    return facts.holds(role)


def _binding_role(instance: ApprovalInstance) -> RoleRef | None:
    """The role that those asked must hold for as long as the step is open, or None."""
    return RoleRef.of_step(instance) if strategy_of(instance).bound_to_role else None


def _no(code: str, reason: str) -> Permission:
    return Permission(False, code, reason)
