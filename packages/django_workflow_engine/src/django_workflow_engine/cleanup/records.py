"""One workflow that has run, with all that a clean-up deletes of it, as plain data.

Keys are as in the database; of models there are the labels, of people the user names besides, so
that the record can be read when the rows that they lead to are gone.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import islice
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import F, ForeignKey, JSONField, Model
from django.db.models.functions import Coalesce
from django.utils.duration import duration_iso_string

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment

# Grows when records become different.
FORMAT = 1
# Workflows that are in memory at a time.
CHUNK = 100

Row = dict[str, Any]

# The parts of a record that are lists.
LISTS: Mapping[str, type[Model]] = {
    "stage_runs": StageRun,
    "executions": ActionExecution,
    "instances": ApprovalInstance,
    "events": ApprovalEvent,
}

# Names besides the keys: versions of templates are deleted when nothing uses them any more.
WORKFLOW_NAMES = {
    "workflow_name": F("workflow__name_en"),
    "workflow_version": F("workflow__version"),
    "template_id": Coalesce(F("workflow__cloned_from_id"), F("workflow_id")),
    "template_slug": Coalesce(F("workflow__cloned_from__slug"), F("workflow__slug")),
}
VISIT_NAMES = {
    "stage_name": F("stage__name_en"),
    "pipeline_name": Coalesce(F("stage__pipeline__name_en"), F("pipeline__name_en")),
}


def records_of(keys: Iterable[Any], using: str) -> Iterator[Row]:
    """Yield the record of each attachment with one of these keys, in their order."""
    rest = iter(keys)
    while chunk := list(islice(rest, CHUNK)):
        yield from _records(chunk, using)


def digest_of_record(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 digest (hex) of a record, without the one that is in it."""
    content = {name: value for name, value in record.items() if name != "digest"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def row_from(model: type[Model], data: Mapping[str, Any]) -> Any:
    """Return the unsaved row that was written so.

    Raises `KeyError`, `TypeError`, `ValueError` or `ValidationError` for what cannot be one.
    """
    values = {}
    for field in model._meta.concrete_fields:
        target = field.target_field if isinstance(field, ForeignKey) else field
        values[field.attname] = target.to_python(data[field.attname])
    return model(**values)


def _records(keys: Sequence[Any], using: str) -> Iterator[Row]:
    attachments = _rows(WorkflowAttachment, using, {"pk__in": keys}, WORKFLOW_NAMES)
    flow_ids = [row["flow_id"] for row in attachments if row["flow_id"] is not None]
    of_attachments, of_flows = {"attachment__in": keys}, {"flow__in": flow_ids}
    visits = _by(_rows(StageRun, using, of_attachments, VISIT_NAMES), "attachment_id")
    executions = _by(_rows(ActionExecution, using, of_attachments), "attachment_id")
    flows = _by(_rows(ApprovalFlow, using, {"pk__in": flow_ids}), "id")
    instances = _by(_rows(ApprovalInstance, using, of_flows), "flow_id")
    events = _by(_rows(ApprovalEvent, using, of_flows), "flow_id")
    parts = [
        {
            "attachment": row,
            "stage_runs": visits[row["id"]],
            "executions": executions[row["id"]],
            "flow": next(iter(flows[row["flow_id"]]), None),
            "instances": instances[row["flow_id"]],
            "events": sorted(events[row["flow_id"]], key=lambda event: event["sequence"]),
        }
        for row in attachments
    ]
    people = [_people_in(part) for part in parts]
    names = _user_names(set().union(*people), using)
    for part, its in zip(parts, people, strict=True):
        yield _record(part, {key: names[key] for key in sorted(its & names.keys())})


def _record(part: Row, people: Mapping[str, str]) -> Row:
    record = {
        "format": FORMAT,
        "attachment": _plain(WorkflowAttachment, part["attachment"]),
        "flow": part["flow"] and _plain(ApprovalFlow, part["flow"]),
        **{name: [_plain(model, row) for row in part[name]] for name, model in LISTS.items()},
        "people": people,
    }
    return {**record, "digest": digest_of_record(record)}


def _rows(
    model: type[Model],
    using: str,
    condition: Mapping[str, Any],
    names: Mapping[str, Any] | None = None,
) -> list[Row]:
    rows = model._base_manager.using(using).filter(**condition).order_by("pk")
    return list(rows.values(*_columns(model), **(names or {})))


@cache
def _columns(model: type[Model]) -> Mapping[str, Any]:
    """The fields of a model by the names of their columns."""
    return {field.attname: field for field in model._meta.concrete_fields}


@cache
def _columns_of_people(model: type[Model]) -> Sequence[str]:
    user = get_user_model()
    return [name for name, field in _columns(model).items() if field.related_model is user]


def _by(rows: Iterable[Row], column: str) -> Mapping[Any, list[Row]]:
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[column]].append(row)
    return found


def _people_in(part: Row) -> set[str]:
    """The keys of all users that the rows name, as text."""
    rows = [(WorkflowAttachment, part["attachment"]), (ApprovalFlow, part["flow"] or {})]
    rows += [(model, row) for name, model in LISTS.items() for row in part[name]]
    return {
        str(row[name])
        for model, row in rows
        for name in _columns_of_people(model)
        if row.get(name) is not None
    }


def _user_names(keys: Iterable[str], using: str) -> dict[str, str]:
    users = get_user_model()._default_manager.using(using).filter(pk__in=keys)
    return {str(user.pk): user.get_username() for user in users}


def _plain(model: type[Model], row: Row) -> Row:
    """The row as JSON can hold it; names that are no columns are kept as they are."""
    plain = dict(row)
    for name, field in _columns(model).items():
        value = row[name]
        if value is None or isinstance(field, JSONField):
            continue
        if field.related_model is ContentType:
            plain[f"{field.name}_label"] = _label(value)
        plain[name] = _plain_value(value)
    return plain


def _plain_value(value: Any) -> Any:
    if isinstance(value, bool | int | float | str):
        # Members of enumerations are texts too.
        return value
    if isinstance(value, timedelta):
        return duration_iso_string(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def _label(content_type_id: Any) -> str:
    """Content types are remembered by Django, so this takes no statement of its own."""
    found = ContentType.objects.get_for_id(content_type_id)
    return f"{found.app_label}.{found.model}"
