"""Start a flow on an object."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.choices import EventKind, FlowStatus
from approval_workflow.exceptions import FlowAlreadyOpen, InvalidInput
from approval_workflow.models import ApprovalFlow
from approval_workflow.querysets import key_of
from approval_workflow.services._advance import held, note
from approval_workflow.services._arguments import checked_person
from approval_workflow.services._builder import build_instance
from approval_workflow.services._locking import FlowWork, write_database
from approval_workflow.services._opening import insert_steps
from approval_workflow.services._steps import parse_steps
from approval_workflow.statements import Insert
from approval_workflow.types import Continuation

_insert = Insert(ApprovalFlow)


def start_flow(
    obj: Model, steps: Sequence[Mapping[str, Any]] | Continuation, started_by: Any = None
) -> ApprovalFlow:
    """Start a flow on a saved object; its first step is current when this returns.

    `steps` is a list of dictionaries. Keys: `step` (whole number; left out, steps are numbered
    on), `assigned_to` (a user) or `assigned_role` (a role object) with `role_selection_strategy`,
    and the names of `StepSpec`. Steps with the same number and different `parallel_group` open
    together. A `Continuation` that waits starts a flow in which nobody is asked yet; see
    `continue_flow`.

    Events: `flow_started`, `step_opened` for each track that opens, `noted`, `flow_held`.
    Raises `InvalidSteps`, `FlowAlreadyOpen`, `NobodyEligible`, `InvalidInput`.
    """
    if not isinstance(obj, Model) or obj.pk is None:
        raise InvalidInput(_("A flow starts on a saved object."))
    started_by = checked_person("started_by", started_by)
    using = write_database()
    try:
        return _start(obj, steps, started_by, using)
    except IntegrityError as error:
        if ApprovalFlow.objects.using(using).for_object(obj).open().exists():
            raise FlowAlreadyOpen(_("This object has a running approval flow already.")) from error
        raise


def _start(
    obj: Model, steps: Sequence[Mapping[str, Any]] | Continuation, started_by: Any, using: str
) -> ApprovalFlow:
    with transaction.atomic(using=using):
        answer = steps if isinstance(steps, Continuation) else Continuation(steps=steps)
        specs = parse_steps(answer.steps) if answer.steps or not answer.stays_open else []
        work = FlowWork(_create_flow(obj, started_by, using), using)
        work.events.add(
            EventKind.FLOW_STARTED,
            actor=started_by,
            to_status=FlowStatus.IN_PROGRESS,
            steps=len(specs),
        )
        note(work, answer)
        if specs:
            insert_steps(work, [build_instance(work.flow, spec, round_number=1) for spec in specs])
        held(work, answer, None)
        work.save()
    return work.flow


def _create_flow(obj: Model, started_by: Any, using: str) -> ApprovalFlow:
    flow = ApprovalFlow(
        content_type=ContentType.objects.get_for_model(obj),
        object_id=key_of(obj),
        started_by=started_by,
    )
    _insert(using, [flow])
    return flow
