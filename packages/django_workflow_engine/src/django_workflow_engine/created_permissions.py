"""The permissions that templates ask for: made, renamed and deleted with them."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models.signals import post_save

from django_workflow_engine.choices import PermissionVerb, WorkflowStrategy
from django_workflow_engine.definition.grouping import codes_of
from django_workflow_engine.models import Stage, WorkFlow, WorkflowPermission

LONGEST_CODENAME = 100
LONGEST_NAME = 255
# What a permission is called in lists; such names are English throughout Django.
NAMES: Mapping[str, str] = {
    PermissionVerb.START: "Can start {}",
    PermissionVerb.VIEW: "Can view {}",
    PermissionVerb.ACT: "Can decide in {}",
}

# Verb and key of the stage.
Place = tuple[str, Any]


def keep_permissions(workflow: WorkFlow, using: str) -> None:
    """Bring the permissions of a template up to what is stored of it.

    Those who have a permission that is renamed keep it. Names too long for the column are cut, and
    told apart by a digest.
    """
    wanted = dict(_wanted(workflow, using)) if workflow.creates_permissions else {}
    with transaction.atomic(using=using):
        rows = WorkflowPermission.objects.using(using).filter(workflow=workflow)
        known: dict[Place, Any] = {(row.verb, row.stage_id): row for row in rows}
        for place in known.keys() - wanted.keys():
            known.pop(place).delete(using=using)
        _rename(known, wanted, using)
        kind = ContentType.objects.db_manager(using).get_for_model(WorkFlow)
        for (verb, stage_id), names in wanted.items():
            if (verb, stage_id) not in known:
                WorkflowPermission.objects.using(using).create(
                    workflow=workflow, stage_id=stage_id, verb=verb, content_type=kind, **names
                )


def on_workflow_saved(
    sender: type[WorkFlow],  # noqa: ARG001
    instance: WorkFlow,
    using: str,
    raw: bool = False,
    **_kwargs: Any,
) -> None:
    """Receiver of `post_save`; templates without permissions cost nothing."""
    if not raw and (instance.creates_permissions or instance.had_permissions):
        keep_permissions(instance, using)


def connect() -> None:
    post_save.connect(
        on_workflow_saved, sender=WorkFlow, dispatch_uid="django_workflow_engine.permissions"
    )


def _wanted(workflow: WorkFlow, using: str) -> Iterator[tuple[Place, dict[str, str]]]:
    slug = workflow.slug or str(workflow.pk)
    for verb in PermissionVerb.values:
        yield (verb, None), _named(verb, slug, workflow.name_en)
    if workflow.strategy == WorkflowStrategy.STAGE:
        stages = Stage.objects.using(using).filter(pipeline__workflow=workflow)
        rows = list(stages.order_by("pipeline__order", "pipeline_id", "order", "pk"))
        codes = codes_of(rows)
        for row in rows:
            label = f"{workflow.name_en}: {row.name_en}"
            names = _named(PermissionVerb.ACT, f"{slug}:{codes[row.pk]}", label)
            yield (PermissionVerb.ACT.value, row.pk), names


def _named(verb: str, place: str, label: str) -> dict[str, str]:
    name = NAMES[verb].format(label)[:LONGEST_NAME]
    return {"codename": _fitting(f"{verb}:{place}"), "name": name}


def _fitting(codename: str) -> str:
    if len(codename) <= LONGEST_CODENAME:
        return codename
    digest = sha256(codename.encode()).hexdigest()[:8]
    return f"{codename[: LONGEST_CODENAME - len(digest) - 1]}~{digest}"


def _rename(
    known: Mapping[Place, WorkflowPermission], wanted: Mapping[Place, dict[str, str]], using: str
) -> None:
    changed = {
        place: row
        for place, row in known.items()
        if {"codename": row.codename, "name": row.name} != wanted[place]
    }
    taken = {row.codename for row in changed.values()}
    for place, row in changed.items():
        # Stages may have exchanged their codes, and no two permissions may have one name.
        if wanted[place]["codename"] in taken - {row.codename}:
            row.codename = f"renamed:{row.pk}"
            row.save(using=using, update_fields=["codename"])
    for place, row in changed.items():
        row.codename, row.name = wanted[place]["codename"], wanted[place]["name"]
        row.save(using=using, update_fields=["codename", "name"])
