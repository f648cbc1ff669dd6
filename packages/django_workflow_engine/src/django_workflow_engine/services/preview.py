"""Say who would be asked for an object, without starting anything."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.exceptions import ApprovalError
from approval_workflow.services import preview_steps
from django_workflow_engine.choices import StageKind
from django_workflow_engine.definition import (
    ApprovalDefinition,
    PlaceDefinition,
    compile_definition,
)
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.services._steps import Case, Gone, Named, build_step


@dataclass(frozen=True, slots=True)
class ApproverPreview:
    """Who would be asked in one approval of a place, how many of them must approve, and why.

    Where one of several is picked when the step opens, `people` are all of them. Nobody: `needed`
    is 0 and `reason` says what is wrong.
    """

    place: PlaceDefinition
    # None where the place has no approvals.
    approval: ApprovalDefinition | None
    people: tuple[Any, ...]
    needed: int
    reason: str


def preview_approvers(workflow: WorkFlow, obj: Model, user: Any = None) -> list[ApproverPreview]:
    """Return who would be asked if `user` attached the workflow, as it is stored, to the object.

    One entry for each approval, in order, place by place; a place without approvals has one entry
    that says so. Answers are those of now: later steps look for their people when they open.
    Nothing is written. Raises `InvalidConfiguration` for stored configuration that cannot be read.
    """
    definition = compile_definition(workflow.pk)
    named = Named.by(approval for place in definition.places for approval in place.approvals)
    case = Case(lambda: obj, lambda: user)
    return [
        preview
        for place in definition.places
        for preview in preview_place(place, obj, case, named, user)
    ]


def preview_place(
    place: PlaceDefinition, obj: Model, case: Case, named: Named, user: Any
) -> Iterator[ApproverPreview]:
    """Yield who would be asked at one place; nobody at one that waits for something else."""
    if place.kind != StageKind.APPROVAL:
        return
    if not place.approvals:
        yield ApproverPreview(place, None, (), 0, _("Nobody is asked here yet."))
    for index, approval in enumerate(place.approvals):
        try:
            step = {**build_step(place, index, case, named), "step": index + 1}
            [shown] = preview_steps(obj, [step], user)
        except (ApprovalError, Gone) as error:
            yield ApproverPreview(place, approval, (), 0, str(error))
        else:
            yield ApproverPreview(place, approval, shown.people, shown.needed, shown.reason)
