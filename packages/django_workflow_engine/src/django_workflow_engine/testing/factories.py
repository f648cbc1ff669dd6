"""Templates in one call, and objects at any place of them, made through models and services.

They are plain functions, which factories of a project's own can call.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Model

from approval_workflow.choices import RoleSelectionStrategy
from approval_workflow.testing.driver import FormData
from django_workflow_engine.choices import ApprovalTypes, AttachmentStatus, WorkflowStrategy
from django_workflow_engine.models import (
    Pipeline,
    Stage,
    WorkFlow,
    WorkflowAction,
    WorkflowAttachment,
)
from django_workflow_engine.services import cancel_workflow
from django_workflow_engine.testing.driver import WorkflowDriver
from django_workflow_engine.testing.standing import is_same, told

# Who is asked at one place: a user, an approval as it is stored, or a list of these.
Asked = Any


def user_approval(user: Any, **keys: Any) -> dict[str, Any]:
    """Return the approval of one person; `keys` are those of an approval."""
    return {"approval_type": ApprovalTypes.USER.value, "approval_user": user.pk, **keys}


def role_approval(
    role: Model, strategy: str = RoleSelectionStrategy.ANYONE.value, **keys: Any
) -> dict[str, Any]:
    """Return the approval of a role; `keys` are those of an approval."""
    return {
        "approval_type": ApprovalTypes.ROLE.value,
        "user_role": role.pk,
        "role_selection_strategy": strategy,
        **keys,
    }


def make_workflow(
    name: str, places: Mapping[str, Mapping[str, Asked] | Asked] | Asked, **fields: Any
) -> WorkFlow:
    """Make a template; `places` tells by its shape where people are asked.

        {"Finance": {"Check": ann, "Budget": [ben, role_approval(board)]}}   in stages
        {"Finance": ann, "Management": role_approval(board)}                 in pipelines
        [ann, role_approval(board)]                                          in the workflow itself

    Names are the English ones, in order. Who is asked is a user, an approval as it is stored, or a
    list of these, asked one after the other. `fields` are further ones of the workflow (`slug`,
    `company`). Raises `ValueError` for shapes that are mixed or unknown, and what the models raise.
    """
    strategy = _strategy_of(places)
    info = _info(places) if strategy is WorkflowStrategy.WORKFLOW else {}
    with transaction.atomic():
        workflow = WorkFlow.objects.create(
            name_en=name, strategy=strategy, workflow_info=info, **fields
        )
        if strategy is not WorkflowStrategy.WORKFLOW:
            for order, (title, content) in enumerate(places.items(), start=1):
                _make_pipeline(workflow, title, order, content)
    workflow.refresh_from_db()
    return workflow


def stage_of(workflow: WorkFlow, name: str) -> Stage:
    """Return the stage of this English name; raises `Stage.DoesNotExist`."""
    return Stage.objects.get(pipeline__workflow=workflow, name_en=name)


def make_action(
    part: WorkFlow | Pipeline | Stage, event: str, function: str, **fields: Any
) -> WorkflowAction:
    """Put an action on a workflow, pipeline or stage.

    `event` is an `ActionType` or its value, `function` a dotted path or a registered name. Raises
    what saving an action raises.
    """
    level = str(part._meta.model_name)
    return WorkflowAction.objects.create(
        action_type=event, function_path=function, **{level: part, **fields}
    )


def make_attachment(
    obj: Model,
    workflow: WorkFlow,
    user: Any = None,
    *,
    at: Any = None,
    status: str = AttachmentStatus.IN_PROGRESS,
    form_data: FormData | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> WorkflowAttachment:
    """Attach a template to a saved object and bring it to where a test begins.

    Those asked approve until the object is `at` the stage, or pipeline, of this name; then the
    workflow is ended as `status` says: "completed" (all approve), "rejected" (those asked reject)
    or "cancelled". "not_started" leaves it waiting. `form_data` goes to steps with a form.
    """
    wanted = AttachmentStatus(status)
    starts = wanted is not AttachmentStatus.NOT_STARTED
    driver = WorkflowDriver.attach(obj, workflow, user, auto_start=starts, metadata=metadata)
    if at is not None:
        _bring_to(driver, at, form_data)
    return _ended(driver, wanted, form_data)


def _strategy_of(places: Any) -> WorkflowStrategy:
    if not _is_named(places):
        return WorkflowStrategy.WORKFLOW
    with_stages = {_is_named(content) for content in places.values()}
    if len(with_stages) > 1:
        raise ValueError("places: either all pipelines have stages, or none has.")
    return WorkflowStrategy.PIPELINE if with_stages == {False} else WorkflowStrategy.STAGE


def _is_named(content: Any) -> bool:
    """Whether this is a dictionary of places by name, and not a single approval."""
    return isinstance(content, Mapping) and "approval_type" not in content


def _make_pipeline(workflow: WorkFlow, name: str, order: int, content: Any) -> None:
    info = {} if _is_named(content) else _info(content)
    pipeline = Pipeline.objects.create(
        workflow=workflow, name_en=name, order=order, pipeline_info=info
    )
    if _is_named(content):
        for place, (title, asked) in enumerate(content.items(), start=1):
            Stage.objects.create(
                pipeline=pipeline, name_en=title, order=place, stage_info=_info(asked)
            )


def _info(asked: Asked) -> dict[str, Any]:
    several = isinstance(asked, Sequence) and not isinstance(asked, str)
    return {"approvals": [_approval(item) for item in (asked if several else [asked])]}


def _approval(item: Any) -> dict[str, Any]:
    if isinstance(item, Mapping):
        return dict(item)
    if isinstance(item, get_user_model()):
        return user_approval(item)
    raise ValueError(f"places: expected a user or an approval, not {item!r}.")


def _bring_to(driver: WorkflowDriver, at: Any, form_data: FormData | None) -> None:
    while True:
        attachment = driver.attachment
        if is_same(attachment.current_stage or attachment.current_pipeline, at):
            return
        if not attachment.is_open or attachment.flow_id is None:
            raise AssertionError(f"The object does not come to {at}.\n{told(driver.obj)}")
        driver.approve_stage(form_data=form_data)


def _ended(
    driver: WorkflowDriver, status: AttachmentStatus, form_data: FormData | None
) -> WorkflowAttachment:
    if status is AttachmentStatus.COMPLETED:
        return driver.approve_all(form_data=form_data)
    if status is AttachmentStatus.REJECTED:
        return driver.reject()
    if status is AttachmentStatus.CANCELLED:
        return cancel_workflow(driver.obj)
    return driver.attachment
