"""The SQL of the page on scale is run as printed, on rows that were there before."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from approval_workflow.models import ApprovalEvent, ApprovalFlow
from approval_workflow.services import advance_flow, purge_flows, start_flow
from purchasing.models import User
from tests.factories import UserFactory
from tests.testapp.models import Document

pytestmark = [pytest.mark.scale, pytest.mark.django_db]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "scale.md"
SQL_BLOCK = re.compile(r"^```sql\n(.*?)^```", re.DOTALL | re.MULTILINE)
SETTINGS, PARTITIONS = SQL_BLOCK.findall(PAGE.read_text("utf-8"))
FLOWS = ApprovalFlow._meta.db_table
# Changing a table waits for what is checked at the end of a transaction.
AT_ONCE = "SET CONSTRAINTS ALL IMMEDIATE"


def run(sql: str) -> None:
    """Run the statements inside of the test's transaction, which takes them back."""
    with connection.cursor() as cursor:
        for statement in (AT_ONCE, *sql.split(";"), "SET CONSTRAINTS ALL DEFERRED"):
            if statement.strip() not in ("", "BEGIN", "COMMIT"):
                cursor.execute(statement)


def partitions() -> dict[str, int]:
    """How many events each partition has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text, count(*)"
            " FROM approval_workflow_approvalevent GROUP BY 1"
        )
        return dict(cursor.fetchall())


@pytest.fixture
def ann() -> User:
    return UserFactory.create()


def decided(ann: User) -> ApprovalFlow:
    """A flow that has ended."""
    document = Document.objects.create(title="x")
    flow = start_flow(document, [{"assigned_to": ann}, {"assigned_to": ann}])
    for _step in range(2):
        advance_flow(document, "approved", ann)
    return flow


def test_tables_take_the_settings(ann: User) -> None:
    decided(ann)
    run(SETTINGS)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reloptions FROM pg_class WHERE relname = 'approval_workflow_approvalflow'"
        )
        assert cursor.fetchone() == (["fillfactor=70", "autovacuum_vacuum_scale_factor=0.02"],)


def test_everything_works_on_a_partitioned_history(ann: User) -> None:
    before = decided(ann)
    events = before.events.count()
    run(PARTITIONS)
    assert partitions() == {"approval_events_1": events}
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), 1500000)", [FLOWS])
    after = decided(ann)
    assert partitions() == {"approval_events_1": events, "approval_events_2": events}
    assert list(after.events.values_list("sequence", flat=True)) == list(range(1, events + 1))
    call_command("verify_approval_history")
    run("")
    assert purge_flows(ApprovalFlow.objects.all())["events"] == 2 * events
    assert not ApprovalEvent.objects.exists()
    run("")
