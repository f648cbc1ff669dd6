"""Why running objects do not go on, and what to do about it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from approval_workflow import roles
from approval_workflow.models import ApprovalInstance
from approval_workflow.roles import RoleRef
from approval_workflow.targets import fetch_objects, target_of
from approval_workflow.utils import explain_approvers
from django_workflow_engine.choices import AttachmentStatus, ExecutionStatus, StageKind, TaskKind
from django_workflow_engine.definition import PlaceDefinition, WorkflowDefinition, definition_of
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment
from django_workflow_engine.services._batches import in_batches
from django_workflow_engine.services.references import BATCH_SIZE, Problem


def stuck(attachments: "QuerySet[WorkflowAttachment]") -> Iterator[Problem]:
    """Yield why open attachments cannot go on: one problem for each thing to put right.

    What people have put on hold is not stuck. Rows are read in batches; only for steps whose
    people are gone it is asked one by one who may act there.
    """
    for batch in in_batches(attachments.select_related("flow", "content_type"), BATCH_SIZE):
        fetch_objects(batch, "target", "content_type")
        found = _Found.of(batch, attachments.db)
        for attachment in batch:
            for message in found.messages(attachment):
                yield Problem(name_of_attachment(attachment), message)


def name_of_attachment(attachment: WorkflowAttachment) -> str:
    return _("Attachment %(key)s (%(model)s %(object)s)") % {
        "key": attachment.pk,
        "model": f"{attachment.content_type.app_label}.{attachment.content_type.model}",
        "object": attachment.object_id,
    }


@dataclass(frozen=True)
class _Found:
    """What some attachments wait for: open visits, open steps, tasks."""

    visits: dict[Any, list[StageRun]]
    steps: dict[Any, list[ApprovalInstance]]
    tasks: dict[Any, list[ActionExecution]]
    # Flows with a step whose person is gone, or has lost the role.
    doubtful: set[Any]

    @classmethod
    def of(cls, attachments: Sequence[WorkflowAttachment], using: str) -> "_Found":
        visits = StageRun.objects.using(using).filter(attachment__in=attachments, left_at=None)
        flows = [row.flow_id for row in attachments if row.flow_id is not None]
        steps = ApprovalInstance.objects.using(using).filter(flow__in=flows).current()
        open_steps = list(steps.select_related("assigned_to").in_order())
        open_visits = list(visits)
        tasks = ActionExecution.objects.using(using).filter(
            visit__in=open_visits,
            status__in=(*ExecutionStatus.unfinished(), ExecutionStatus.DEAD),
        )
        return cls(
            visits=_by("attachment_id", open_visits),
            steps=_by("flow_id", open_steps),
            tasks=_by("visit_id", tasks.order_by("pk")),
            doubtful=_doubtful(open_steps),
        )

    def messages(self, attachment: WorkflowAttachment) -> Iterator[str]:
        if target_of(attachment) is None:
            yield _("The object is gone. Cancel the workflow.")
        elif attachment.status == AttachmentStatus.ON_HOLD:
            yield from self._held(attachment)
        elif attachment.status == AttachmentStatus.IN_PROGRESS:
            yield from self._under_way(attachment)

    def _held(self, attachment: WorkflowAttachment) -> Iterator[str]:
        problems = [visit.problem for visit in self.visits[attachment.pk] if visit.problem]
        for problem in problems:
            yield _(
                "On hold: %(reason)s Put right what it names and resume the workflow, or send the"
                " object on (jump_to_stage)."
            ) % {"reason": problem}

    def _under_way(self, attachment: WorkflowAttachment) -> Iterator[str]:
        if attachment.flow is None or not attachment.flow.is_open:
            yield _(
                "It is under way, but no approval flow is open for it. Cancel it and attach it"
                " again."
            )
            return
        definition, visits = definition_of(attachment), self.visits[attachment.pk]
        if not visits:
            yield _(
                "It is under way, but at no stage. Send it to one (jump_to_stage), or restart it."
            )
        for visit in visits:
            place = _place_of(visit, definition)
            if place is None:
                yield _(
                    "It is at a stage that its version does not have. Send it to another"
                    " (jump_to_stage), or restart it."
                )
                continue
            yield from self._at(attachment, definition, place, visit)
        if attachment.flow_id in self.doubtful:
            yield from _nobody(attachment)

    def _at(
        self,
        attachment: WorkflowAttachment,
        definition: WorkflowDefinition,
        place: PlaceDefinition,
        visit: StageRun,
    ) -> Iterator[str]:
        if visit.finished_at is None and place.kind == StageKind.APPROVAL:
            steps = self.steps[attachment.flow_id]
            # Steps that name no place are the project's own: they are asked wherever it is.
            asked = [definition.named_in(step.extra_fields) or place for step in steps]
            if place not in asked:
                yield _(
                    "It is under way, but no step waits for anybody at '%(stage)s'. Skip the stage,"
                    " or send the object there again (jump_to_stage)."
                ) % {"stage": place.label}
        elif visit.finished_at is not None or place.kind != StageKind.STATUS:
            yield from self._task(place, visit)

    def _task(self, place: PlaceDefinition, visit: StageRun) -> Iterator[str]:
        tasks = [row for row in self.tasks[visit.pk] if row.action_type in TASKS]
        if not tasks:
            yield _(
                "It waits at '%(stage)s', but nothing is due there. Skip the stage, or send the"
                " object there again (jump_to_stage)."
            ) % {"stage": place.label}
        elif all(row.status == ExecutionStatus.DEAD for row in tasks):
            yield _(
                "The job of '%(stage)s' failed for good: %(error)s Mend it and run execution"
                " %(key)s again, or skip the stage."
            ) % {
                "stage": place.label,
                "error": tasks[-1].error.partition("\n")[0],
                "key": tasks[-1].pk,
            }


# By what a visit of a job or a timer is left.
TASKS = (TaskKind.JOB, TaskKind.TIMER, TaskKind.CONTINUE)


def _nobody(attachment: WorkflowAttachment) -> Iterator[str]:
    """Yield the steps in which nobody may act, each with its reason and what can be done."""
    by_step = defaultdict(list)
    for found in explain_approvers(attachment.flow):  # type: ignore[arg-type]
        by_step[found.instance.step_key].append(found)
    for explanations in by_step.values():
        if not any(found.permission for found in explanations):
            first = explanations[0]
            yield _("Step %(step)s waits for %(person)s: %(reason)s") % {
                "step": first.instance.step_number,
                "person": first.user,
                "reason": first.permission.reason,
            }


def _doubtful(steps: Iterable[ApprovalInstance]) -> set[Any]:
    holders: dict[RoleRef, set[Any]] = {}
    found = set()
    for step in steps:
        role = RoleRef.of_step(step)
        if role is not None and role not in holders:
            holders[role] = set(roles.holders(role).values_list("pk", flat=True))
        lost = role is not None and step.assigned_to_id not in holders[role]
        if lost or step.assigned_to is None or not step.assigned_to.is_active:
            found.add(step.flow_id)
    return found


def _place_of(visit: StageRun, definition: WorkflowDefinition) -> PlaceDefinition | None:
    return definition.named_in(
        {
            "stage_id": visit.stage_id,
            "pipeline_id": visit.pipeline_id,
            "workflow_id": definition.id,
        }
    )


def _by(field: str, rows: Iterable[Any]) -> "defaultdict[Any, list[Any]]":
    grouped: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[getattr(row, field)].append(row)
    return grouped
