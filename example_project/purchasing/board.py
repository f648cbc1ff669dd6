"""What the front page shows of the running workflows."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.urls import reverse

from approval_workflow.models import ApprovalInstance
from django_workflow_engine.choices import AttachmentStatus
from django_workflow_engine.models import WorkflowAttachment
from purchasing.catalogue import KINDS, KINDS_BY_MODEL
from purchasing.models import User

SHOWN = 12


@dataclass(frozen=True)
class Asked:
    """Somebody whose decision is awaited."""

    name: str
    is_reader: bool


@dataclass(frozen=True, kw_only=True)
class RunningItem:
    """One object on its way; `url` is empty where the reader may not look at it."""

    title: str
    kind: str
    pipeline: str
    stage: str
    color: str
    asked: list[Asked]
    url: str

    @property
    def waits_for_reader(self) -> bool:
        return any(person.is_reader for person in self.asked)


def running_items(reader: Any) -> list[RunningItem]:
    """Return the workflows that run, those that wait for the reader first, then the newest."""
    attachments = list(
        WorkflowAttachment.objects.filter(status=AttachmentStatus.IN_PROGRESS)
        .select_related("current_stage", "current_pipeline")
        .prefetch_related("target")
        .order_by("-pk")[:SHOWN]
    )
    asked = _asked_by_flow(attachments)
    addresses = _addresses([attachment.target for attachment in attachments], reader)
    items = [
        _item(attachment, asked.get(attachment.flow_id, []), addresses, reader)
        for attachment in attachments
        if attachment.target
    ]
    return sorted(items, key=lambda item: not item.waits_for_reader)


def _asked_by_flow(attachments: list[WorkflowAttachment]) -> dict[int | None, list[User]]:
    flows = [attachment.flow_id for attachment in attachments]
    steps = ApprovalInstance.objects.current().filter(flow__in=flows, assigned_to__isnull=False)
    asked: dict[int | None, list[User]] = {}
    for step in steps.select_related("assigned_to").in_order():
        asked.setdefault(step.flow_id, []).append(step.assigned_to)
    return asked


def _addresses(objects: list[Model | None], reader: Any) -> dict[Model, str]:
    """Where the reader may look at each object; who is not signed in is asked to there."""
    shown = [obj for obj in objects if obj is not None]
    if reader.is_authenticated:
        visible = {obj for kind in KINDS.values() for obj in _visible(kind.slug, shown, reader)}
        shown = [obj for obj in shown if obj in visible]
    return {
        obj: reverse("item-page", args=[KINDS_BY_MODEL[type(obj)].slug, obj.pk]) for obj in shown
    }


def _visible(slug: str, objects: list[Model], reader: Any) -> list[Model]:
    keys = [obj.pk for obj in objects if KINDS_BY_MODEL[type(obj)].slug == slug]
    return list(KINDS[slug].visible_to(reader).filter(pk__in=keys)) if keys else []


def _item(
    attachment: WorkflowAttachment, people: list[User], addresses: dict[Model, str], reader: Any
) -> RunningItem:
    return RunningItem(
        title=str(attachment.target),
        kind=str(attachment.target._meta.verbose_name),
        pipeline=str(attachment.current_pipeline or ""),
        stage=str(attachment.current_stage or ""),
        color=_color(attachment),
        asked=[Asked(user.get_full_name(), user == reader) for user in people],
        url=addresses.get(attachment.target, ""),
    )


def _color(attachment: WorkflowAttachment) -> str:
    stage = attachment.current_stage
    return str(stage.stage_info.get("color", "")) if stage else ""
