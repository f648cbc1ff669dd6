"""The history of a flow for people and for other programs."""

import json
from typing import Any

from approval_workflow.models import ApprovalEvent, ApprovalFlow
from approval_workflow.queries import timeline
from approval_workflow.spreadsheet import as_csv

COLUMNS = (
    "sequence",
    "when",
    "event",
    "step",
    "by",
    "on_behalf_of",
    "comment",
    "from_status",
    "to_status",
    "details",
    "digest",
)


def export_history(flow: ApprovalFlow, *, form: str = "json") -> str:
    """Return the flow's history as text: "json" (a list of objects) or "csv" (with a header).

    Moments are ISO 8601 with their offset; people are their user names, or "#<key>" when the
    account is gone. Raises `ValueError` for another form.
    """
    rows = [_row(event) for event in timeline(flow)]
    if form == "json":
        return json.dumps(rows, ensure_ascii=False, indent=2)
    if form == "csv":
        return as_csv(COLUMNS, rows)
    raise ValueError(f"form: expected 'json' or 'csv', got {form!r}.")


def _row(event: ApprovalEvent) -> dict[str, Any]:
    return {
        "sequence": event.sequence,
        "when": event.created_at.isoformat(),
        "event": str(event.kind),
        "step": event.instance.step_number if event.instance else event.data.get("step"),
        "by": _name(event, "actor"),
        "on_behalf_of": _name(event, "on_behalf_of"),
        "comment": event.comment,
        "from_status": event.from_status,
        "to_status": event.to_status,
        "details": event.data,
        "digest": event.digest,
    }


def _name(event: ApprovalEvent, field: str) -> str | None:
    key = getattr(event, f"{field}_id")
    if key is None:
        return None
    person = event._state.fields_cache.get(field)
    return person.get_username() if person is not None else f"#{key}"
