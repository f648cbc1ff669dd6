"""How much room a million approvals take, table by table (PostgreSQL)."""

from collections.abc import Iterator

from django.db import connection

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from approval_workflow.services import advance_flow
from benchmarks.copies import copy_workflow
from benchmarks.operations.people import approver, new_object
from benchmarks.operations.templates import make_version
from benchmarks.single import Single
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment
from django_workflow_engine.services import attach_workflow_to_object

TABLES = (
    ApprovalFlow,
    ApprovalInstance,
    ApprovalEvent,
    WorkflowAttachment,
    StageRun,
    ActionExecution,
)
STAGES = 6


def singles() -> Iterator[Single]:
    yield Single("growth of the tables", _growth)


def _growth(quick: bool) -> Iterator[tuple[str, str]]:
    if connection.vendor != "postgresql":
        return
    workflows = 1_000 if quick else 20_000
    before = {model: _size(model) for model in TABLES}
    copy_workflow(_ended(), workflows)
    total = 0.0
    for model in TABLES:
        rows, table, indexes = (
            after - at_first for after, at_first in zip(_size(model), before[model], strict=True)
        )
        share = 1_000_000 / (workflows * STAGES)
        total += (table + indexes) * share
        found = (
            f"{rows * share:,.0f} rows; {table / rows:,.0f} bytes a row and"
            f" {indexes / rows:,.0f} in indexes; {(table + indexes) * share / 1e6:,.0f} MB"
        )
        yield f"a million approvals in {model._meta.db_table}", found
    yield "a million approvals in all", f"{total / 1e6:,.0f} MB"


def _ended() -> WorkflowAttachment:
    """A run of six stages with one approval and one action each, which has ended."""
    template = make_version(STAGES, ["after_approve"]).template
    obj = new_object()
    attachment = attach_workflow_to_object(obj, template, user=approver())
    for _stage in range(STAGES):
        advance_flow(obj, "approved", approver(), comment="As agreed with the supplier.")
    attachment.refresh_from_db()
    return attachment


def _size(model: type) -> tuple[int, int, int]:
    """Rows, bytes of the table (with what is stored beside it), bytes of its indexes."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT (SELECT count(*) FROM {table}), pg_table_size('{table}'),"
            f" pg_indexes_size('{table}')"
        )
        return cursor.fetchone()
