"""Moving one object to another version, inside a transaction.

Lock order: flow, attachment, version.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from approval_workflow.exceptions import Conflict, FlowOnHold, NothingLeftToAsk
from approval_workflow.models import ApprovalFlow
from approval_workflow.services import replace_steps
from django_workflow_engine.approvers import DEPARTMENT_HEAD, RESOLVER_KEY
from django_workflow_engine.choices import AttachmentStatus, StageKind, StageOutcome
from django_workflow_engine.definition import PlaceDefinition, definition_of
from django_workflow_engine.models import Pipeline, StageRun, WorkFlow, WorkflowAttachment
from django_workflow_engine.services._carrying import carry_over
from django_workflow_engine.services._routes import Routes
from django_workflow_engine.services._run import Run
from django_workflow_engine.services._steps import Step, build_steps
from django_workflow_engine.services._visit import Visit, passed_places, still_to_come
from django_workflow_engine.versions import hold_version

# Key in the `extra_fields` of a step whose department has become another one.
DEPARTMENT_KEY = "moved_to_department"


@dataclass(frozen=True)
class Move:
    """What is the same for all objects that are moved together."""

    using: str
    target: WorkFlow
    routes: Routes
    # Numbers of the versions that objects run on.
    numbers: Mapping[Any, int]
    user: Any
    reason: str


@dataclass
class Moved:
    """What became of one object."""

    attachment: WorkflowAttachment
    version_before: int | None
    before: str = ""
    after: str = ""
    # How many steps: kept, counted, cancelled, added.
    steps: dict[str, int] = field(default_factory=dict)


def move(task: Move, attachment_id: Any) -> Moved:
    """Move one object; raise an `ApprovalError` that says why where it has to be left alone."""
    flow, attachment = _lock(task, attachment_id)
    old = definition_of(attachment)
    moved = Moved(attachment, task.numbers.get(attachment.workflow_id))
    before = old.current(attachment)
    passed = passed_places(old, before, attachment, task.using)
    attachment.workflow, attachment.snapshot_key = task.target, task.target.key
    if before is None or flow is None:
        attachment.save(using=task.using, update_fields=["workflow", "snapshot_key"])
        return moved
    moved.before = before.label
    goal = _goal(task, before)
    _refuse_what_cannot_be_moved(attachment, before, goal)
    run = Run(attachment, task.using)
    attachment.passed_places = still_to_come(run.definition, goal, passed)
    if before.kind != StageKind.APPROVAL:
        carry_over(run, flow, before, goal, _told(task, moved, goal))
        moved.after = goal.label
        return moved
    visit = Visit.of(flow, old, before, task.using)
    after = _ask(task, run, flow, visit, goal, moved)
    _write(run, visit, before, goal, after)
    moved.after = after.label
    return moved


def _lock(task: Move, attachment_id: Any) -> tuple[ApprovalFlow | None, WorkflowAttachment]:
    attachments = WorkflowAttachment.objects.using(task.using)
    flow_id = attachments.values_list("flow_id", flat=True).get(pk=attachment_id)
    flows = ApprovalFlow.objects.using(task.using).select_for_update()
    flow = flows.filter(pk=flow_id).first()
    attachment = attachments.select_for_update().get(pk=attachment_id)
    if not attachment.is_open:
        raise Conflict(_("It has ended meanwhile."))
    if attachment.flow_id != flow_id:
        raise Conflict(_("It was started meanwhile."))
    if attachment.workflow_id == task.target.pk:
        raise Conflict(_("Somebody else has moved it meanwhile."))
    hold_version(task.target, task.using)
    return flow, attachment


def _goal(task: Move, before: PlaceDefinition) -> PlaceDefinition:
    goal = task.routes.goal(before)
    if goal is None:
        raise Conflict(
            _("It has come to '%(place)s' meanwhile, which the new version does not have.")
            % {"place": before.label}
        )
    return goal


def _refuse_what_cannot_be_moved(
    attachment: WorkflowAttachment, before: PlaceDefinition, goal: PlaceDefinition
) -> None:
    if attachment.status == AttachmentStatus.ON_HOLD:
        raise FlowOnHold(_("It is on hold; it can be moved when it is resumed."))
    if before.group:
        raise Conflict(
            _("'%(place)s' runs beside others; it can be moved when they have ended.")
            % {"place": before.label}
        )
    if goal.group:
        raise Conflict(
            _("In the new version '%(place)s' runs beside others; nothing leads into their middle.")
            % {"place": goal.label}
        )
    if before.kind != goal.kind:
        raise Conflict(
            _("It waits at '%(before)s' for something else than '%(after)s' waits for.")
            % {"before": before.label, "after": goal.label}
        )


def _told(task: Move, moved: Moved, goal: PlaceDefinition) -> dict[str, Any]:
    """What the history keeps of the move."""
    return {
        "from_version": moved.version_before,
        "to_version": task.target.version,
        "from_place": moved.before,
        "to_place": goal.label,
        "actor": task.user,
        "comment": task.reason,
    }


def _ask(
    task: Move,
    run: Run,
    flow: ApprovalFlow,
    visit: Visit,
    goal: PlaceDefinition,
    moved: Moved,
) -> PlaceDefinition:
    """Make the flow ask for what is left at the goal, else at what follows; return the place."""
    steps = _with_departments(build_steps(goal, run.case), moved.attachment, goal, task.using)
    told = _told(task, moved, goal)
    del told["actor"], told["comment"]
    arguments: dict[str, Any] = {"since": visit.since, "reason": task.reason}
    try:
        result = replace_steps(
            flow,
            steps,
            task.user,
            distinct_by=(RESOLVER_KEY, DEPARTMENT_KEY),
            details={**told, "place": goal.keys},
            **arguments,
        )
    except NothingLeftToAsk:
        following = run.following(goal)
        if following is None:
            raise Conflict(_("The new version has nothing left to ask of it.")) from None
        if goal.routes or not following.is_plain:
            raise Conflict(
                _("All of '%(place)s' is approved, and what follows there is not asked of people.")
                % {"place": goal.label}
            ) from None
        told["to_place"] = following.label
        steps = build_steps(following, run.case)
        result = replace_steps(flow, steps, task.user, afresh=True, details=told, **arguments)
        goal = following
    moved.steps = asdict(result)
    return goal


def _with_departments(
    steps: list[Step], attachment: WorkflowAttachment, goal: PlaceDefinition, using: str
) -> list[Step]:
    """Tell steps for the head of a department apart where the department is another one now."""
    if not any(step.get("dynamic_source") == DEPARTMENT_HEAD for step in steps):
        return steps
    keys = (attachment.current_pipeline_id, goal.pipeline_id)
    columns = ("pk", "department_content_type_id", "department_id")
    found = {
        key: (content_type, department)
        for key, content_type, department in Pipeline.objects.using(using)
        .filter(pk__in=[key for key in keys if key is not None])
        .values_list(*columns)
    }
    if found.get(keys[0]) == found.get(keys[1]):
        return steps
    note = {DEPARTMENT_KEY: str(found.get(keys[1]))}
    return [
        {**step, "extra_fields": {**step["extra_fields"], **note}}
        if step.get("dynamic_source") == DEPARTMENT_HEAD
        else step
        for step in steps
    ]


def _write(
    run: Run,
    visit: Visit,
    before: PlaceDefinition,
    goal: PlaceDefinition,
    after: PlaceDefinition,
) -> None:
    """Write where the object is now; the visit goes on where its place is still the same."""
    same = goal.template_key == before.template_key
    if same and after == goal:
        run.stand_at(goal)
        visits = StageRun.objects.using(run.using).filter(attachment=run.attachment, left_at=None)
        visits.update(stage_id=goal.stage_id, pipeline_id=goal.pipeline_id)
    else:
        run.leave(StageOutcome.APPROVED if same else StageOutcome.MIGRATED)
        run.enter(after, round_number=visit.round)
    run.save()
