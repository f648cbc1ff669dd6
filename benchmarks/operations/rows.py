"""Rows of the core as they are compared, and as they are written by hand."""

from collections.abc import Iterable, Mapping, Sequence
from json import dumps
from typing import Any

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from benchmarks.driver import Driver

FLOW = ApprovalFlow._meta.db_table
STEP = ApprovalInstance._meta.db_table
EVENT = ApprovalEvent._meta.db_table
# In place of a digest of the history: as long as one.
DIGEST = "0" * 64

_FLOW_FIELDS = ("status", "is_open", "version", "history_length", "started_by_id")
_STEP_FIELDS = ("step_number", "status", "assigned_to_id", "action_user_id", "closed_in_version")
_EVENT_FIELDS = ("sequence", "kind", "actor_id", "from_status", "to_status")


def stored(flow_key: Any) -> list[Any]:
    """What a flow has left in the database, without keys and times."""
    flow = ApprovalFlow.objects.get(pk=flow_key)
    found = [tuple(getattr(flow, name) for name in _FLOW_FIELDS), len(flow.history_digest)]
    for rows, fields in (
        (flow.instances.order_by("step_number", "pk"), _STEP_FIELDS),
        (flow.events.order_by("sequence"), _EVENT_FIELDS),
    ):
        found += [(*(getattr(row, name) for name in fields), _times(row)) for row in rows]
    return found


def _times(row: Any) -> list[str]:
    """Which of the row's times are set."""
    names = ("created_at", "started_at", "acted_at", "updated_at", "due_at")
    return [name for name in names if getattr(row, name, None) is not None]


def insert(
    driver: Driver,
    table: str,
    columns: Iterable[str],
    rows: Sequence[Iterable[Any]],
    *,
    returning: str = "",
) -> Driver:
    """Insert rows in one statement."""
    names = list(columns)
    line = f"({', '.join(['%s'] * len(names))})"
    sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES {', '.join([line] * len(rows))}"
    if returning:
        sql += f" RETURNING {returning}"
    return driver.run(sql, *(value for row in rows for value in row))


def step_values(flow: Any, number: int, person: Any, now: Any, *, current: bool) -> dict[str, Any]:
    """The columns that have no default in the database, and those that say something."""
    return {
        "flow_id": flow,
        "step_number": number,
        "round": 1,
        "status": "current" if current else "pending",
        "approval_type": "approve",
        "assigned_to_id": person,
        "role_selection_strategy": "",
        "dynamic_source": "",
        "allow_higher_level": True,
        "rejection_policy": "first",
        "exclude_starter": False,
        "exclude_deciders": False,
        "parallel_group": "",
        "parallel_required": True,
        "extra_fields": "{}",
        "escalation_level": 0,
        "timeout_action": "",
        "comment": "",
        "created_at": now,
        "started_at": now if current else None,
        "updated_at": now,
    }


def tell(driver: Driver, *events: Mapping[str, Any]) -> None:
    """Insert events in one statement; columns that are left out are empty."""
    empty = dict.fromkeys(("instance_id", "actor_id"))
    texts = {"comment": "", "from_status": "", "to_status": "", "digest": DIGEST}
    rows = [{**empty, **texts, **event, "data": dumps(event["data"])} for event in events]
    columns = sorted(rows[0])
    insert(driver, EVENT, columns, [[row[name] for name in columns] for row in rows])
