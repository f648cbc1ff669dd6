"""Conditions of due actions, asked when their event happens."""

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.serializers.json import DjangoJSONEncoder
from django.db import router
from django.utils import timezone

from approval_workflow.exceptions import ApprovalError
from django_workflow_engine.choices import ExecutionStatus
from django_workflow_engine.conditions import answers
from django_workflow_engine.exceptions import ConditionFailed, WorkflowMisconfigured
from django_workflow_engine.expressions import Facts, WhoAndWhat, evaluate
from django_workflow_engine.models import ActionExecution, WorkflowAttachment

logger = logging.getLogger(__name__)

Answer = bool | ApprovalError


def screen(rows: Iterable[ActionExecution]) -> None:
    """Mark unsaved rows whose conditions do not hold as SKIPPED, in one statement for an object.

    A row whose conditions cannot be asked is DEAD, since trying again would not help. Rows without
    conditions cost nothing.
    """
    rows = list(rows)
    for row in rows:
        if row.when:
            _apply(row, _answer_to(row), {"when": row.when})
    for attachment, group in _by_attachment(rows):
        distinct = {_key(row.conditions): row.conditions for row in group}
        given = dict(zip(distinct, _answers(attachment, list(distinct.values())), strict=True))
        for row in group:
            _apply(row, given[_key(row.conditions)], {"conditions": dict(row.conditions)})


def _answer_to(row: ActionExecution) -> Answer:
    """Whether the row's condition in CEL holds."""
    attachment, context = row.attachment, row.context
    known = WhoAndWhat(
        target=lambda: attachment.target,
        metadata=attachment.metadata,
        form=context.get("form_data") or {},
        user=lambda: _user(context.get("user_id")),
    )
    try:
        return evaluate(row.when, Facts(known).values(row.when))
    except ConditionFailed as error:
        return error


def _user(key: Any) -> Any:
    return None if key is None else get_user_model()._default_manager.filter(pk=key).first()


def _by_attachment(
    rows: Iterable[ActionExecution],
) -> Iterable[tuple[WorkflowAttachment, list[ActionExecution]]]:
    groups: defaultdict[Any, list[ActionExecution]] = defaultdict(list)
    for row in rows:
        if row.conditions and row.status == ExecutionStatus.PENDING:
            groups[row.attachment_id].append(row)
    return [(group[0].attachment, group) for group in groups.values()]


def _key(conditions: Any) -> str:
    return json.dumps(conditions, sort_keys=True, cls=DjangoJSONEncoder)


def _answers(
    attachment: WorkflowAttachment, conditions: Sequence[Mapping[str, Any]]
) -> Sequence[Answer]:
    # By key: this way Django remembers content types.
    model = ContentType.objects.get_for_id(attachment.content_type_id).model_class()
    if model is None:
        return [WorkflowMisconfigured("The model of the object is gone.")] * len(conditions)
    # Where it is written: a replica may not have yet what this transaction has changed.
    rows = model._base_manager.using(router.db_for_write(model))
    return answers(rows.filter(pk=attachment.object_id), conditions)


def _apply(row: ActionExecution, answer: Answer, asked: dict[str, Any]) -> None:
    if answer is True:
        return
    row.finished_at = timezone.now()
    if answer is False:
        row.status = ExecutionStatus.SKIPPED
        row.result = asked
        [condition] = asked.values()
        row.error = f"The object does not satisfy the conditions: {_key(condition)}"
        return
    row.status = ExecutionStatus.DEAD
    row.error = answer.message
    logger.error(
        "Action %s of workflow attachment %s is not run: %s",
        row.function_path,
        row.attachment_id,
        answer.message,
    )
