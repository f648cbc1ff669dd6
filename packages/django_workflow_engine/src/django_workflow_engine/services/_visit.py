"""The visit that an object is on, and the places that it has passed in any version."""

from dataclasses import dataclass

from approval_workflow.choices import ApprovalStatus, EventKind
from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from django_workflow_engine.choices import StageOutcome
from django_workflow_engine.definition import PlaceDefinition, WorkflowDefinition
from django_workflow_engine.models import StageRun, WorkflowAttachment

# What a place has that is not to be done once more.
FOR_GOOD = (StageOutcome.APPROVED, StageOutcome.APPROVED_BY_RULE, StageOutcome.DONE)


@dataclass(frozen=True)
class Visit:
    """The visit that the object is on: its round, and the number that its steps begin with."""

    round: int
    since: int

    @classmethod
    def of(
        cls, flow: ApprovalFlow, definition: WorkflowDefinition, place: PlaceDefinition, using: str
    ) -> "Visit":
        rows = ApprovalInstance.objects.using(using).filter(flow=flow)
        steps = list(rows.values_list("round", "step_number", "status", "extra_fields"))
        last = max(number for number, *_rest in steps)
        present = [(step, status, extra) for number, step, status, extra in steps if number == last]
        began = [step for step, _status, extra in present if definition.named_in(extra) == place]
        began += _told(flow, definition, place, last, using)
        # Steps that name no place are not the engine's: what is open counts.
        opened = [step for step, status, _extra in present if status == ApprovalStatus.CURRENT]
        return cls(last, min(began or opened))


def _told(
    flow: ApprovalFlow,
    definition: WorkflowDefinition,
    place: PlaceDefinition,
    round_number: int,
    using: str,
) -> list[int]:
    """Where the visit began by the history, if the object was moved during it before.

    Steps that were decided before that name their place as it was in the version before.
    """
    events = ApprovalEvent.objects.using(using).filter(flow=flow, kind=EventKind.STEPS_REPLACED)
    data = events.order_by("-sequence").values_list("data", flat=True).first() or {}
    noted = data.get("details", {}).get("place", {})
    same_visit = data.get("round") == round_number and definition.named_in(noted) == place
    return [data["since"]] if same_visit else []


def passed_places(
    old: WorkflowDefinition,
    before: PlaceDefinition | None,
    attachment: WorkflowAttachment,
    using: str,
) -> set[str]:
    """Return the places that were approved for good: the object was not sent back before them."""
    if before is None:
        return set()
    visits = StageRun.objects.using(using).filter(attachment=attachment, outcome__in=FOR_GOOD)
    columns = ("stage_id", "stage__cloned_from_id", "pipeline_id", "pipeline__cloned_from_id")
    approved = {
        f"stage:{template_stage or stage}" if stage else f"pipeline:{template_pipeline or pipeline}"
        for stage, template_stage, pipeline, template_pipeline in visits.values_list(*columns)
    }
    earlier = {place.template_key for place in old.places[: old.position(before.id)]}
    return (approved & earlier) | set(attachment.passed_places)


def still_to_come(
    definition: WorkflowDefinition, goal: PlaceDefinition, passed: set[str]
) -> list[str]:
    """Return those of the passed places that come after the goal."""
    later = definition.places[definition.position(goal.id) + 1 :]
    return [place.template_key for place in later if place.template_key in passed]
