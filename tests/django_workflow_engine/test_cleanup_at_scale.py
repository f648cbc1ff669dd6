"""Many workflows at a time: bounded memory, short transactions, nobody who waits."""

import gc
import logging
import os
import re
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from benchmarks.copies import copy_workflow
from benchmarks.memory import peak_megabytes
from benchmarks.transactions import watched
from django_workflow_engine.choices import ExecutionStatus
from django_workflow_engine.cleanup import (
    cleanup_completed_workflow_attachments,
    deletion,
    read_archive,
)
from django_workflow_engine.models import StageRun, WorkFlow, WorkflowAttachment
from django_workflow_engine.services import act_on_object, attach_workflow_to_object
from purchasing.models import User
from tests.django_workflow_engine.past_runs import end_runs, version_of
from tests.factories import PurchaseRequestFactory, UserFactory, by_user, make_workflow

logger = logging.getLogger(__name__)

# In whole batches. `CLEANUP_WORKFLOWS=100000 pytest --log-cli-level=INFO …` tells what many take.
NUMBER = int(os.environ.get("CLEANUP_WORKFLOWS", "2000"))
# Statements for a batch of 1,000, at most.
DELETING, ARCHIVING = 13, 83

DELETED = f"DELETE FROM {WorkflowAttachment._meta.db_table}"  # noqa: S608
CLEAN = cleanup_completed_workflow_attachments
TABLES = (WorkflowAttachment, StageRun, ApprovalFlow, ApprovalInstance, ApprovalEvent)


@pytest.fixture
def ann() -> User:
    return UserFactory.create()


@pytest.fixture
def template(ann: User) -> WorkFlow:
    return make_workflow([[by_user(ann)]])


@contextmanager
def measured() -> Iterator[Callable[[], int]]:
    """Yield a function that tells the peak of memory inside the block, in bytes."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.django_db
@pytest.mark.parametrize("archived", [False, True])
def test_memory_depends_on_the_batch_and_not_on_how_many_there_are(
    template: WorkFlow,
    ann: User,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    archived: bool,
) -> None:
    purge, peaks = deletion.purge_flows, []

    def purge_tidily(flows: Any) -> Any:
        # What is garbage already must not count; when Python looks for it is its own affair.
        gc.collect()
        return purge(flows)

    monkeypatch.setattr(deletion, "purge_flows", purge_tidily)
    # The first run loads what is loaded once.
    for number in (100, 500, 2000):
        end_runs(version_of(template), ann, number, action=ExecutionStatus.DONE)
        with measured() as peak:
            counts = CLEAN(0, batch_size=100, archive=tmp_path if archived else None)
            peaks.append(peak())
        assert counts["attachments_deleted"] == counts["executions_deleted"] == number
    assert peaks[2] < 1.25 * peaks[1], peaks


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_longer_than_a_batch(template: WorkFlow, ann: User) -> None:
    end_runs(version_of(template), ann, 25)
    with CaptureQueriesContext(connection) as seen:
        CLEAN(0, batch_size=10)
    deleted = [0]
    for query in seen:
        if query["sql"].startswith(("BEGIN", "START TRANSACTION")):
            deleted.append(0)
        elif query["sql"].startswith("DELETE") and "_workflowattachment" in query["sql"]:
            deleted[-1] += len(re.findall(r"\d+", query["sql"].partition(" IN ")[2]))
    assert [number for number in deleted if number] == [10, 10, 5]


@pytest.mark.django_db(transaction=True)
@pytest.mark.contention
class TestOthers:
    """Those who work at the same time."""

    @pytest.mark.parametrize("model", [ApprovalFlow, WorkflowAttachment])
    def test_what_somebody_has_locked_is_left_for_the_next_time(
        self, template: WorkFlow, ann: User, model: type[Model]
    ) -> None:
        long_ago = timezone.now() - timedelta(days=40)
        rows = end_runs(version_of(template), ann, 5, ended=long_ago)
        # MariaDB goes through the whole of a table to delete most of its rows.
        end_runs(version_of(template), ann, 300)
        locked, done = threading.Event(), threading.Event()

        def hold() -> None:
            with transaction.atomic():
                key = rows[2].flow_id if model is ApprovalFlow else rows[2].pk
                list(model._base_manager.select_for_update().filter(pk=key))
                locked.set()
                done.wait(timeout=10)
            connections.close_all()

        holder = threading.Thread(target=hold)
        holder.start()
        assert locked.wait(timeout=10)
        try:
            promised = CLEAN(dry_run=True)
            assert CLEAN()["attachments_deleted"] == promised["attachments_deleted"] == 4
        finally:
            done.set()
            holder.join()
        assert list(WorkflowAttachment.objects.filter(completed_at=long_ago)) == [rows[2]]
        assert CLEAN()["attachments_deleted"] == 1

    def test_people_decide_while_a_batch_is_being_deleted(
        self, template: WorkFlow, ann: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        objects = PurchaseRequestFactory.create_batch(3)
        for obj in objects[:2]:
            attach_workflow_to_object(obj, template, user=ann)
        end_runs(version_of(template), ann, 5)
        purge, statuses = deletion.purge_flows, []

        def decide() -> None:
            statuses.append(act_on_object(objects[0], "approved", ann).status)
            statuses.append(act_on_object(objects[1], "rejected", ann).status)
            statuses.append(attach_workflow_to_object(objects[2], template, user=ann).status)
            connections.close_all()

        def purge_and_wait(flows: Any) -> Any:
            purged = purge(flows)
            person = threading.Thread(target=decide)
            person.start()
            person.join(timeout=10)
            # Not after the batch: the transaction is still open.
            assert statuses == ["completed", "rejected", "in_progress"]
            return purged

        monkeypatch.setattr(deletion, "purge_flows", purge_and_wait)
        # The two that were just decided belong to the next run: this one looks at its batch once.
        assert CLEAN(0)["attachments_deleted"] == 5


@pytest.mark.scale
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("archived", [False, True], ids=["deleted", "archived and deleted"])
def test_however_many_there_are_each_batch_takes_the_same(
    template: WorkFlow,
    ann: User,
    tmp_path: Path,
    archived: bool,
) -> None:
    (one,) = end_runs(version_of(template), ann, 1)
    copy_workflow(one, NUMBER - 1)
    before, promised = peak_megabytes(), CLEAN(0, dry_run=True)
    begun = time.perf_counter()
    with watched() as transactions:
        counts = CLEAN(0, archive=tmp_path if archived else None)
    seconds, grown = time.perf_counter() - begun, peak_megabytes() - before
    batches = [one for one in transactions if one.rows[DELETED]]
    logger.info(
        "%s workflows in %.1f s, the longest transaction %.2f s, %s MB more at the peak",
        *(NUMBER, seconds, max(batch.seconds for batch in batches), grown),
    )
    assert counts == promised
    assert {counts[f"{name}_deleted"] for name in ("attachments", "flows", "events")} == {NUMBER}
    assert [model._base_manager.count() for model in TABLES] == [0] * len(TABLES)
    assert [batch.rows[DELETED] for batch in batches] == [1000] * (NUMBER // 1000)
    (statements,) = {batch.statements for batch in batches}
    assert statements <= (ARCHIVING if archived else DELETING)
    if archived:
        (file,) = tmp_path.iterdir()
        objects = {record["attachment"]["object_id"] for record in read_archive(file)}
        assert len(objects) == NUMBER
