"""Strategies that ask the people above somebody.

Levels come from the manager field (`APPROVAL_HEAD_MANAGER_FIELD`) where it is set: one person a
level. Else they come from the role tree: any holder of the ancestor role speaks for the level.
Every level must approve, with one voice.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.utils.translation import gettext as _

from approval_workflow.choices import RoleSelectionStrategy
from approval_workflow.roles import superiors
from approval_workflow.strategies.base import Asked, Selection, Strategy
from approval_workflow.types import StepRules, StepSpec


class Hierarchy(Strategy):
    """Base: the levels above the base user, who is whoever started the flow unless named."""

    needs_role = False
    bound_to_role = False
    # How many levels; None: what the step says.
    levels: ClassVar[int | None] = None
    includes_base_user: ClassVar[bool] = False

    def validate(self, step: StepSpec) -> dict[str, str]:
        if self.levels is None and step.hierarchy_levels is None:
            return {"hierarchy_levels": _("Expected how many levels up this step goes.")}
        return {}

    def ask(self, selection: Selection) -> Sequence[Asked]:
        base_user = selection.base_user
        if base_user is None:
            return []
        levels = superiors(base_user, self._levels_of(selection.step))
        if self.includes_base_user:
            levels = [[base_user], *levels]
        return _one_voice_a_level(selection, levels)

    def select(self, selection: Selection) -> Sequence[Any]:
        return [asked.user for asked in self.ask(selection)]

    def needed(self, electorate: int, rules: StepRules) -> int:
        return max(electorate, 1)

    def _levels_of(self, step: Any) -> int | None:
        return self.levels if self.levels is not None else step.hierarchy_levels


class HierarchyUp(Hierarchy):
    """The `hierarchy_levels` levels above the base user."""

    value = RoleSelectionStrategy.HIERARCHY_UP.value
    label = RoleSelectionStrategy.HIERARCHY_UP.label


class HierarchyChain(Hierarchy):
    """The base user and the `hierarchy_levels` levels above."""

    value = RoleSelectionStrategy.HIERARCHY_CHAIN.value
    label = RoleSelectionStrategy.HIERARCHY_CHAIN.label
    includes_base_user = True


class Supervisor(Hierarchy):
    """The level above the base user."""

    value = RoleSelectionStrategy.SUPERVISOR.value
    label = RoleSelectionStrategy.SUPERVISOR.label
    levels = 1


class ManagementPath(Hierarchy):
    """Every level above the base user, to the top."""

    value = RoleSelectionStrategy.MANAGEMENT_PATH.value
    label = RoleSelectionStrategy.MANAGEMENT_PATH.label

    def validate(self, step: StepSpec) -> dict[str, str]:
        return {}

    def _levels_of(self, step: Any) -> int | None:
        return None


def _one_voice_a_level(selection: Selection, levels: Sequence[Sequence[Any]]) -> list[Asked]:
    """Ask everybody once, for the lowest level that they are on."""
    asked: dict[Any, Asked] = {}
    for number, people in enumerate(levels, start=1):
        for person in people:
            if person.pk not in asked and selection.is_eligible(person):
                asked[person.pk] = Asked(person, voice=number)
    return list(asked.values())
