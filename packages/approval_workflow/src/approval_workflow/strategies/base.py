"""The base of all strategies."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from approval_workflow.choices import RejectionPolicy
from approval_workflow.exceptions import ApprovalMisconfigured
from approval_workflow.roles import RoleRef, holders
from approval_workflow.types import Decision, StepRules, StepSpec, Votes


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody who is asked. People with the same `voice` answer together: one of them is enough.

    Without a voice everybody answers for themselves.
    """

    user: Any
    voice: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """What a strategy sees when a step opens: the flow, the step, its role and who is left out."""

    flow: Any
    step: Any
    role: RoleRef | None
    # Keys of people who may not act in this step (separation of duties).
    excluded: frozenset[Any] = frozenset()

    def holders(self) -> QuerySet[Any]:
        """The eligible users who hold the role now, in a stable order."""
        return holders(self.require_role()).exclude(pk__in=self.excluded).order_by("pk")

    def require_role(self) -> RoleRef:
        """The step's role; raise `ApprovalMisconfigured` when it has none."""
        if self.role is None:
            raise ApprovalMisconfigured(f"Step {self.step.step_number} needs an assigned_role.")
        return self.role

    def is_eligible(self, user: Any) -> bool:
        """Whether this user is active and not left out."""
        return bool(user.is_active) and user.pk not in self.excluded

    @property
    def base_user(self) -> Any:
        """The person whose superiors are asked: the step's base user, else who started the flow.

        As stored now: the object that the caller handed in may remember another manager or role.
        """
        key = self.step.hierarchy_base_user_id or self.flow.started_by_id
        return get_user_model()._default_manager.filter(pk=key).first()


class Strategy(ABC):
    """How several people answer a step together.

    Subclasses say who is asked (`select`) and how many approvals are needed (`needed`); both must
    not write to the flow.
    """

    value: ClassVar[str]
    label: ClassVar[str | Promise]
    # Whether the step must have a role.
    needs_role: ClassVar[bool] = True
    # Whether those asked count only while they hold the role.
    bound_to_role: ClassVar[bool] = True
    # Whether somebody who got the role after the step opened may act all the same.
    admits_new_holders: ClassVar[bool] = False

    def validate(self, step: StepSpec) -> dict[str, str]:
        """Return what is wrong with the step's numbers: {key: message}, empty when all is well."""
        return {}

    def ask(self, selection: Selection) -> Sequence[Asked]:
        """Return who is asked, with their voices; empty means that nobody is eligible."""
        return [Asked(user) for user in self.select(selection)]

    def preview(self, selection: Selection) -> Sequence[Asked]:
        """Return who might be asked, without recording a turn: all from whom one is picked."""
        return self.ask(selection)

    @abstractmethod
    def select(self, selection: Selection) -> Sequence[Any]:
        """Return the users who are asked; an empty answer means that nobody is eligible."""

    @abstractmethod
    def needed(self, electorate: int, rules: StepRules) -> int:
        """Return how many approvals satisfy the step when `electorate` voices may vote."""

    def decide(self, votes: Votes, rules: StepRules) -> Decision:
        """Return what the votes mean; as soon as the outcome is certain it is told."""
        needed = self.needed(votes.electorate, rules)
        counts = {"approved": votes.approved, "needed": needed}
        if votes.rejected and rules.rejection_policy == RejectionPolicy.FIRST:
            return Decision.rejected(_("The first rejection rejects."))
        if votes.approved >= needed:
            return Decision.approved(_("%(approved)s of %(needed)s approvals.") % counts)
        # Voters who left are no rejection: without one, the step waits for somebody to be named.
        if votes.rejected and votes.approved + votes.open < needed:
            return Decision.rejected(_("%(needed)s approvals cannot be reached any more.") % counts)
        return Decision.open(_("%(approved)s of %(needed)s approvals.") % counts)
