"""The ways that objects can take through a definition, and what is wrong with them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.translation import gettext as _

from approval_workflow.exceptions import nearest
from django_workflow_engine.definition.parts import PlaceDefinition, RouteDefinition
from django_workflow_engine.definition.workflow import WorkflowDefinition

# Where a way can lead to: a place, or None for the end.
Goals = list[PlaceDefinition | None]


def ways_errors(definition: WorkflowDefinition) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with codes, routes and groups: the label of a place, and what."""
    yield from _code_errors(definition)
    broken = list(_route_errors(definition))
    yield from broken
    yield from _join_errors(definition)
    if definition.places and not broken:
        yield from _unreachable(definition)
        yield from _endless(definition)


def goals_of(definition: WorkflowDefinition, place: PlaceDefinition) -> Goals:
    """Return where an object can go from a place: by its routes, else in order.

    Routes after one without a condition are never asked. At the end of a branch it goes to what
    follows the group.
    """
    goals: Goals = []
    for route in place.routes:
        goals.append(definition.coded(route.to) if route.to else None)
        if not route.when:
            return goals
    following = definition.after(place.id)
    if following is None and place.group:
        following = definition.after_group(place.group)
    return [*goals, following]


def _code_errors(definition: WorkflowDefinition) -> Iterator[tuple[str, str]]:
    counts = Counter(place.code for place in definition.places if place.code)
    for place in definition.places:
        if counts[place.code] > 1:
            yield (
                place.label,
                _("The code '%(code)s' is that of another stage too.") % {"code": place.code},
            )


def _route_errors(definition: WorkflowDefinition) -> Iterator[tuple[str, str]]:
    known = [place.code for place in definition.places]
    for place in definition.places:
        for route in place.routes:
            message = _route_error(definition, place, route, known)
            if message is not None:
                yield place.label, message


def _route_error(
    definition: WorkflowDefinition,
    place: PlaceDefinition,
    route: RouteDefinition,
    known: Iterable[str],
) -> str | None:
    if not route.to:
        return (
            _("A route to the end leads out of a branch; branches end by joining.")
            if place.group
            else None
        )
    goal = definition.coded(route.to)
    if goal is None:
        return _("There is no stage with the code '%(code)s'.") % {"code": route.to} + nearest(
            route.to, known
        )
    if place.group and goal.branch != place.branch:
        return _("The route to '%(code)s' leads out of a branch; branches end by joining.") % {
            "code": route.to
        }
    if goal.group and not place.group and goal != first_of_group(definition, goal):
        return _(
            "The route to '%(code)s' leads into the middle of stages that run side by side."
        ) % {"code": route.to}
    return None


def first_of_group(definition: WorkflowDefinition, place: PlaceDefinition) -> PlaceDefinition:
    """Return the place that stands for all branches of the group."""
    return next(other for other in definition.places if other.group == place.group)


def _join_errors(definition: WorkflowDefinition) -> Iterator[tuple[str, str]]:
    for group in definition.groups.values():
        if group.needed > len(group.branches):
            first = next(iter(group.branches.values()))[0]
            yield (
                first.label,
                _("The join waits for %(needed)s branches, of %(branches)s.")
                % {"needed": group.needed, "branches": len(group.branches)},
            )


def _unreachable(definition: WorkflowDefinition) -> Iterator[tuple[str, str]]:
    reached: set[Any] = set()
    waiting = list(_entered(definition, definition.first))
    while waiting:
        place = waiting.pop()
        if place.id not in reached:
            reached.add(place.id)
            for goal in goals_of(definition, place):
                if goal is not None:
                    waiting += _entered(definition, goal, within=place.branch)
    for place in definition.places:
        if place.id not in reached:
            yield place.label, _("No way leads here.")


def _endless(definition: WorkflowDefinition) -> Iterator[tuple[str, str]]:
    """Places from which no way leads to the end."""
    ending: set[Any] = set()
    grown = True
    while grown:
        grown = False
        # From the end on, where most ways lead in order.
        for place in reversed(definition.places):
            if place.id not in ending and any(
                goal is None or goal.id in ending for goal in goals_of(definition, place)
            ):
                ending.add(place.id)
                grown = True
    for place in definition.places:
        if place.id not in ending:
            yield place.label, _("From here no way leads to the end.")


def _entered(
    definition: WorkflowDefinition, place: PlaceDefinition, *, within: str = ""
) -> Iterable[PlaceDefinition]:
    """The places at which an object is that comes here: one, or the first of each branch."""
    if not place.group or place.branch == within:
        return [place]
    return [branch[0] for branch in definition.groups[place.group].branches.values()]
