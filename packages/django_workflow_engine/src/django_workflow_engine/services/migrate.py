"""Move objects that are under way to another version of their template."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from approval_workflow.exceptions import ApprovalError, Conflict
from django_workflow_engine.choices import AttachmentStatus
from django_workflow_engine.definition import (
    PlaceDefinition,
    WorkflowDefinition,
    compile_definition,
    definition_of,
)
from django_workflow_engine.exceptions import PlacesNotMapped, UnknownVersion
from django_workflow_engine.models import WorkFlow, WorkflowAttachment
from django_workflow_engine.services._move import Move, move
from django_workflow_engine.services._routes import Routes
from django_workflow_engine.services._run import write_database
from django_workflow_engine.services.publish import publish_version
from django_workflow_engine.services.version_list import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class MigratedAttachment:
    """What became of one object that was under way."""

    attachment_id: Any
    content_type_id: Any
    object_id: str
    from_version: int | None
    to_version: int
    # In words; empty where the object had not been started.
    place_before: str
    # Where it was left alone: where it still is.
    place_after: str
    # Steps: that stay open or to come, that were approved already, cancelled, new.
    kept: int = 0
    counted: int = 0
    cancelled: int = 0
    added: int = 0
    # Why it was left alone; empty where it was moved.
    left_alone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationReport:
    """What `migrate_running` did, or would do."""

    to_version: int
    dry_run: bool
    attachments: list[MigratedAttachment] = field(default_factory=list)

    @property
    def moved(self) -> list[MigratedAttachment]:
        return [row for row in self.attachments if not row.left_alone]

    @property
    def left_alone(self) -> list[MigratedAttachment]:
        return [row for row in self.attachments if row.left_alone]


def migrate_running(
    template: WorkFlow,
    to_version: int | Version | WorkFlow | None = None,
    mapping: Mapping[Any, Any] | None = None,
    dry_run: bool = False,
    user: Any = None,
    reason: str = "",
) -> MigrationReport:
    """Move the objects that run on other versions of the template to one of its versions.

    `to_version` is a version or its number; without it, the template as it is now. `mapping` says
    where objects go whose stage (or pipeline) the new version does not have: {old: new}, each by
    key, object, English name or "pipeline / stage". It may also name places that both have.

    Objects stay at their place, wherever it is now. Its steps become those of the new version:
    what was approved there by the same people and strategy counts, what is open and asks the same
    people stays and gets the new form, deadline and so on; see `replace_steps`. Where nothing is
    left to ask, the object goes on to the next place. Places that were approved are not asked
    again, though they come later now; places put before the one where the object is are not made
    up for. No action becomes due. Steps that somebody added by hand are cancelled.

    Each object is moved in a transaction of its own, and left alone with the reason where that
    fails, or where nothing at all would be left to ask: moving decides nothing. A dry run does the
    same and takes all of it back. Whether `user` may do this is for the caller to decide; the
    history names them, with the reason.

    Events: `steps_replaced`, `step_opened`. Raises `PlacesNotMapped` with all places that need a
    mapping, `UnknownVersion`, `WorkflowIncomplete` and `InvalidInput` before anything is written.
    """
    using = write_database()
    arguments = (template, to_version, dict(mapping or {}), user, reason)
    if not dry_run:
        return _migrate(_Plan(using, dry_run, *arguments))
    with transaction.atomic(using=using):
        report = _migrate(_Plan(using, dry_run, *arguments))
        transaction.set_rollback(True, using=using)
    return report


@dataclass
class _Plan:
    """What the caller asked for."""

    using: str
    dry_run: bool
    template: WorkFlow
    to_version: int | Version | WorkFlow | None
    mapping: dict[Any, Any]
    user: Any
    reason: str


def _migrate(plan: _Plan) -> MigrationReport:
    with transaction.atomic(using=plan.using):
        target = _target(plan)
        running = _running(plan, target)
        task = _task(plan, target, running)
    keys = list(running.order_by("pk").values_list("pk", flat=True))
    rows = [_one(plan, task, key) for key in keys]
    return MigrationReport(to_version=_number(target), dry_run=plan.dry_run, attachments=rows)


def _target(plan: _Plan) -> WorkFlow:
    wanted = plan.to_version
    if wanted is None:
        return publish_version(plan.template, plan.user)
    versions = WorkFlow.objects.using(plan.using).snapshots()
    versions = versions.filter(cloned_from_id=plan.template.cloned_from_id or plan.template.pk)
    if isinstance(wanted, Version):
        wanted = wanted.workflow
    by = {"pk": wanted.pk} if isinstance(wanted, WorkFlow) else {"version": wanted}
    found = versions.filter(**by).first()
    if found is None:
        numbers = versions.order_by("version").values_list("version", flat=True)
        raise UnknownVersion(
            _("to_version: the template '%(name)s' has no such version; it has: %(known)s.")
            % {"name": plan.template.name_en, "known": ", ".join(map(str, numbers)) or "-"}
        )
    return found


def _running(plan: _Plan, target: WorkFlow) -> Any:
    return (
        WorkflowAttachment.objects.using(plan.using)
        .open()
        .filter(workflow__cloned_from_id=target.cloned_from_id)
        .exclude(workflow=target)
    )


def _task(plan: _Plan, target: WorkFlow, running: Any) -> Move:
    """What is the same for all objects; raises `PlacesNotMapped` where a goal is missing."""
    definition = compile_definition(target.pk, plan.using)
    standing = list(
        running.order_by("workflow__version")
        .values("workflow_id", "workflow__version", "status", *STANDS_AT)
        .annotate(objects=Count("pk"))
    )
    sources = {
        key: compile_definition(key, plan.using)
        for key in dict.fromkeys(row["workflow_id"] for row in standing)
    }
    routes = Routes(definition, plan.mapping, sources.values())
    errors: dict[str, str] = {}
    for row in standing:
        place = _place(sources[row["workflow_id"]], row)
        if place is not None and routes.goal(place) is None:
            label = _("version %(version)s, %(place)s") % {
                "version": row["workflow__version"],
                "place": place.label,
            }
            errors[label] = _("Objects here: %(number)s. The new version does not have it.") % {
                "number": row["objects"]
            }
    if errors:
        raise PlacesNotMapped(errors)
    numbers = {row["workflow_id"]: row["workflow__version"] for row in standing}
    return Move(plan.using, target, routes, numbers, plan.user, plan.reason)


STANDS_AT = ("current_stage_id", "current_pipeline_id")


def _place(definition: WorkflowDefinition, row: Mapping[str, Any]) -> PlaceDefinition | None:
    if row["status"] == AttachmentStatus.NOT_STARTED:
        return None
    stands = {name: row[name] for name in STANDS_AT}
    return definition.current(
        WorkflowAttachment(status=row["status"], started_at=timezone.now(), **stands)
    )


def _one(plan: _Plan, task: Move, key: Any) -> MigratedAttachment:
    try:
        with transaction.atomic(using=plan.using):
            moved = move(task, key)
            transaction.set_rollback(plan.dry_run, using=plan.using)
    except ApprovalError as error:
        return _left_alone(plan, task, key, str(error))
    places = {"place_before": moved.before, "place_after": moved.after}
    return _row(task, moved.attachment, moved.version_before, **places, **moved.steps)


def _left_alone(plan: _Plan, task: Move, key: Any, reason: str) -> MigratedAttachment:
    attachment = WorkflowAttachment.objects.using(plan.using).select_related("workflow").get(pk=key)
    place = definition_of(attachment).current(attachment)
    label = place.label if place is not None else ""
    return _row(
        task,
        attachment,
        attachment.workflow.version,
        place_before=label,
        place_after=label,
        left_alone=reason,
    )


def _row(
    task: Move, attachment: WorkflowAttachment, version_before: int | None, **values: Any
) -> MigratedAttachment:
    return MigratedAttachment(
        attachment_id=attachment.pk,
        content_type_id=attachment.content_type_id,
        object_id=attachment.object_id,
        from_version=version_before,
        to_version=_number(task.target),
        **values,
    )


def _number(version: WorkFlow) -> int:
    if version.version is None:
        raise Conflict(_("This is no version of a template."))
    return version.version
