"""Deleting workflows that have ended. Covers D-105 to D-111, K16, K17, K21, L7."""

import random
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from approval_workflow.exceptions import InvalidInput
from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from django_workflow_engine.choices import AttachmentStatus, ExecutionStatus
from django_workflow_engine.cleanup import (
    cleanup_completed_workflow_attachments,
    get_cleanup_statistics,
    verify_archive,
)
from django_workflow_engine.cleanup.deletion import COUNTS
from django_workflow_engine.models import (
    ActionExecution,
    Stage,
    StageRun,
    WorkFlow,
    WorkflowAction,
    WorkflowAttachment,
)
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    cancel_workflow,
)
from django_workflow_engine.tasks import cleanup_workflows, run_transition
from django_workflow_engine.versions import current_snapshot
from purchasing.models import PurchaseRequest, User
from tests.contention import at_once
from tests.django_workflow_engine.past_runs import end_runs
from tests.factories import PurchaseRequestFactory, UserFactory, by_user, make_workflow, stages_of

pytestmark = pytest.mark.django_db

CLEAN = cleanup_completed_workflow_attachments


@pytest.fixture(autouse=True)
def _run_actions_at_once(settings: Any) -> None:
    settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_EXECUTION": "inline"}


@pytest.fixture
def ann() -> User:
    return UserFactory.create()


@pytest.fixture
def template(ann: User) -> WorkFlow:
    return make_workflow([[by_user(ann), by_user(ann)]])


@pytest.fixture
def run(template: WorkFlow, ann: User) -> Callable[..., WorkflowAttachment]:
    """Let a workflow run to an end, so many days ago."""

    def make(end: str = "approve", days_ago: int = 0) -> WorkflowAttachment:
        obj = PurchaseRequestFactory.create(requester=ann)
        attachment = attach_workflow_to_object(obj, template, user=ann)
        if end == "cancel":
            cancel_workflow(obj, ann)
        elif end != "open":
            act_on_object(obj, end, ann)
        if end == "approve":
            act_on_object(obj, end, ann)
        ended = timezone.now() - timedelta(days=days_ago)
        WorkflowAttachment.objects.filter(pk=attachment.pk, is_open=None).update(completed_at=ended)
        attachment.refresh_from_db()
        return attachment

    return make


def rows_by_model() -> dict[str, int]:
    models = (
        WorkflowAttachment,
        StageRun,
        ActionExecution,
        ApprovalFlow,
        ApprovalInstance,
        ApprovalEvent,
    )
    return {model.__name__: model.objects.count() for model in models}


class TestDeleting:
    def test_history_goes_and_what_people_made_stays(  # D-110, K16
        self, run: Callable[..., WorkflowAttachment], template: WorkFlow
    ) -> None:
        attachment = run()
        before = rows_by_model()
        actions = WorkflowAction.objects.filter(workflow=template).count()
        assert min(before.values()) > 0
        assert CLEAN(older_than_days=0) == {
            "attachments_deleted": before["WorkflowAttachment"],
            "stage_runs_deleted": before["StageRun"],
            "executions_deleted": before["ActionExecution"],
            "flows_deleted": before["ApprovalFlow"],
            "instances_deleted": before["ApprovalInstance"],
            "events_deleted": before["ApprovalEvent"],
            "snapshots_deleted": 0,
        }
        assert set(rows_by_model().values()) == {0}
        assert PurchaseRequest.objects.filter(pk=attachment.object_id).exists()
        assert len(stages_of(template)) == 2
        assert WorkflowAction.objects.filter(workflow=template).count() == actions > 0

    def test_counts_from_when_it_ended(  # D-106, D-108
        self, run: Callable[..., WorkflowAttachment]
    ) -> None:
        young, old = run(days_ago=29), run(days_ago=30)
        assert CLEAN(older_than_days=30)["attachments_deleted"] == 1
        assert list(WorkflowAttachment.objects.all()) == [young]
        assert not ApprovalFlow.objects.filter(pk=old.flow_id).exists()

    def test_without_days_means_thirty(  # K21
        self, run: Callable[..., WorkflowAttachment]
    ) -> None:
        run(days_ago=29), run(days_ago=31)
        assert CLEAN()["attachments_deleted"] == 1

    def test_running_ones_stay(self, run: Callable[..., WorkflowAttachment]) -> None:
        attachment = run("open")
        attach_workflow_to_object(
            PurchaseRequestFactory.create(), attachment.workflow, auto_start=False
        )
        before = rows_by_model()
        assert set(CLEAN(older_than_days=0).values()) == {0}
        assert rows_by_model() == before

    @pytest.mark.parametrize("status", ["completed", "rejected", "cancelled"])
    def test_one_status_leaves_the_others(  # D-106
        self, run: Callable[..., WorkflowAttachment], status: str
    ) -> None:
        for end in ("approve", "reject", "cancel"):
            run(end)
        assert CLEAN(0, statuses=[status])["attachments_deleted"] == 1
        left = set(WorkflowAttachment.objects.values_list("status", flat=True))
        assert left == {value.value for value in AttachmentStatus.final()} - {status}

    def test_every_final_status_goes_when_none_is_named(
        self, run: Callable[..., WorkflowAttachment]
    ) -> None:
        for end in ("approve", "reject", "cancel"):
            run(end)
        assert CLEAN(0)["attachments_deleted"] == 3

    @pytest.mark.parametrize("status", ["pending", "running", "failed"])
    def test_one_with_an_action_that_has_not_finished_stays(
        self, run: Callable[..., WorkflowAttachment], status: str
    ) -> None:
        execution = run().executions.last()
        ActionExecution.objects.filter(pk=execution.pk).update(status=status)
        assert CLEAN(0)["attachments_deleted"] == 0
        ActionExecution.objects.filter(pk=execution.pk).update(status=ExecutionStatus.DEAD)
        assert CLEAN(0)["attachments_deleted"] == 1

    def test_delegated_steps_go_too(self, template: WorkFlow, ann: User) -> None:
        obj, bob = PurchaseRequestFactory.create(), UserFactory.create()
        attach_workflow_to_object(obj, template, user=ann)
        act_on_object(obj, "delegate", ann, user_id=bob.pk)
        act_on_object(obj, "reject", bob)
        assert CLEAN(0)["flows_deleted"] == 1
        assert not ApprovalInstance.objects.exists()

    @pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
    def test_batches_are_counted_together(
        self, run: Callable[..., WorkflowAttachment], batch_size: int
    ) -> None:
        for _number in range(3):
            run()
        assert CLEAN(0, batch_size=batch_size)["attachments_deleted"] == 3
        assert not WorkflowAttachment.objects.exists()

    def test_failing_batch_takes_only_itself_back(
        self, run: Callable[..., WorkflowAttachment], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = run(), run()
        module = "django_workflow_engine.cleanup.deletion"
        from approval_workflow.services import purge_flows  # noqa: PLC0415

        def fail_for_the_second(flows: Any) -> dict[str, int]:
            if flows.filter(pk=second.flow_id).exists():
                raise RuntimeError
            return purge_flows(flows)

        monkeypatch.setattr(f"{module}.purge_flows", fail_for_the_second)
        with pytest.raises(RuntimeError):
            CLEAN(0, batch_size=1)
        assert list(WorkflowAttachment.objects.all()) == [second]
        assert list(ApprovalFlow.objects.values_list("pk", flat=True)) == [second.flow_id]
        assert first.flow_id != second.flow_id

    @pytest.mark.parametrize(
        "arguments",
        [
            {"older_than_days": -1},
            {"older_than_days": "30"},
            {"older_than_days": True},
            {"older_than_days": 10**9},
            {"statuses": ["in_progress"]},
            {"statuses": ["done"]},
            {"batch_size": 0},
        ],
    )
    def test_wrong_arguments_are_refused(self, arguments: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput):
            CLEAN(**arguments)

    @pytest.mark.parametrize("number", [2, 20])
    def test_statements_do_not_grow_within_a_batch(
        self, run: Callable[..., WorkflowAttachment], number: int, statements: Callable[..., Any]
    ) -> None:
        for _number in range(number):
            run()
        with statements() as seen:
            CLEAN(0)
        assert seen.count <= 13, seen


class TestSnapshots:  # K16
    def test_one_that_nothing_uses_any_more_goes(  # D-110, K16
        self, run: Callable[..., WorkflowAttachment], template: WorkFlow
    ) -> None:
        old = run().workflow
        template.save()
        new = run("open").workflow
        assert CLEAN(0)["snapshots_deleted"] == 1
        assert list(WorkFlow.objects.snapshots()) == [new]
        assert not Stage.objects.filter(pipeline__workflow_id=old.pk).exists()

    def test_newest_stays(self, run: Callable[..., WorkflowAttachment]) -> None:
        snapshot = run().workflow
        assert CLEAN(0)["snapshots_deleted"] == 0
        assert list(WorkFlow.objects.snapshots()) == [snapshot]

    def test_one_that_another_object_uses_stays(
        self, run: Callable[..., WorkflowAttachment], template: WorkFlow
    ) -> None:
        run(), run("open")
        template.save()
        run("open")
        assert CLEAN(0)["snapshots_deleted"] == 0


class TestDryRun:
    @pytest.mark.parametrize("batch_size", [2, 1000])
    def test_tells_exactly_what_then_happens(
        self, run: Callable[..., WorkflowAttachment], template: WorkFlow, batch_size: int
    ) -> None:
        for end in ("approve", "reject", "cancel", "open"):
            run(end, days_ago=40)
            run(end, days_ago=20)
            template.save()
        before = {**rows_by_model(), "WorkFlow": WorkFlow.objects.count()}
        promised = CLEAN(30, dry_run=True, batch_size=batch_size)
        assert {**rows_by_model(), "WorkFlow": WorkFlow.objects.count()} == before
        assert tuple(promised) == COUNTS
        assert promised["attachments_deleted"] == 3
        assert CLEAN(30, batch_size=batch_size) == promised
        assert CLEAN(0, dry_run=True)["snapshots_deleted"] == 3
        assert CLEAN(0)["snapshots_deleted"] == 3

    @pytest.mark.parametrize("seed", range(12))
    def test_tells_what_happens_to_any_mix(self, template: WorkFlow, ann: User, seed: int) -> None:
        chance = random.Random(seed)
        for _group in range(chance.randint(1, 8)):
            end_runs(
                current_snapshot(template),
                ann,
                chance.randint(1, 5),
                status=chance.choice(["completed", "rejected", "cancelled"]),
                ended=timezone.now() - timedelta(days=chance.randint(0, 60)),
                steps=chance.randint(1, 3),
                action=chance.choice([None, *ExecutionStatus]),
            )
            if chance.random() < 0.6:
                template.save()
        arguments = {
            "older_than_days": chance.choice([0, 10, 30, 59]),
            "statuses": chance.choice([None, ["completed"], ["rejected", "cancelled"]]),
            "batch_size": chance.choice([1, 3, 1000]),
        }
        before = {**rows_by_model(), "WorkFlow": WorkFlow.objects.count()}
        promised = CLEAN(**arguments, dry_run=True)
        assert {**rows_by_model(), "WorkFlow": WorkFlow.objects.count()} == before
        assert CLEAN(**arguments) == promised
        after = {**rows_by_model(), "WorkFlow": WorkFlow.objects.count()}
        gone = [before[name] - after[name] for name in before]
        assert gone == [promised[name] for name in COUNTS]
        assert set(CLEAN(**arguments, dry_run=True).values()) == {0}

    def test_leaves_the_transaction_around_it_alone(
        self, run: Callable[..., WorkflowAttachment]
    ) -> None:
        run()
        with transaction.atomic():
            PurchaseRequestFactory.create(title="Kept")
            CLEAN(0, dry_run=True)
        assert PurchaseRequest.objects.filter(title="Kept").exists()


@pytest.mark.django_db(transaction=True)
class TestAutomatic:  # D-111, L7
    @pytest.fixture(autouse=True)
    def _switched_on(self, settings: Any) -> None:
        settings.WORKFLOW_AUTO_CLEANUP_COMPLETED = True

    @pytest.mark.parametrize("mode", ["inline", "process"])
    @pytest.mark.parametrize("end", ["approve", "reject"])
    def test_deletes_when_it_ends_and_its_actions_have_run(
        self,
        template: WorkFlow,
        ann: User,
        settings: Any,
        mailoutbox: list[Any],
        mode: str,
        end: str,
    ) -> None:
        settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_EXECUTION": mode}
        obj = PurchaseRequestFactory.create(requester=ann)
        attach_workflow_to_object(obj, template, user=ann)
        act_on_object(obj, "approve", ann)
        assert WorkflowAttachment.objects.count() == 1
        sent = len(mailoutbox)
        act_on_object(obj, end, ann)
        assert len(mailoutbox) > sent
        assert set(rows_by_model().values()) == {0}
        assert PurchaseRequest.objects.filter(pk=obj.pk).exists()

    @pytest.mark.parametrize("end", ["approve", "reject", "cancel"])
    def test_deletes_one_without_actions(  # D-111
        self, template: WorkFlow, run: Callable[..., WorkflowAttachment], end: str
    ) -> None:
        WorkflowAction.objects.filter(workflow=template).delete()
        with pytest.raises(WorkflowAttachment.DoesNotExist):
            run(end)
        assert set(rows_by_model().values()) == {0}

    def test_waits_for_an_action_that_is_to_be_tried_again(
        self, template: WorkFlow, ann: User, settings: Any
    ) -> None:
        settings.WORKFLOW_SEND_EMAIL_FUNCTION = "nowhere.send"
        obj = PurchaseRequestFactory.create(requester=ann)
        attach_workflow_to_object(obj, template, user=ann)
        act_on_object(obj, "reject", ann)
        assert WorkflowAttachment.objects.get().status == AttachmentStatus.REJECTED
        failed = ActionExecution.objects.filter(status=ExecutionStatus.FAILED)
        assert failed.update(run_after=timezone.now()) > 0
        settings.WORKFLOW_SEND_EMAIL_FUNCTION = None
        call_command("run_workflow_actions", stdout=StringIO())
        assert set(rows_by_model().values()) == {0}

    def test_keeps_one_with_an_action_that_failed_for_good(
        self, template: WorkFlow, ann: User, settings: Any
    ) -> None:
        settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_EXECUTION": "process", "ACTION_MAX_ATTEMPTS": 1}
        settings.WORKFLOW_SEND_EMAIL_FUNCTION = "nowhere.send"
        obj = PurchaseRequestFactory.create(requester=ann)
        attach_workflow_to_object(obj, template, user=ann)
        act_on_object(obj, "reject", ann)
        dead = ActionExecution.objects.filter(status=ExecutionStatus.DEAD)
        assert dead.exists()
        assert WorkflowAttachment.objects.get().status == AttachmentStatus.REJECTED
        # A person runs it again.
        settings.WORKFLOW_SEND_EMAIL_FUNCTION = None
        dead.update(status=ExecutionStatus.PENDING, attempts=0, run_after=timezone.now())
        call_command("run_workflow_actions", stdout=StringIO())
        assert set(rows_by_model().values()) == {0}

    def test_waits_for_the_worker(
        self, template: WorkFlow, ann: User, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_EXECUTION": "celery"}
        sent: list[Any] = []
        monkeypatch.setattr(
            "django_workflow_engine.tasks.run_transition.apply_async",
            lambda args, **_options: sent.append(args),
        )
        obj = PurchaseRequestFactory.create(requester=ann)
        attach_workflow_to_object(obj, template, user=ann)
        act_on_object(obj, "reject", ann)
        assert WorkflowAttachment.objects.get().status == AttachmentStatus.REJECTED
        for transition, using in sent:
            run_transition(transition, using)
        assert set(rows_by_model().values()) == {0}

    def test_takes_the_snapshot_that_nothing_uses_any_more(
        self, template: WorkFlow, ann: User
    ) -> None:
        obj, other = PurchaseRequestFactory.create_batch(2)
        attach_workflow_to_object(obj, template)
        template.save()
        newest = attach_workflow_to_object(other, template).workflow
        act_on_object(obj, "reject", ann)
        assert list(WorkFlow.objects.snapshots()) == [newest]

    def test_is_off_unless_it_is_asked_for(  # D-111, K17
        self, template: WorkFlow, ann: User, settings: Any
    ) -> None:
        del settings.WORKFLOW_AUTO_CLEANUP_COMPLETED
        obj = PurchaseRequestFactory.create()
        attach_workflow_to_object(obj, template)
        act_on_object(obj, "reject", ann)
        assert WorkflowAttachment.objects.count() == 1

    def test_failure_hurts_nobody(
        self,
        template: WorkFlow,
        ann: User,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def fail(*_args: Any, **_kwargs: Any) -> None:
            raise RuntimeError("no disk")

        monkeypatch.setattr("django_workflow_engine.cleanup.automatic.delete_if_ended", fail)
        obj = PurchaseRequestFactory.create()
        attach_workflow_to_object(obj, template)
        assert act_on_object(obj, "reject", ann).status == AttachmentStatus.REJECTED
        assert "no disk" in caplog.text


S2_STATISTICS = """\
=== Workflow Cleanup Statistics ===

Workflow Attachments (Instances):
  Total: 1523
  Completed: 892 (58.6%)
  Rejected: 145 (9.5%)
  In Progress: 486 (31.9%)

Completed/Rejected by Age:
  Older than 30 days: 645 (62.2%)
  Older than 90 days: 412 (39.7%)
  Older than 365 days: 89 (8.6%)

Recommendations:
  → Consider running: python manage.py cleanup_workflows --days=30
"""


def run_command(**options: Any) -> str:
    out = StringIO()
    call_command("cleanup_workflows", stdout=out, **options)
    return out.getvalue()


class TestStatistics:
    def test_count_by_status_and_age(  # D-109
        self, run: Callable[..., WorkflowAttachment], template: WorkFlow
    ) -> None:
        for days in (0, 31, 100, 400):
            run(days_ago=days)
        run("reject", days_ago=95)
        run("cancel", days_ago=500)
        run("open")
        attach_workflow_to_object(PurchaseRequestFactory.create(), template, auto_start=False)
        assert get_cleanup_statistics() == {
            "total_attachments": 8,
            "completed_attachments": 4,
            "rejected_attachments": 1,
            "cancelled_attachments": 1,
            "in_progress_attachments": 1,
            "on_hold_attachments": 0,
            "not_started_attachments": 1,
            "older_than_30_days": 4,
            "older_than_90_days": 3,
            "older_than_365_days": 1,
            "deletable_attachments": 5,
        }

    def test_take_two_statements(
        self, run: Callable[..., WorkflowAttachment], statements: Callable[..., Any]
    ) -> None:
        run()
        with statements() as seen:
            get_cleanup_statistics()
        assert seen.count == 2, seen

    def test_are_printed_as_documented(self, template: WorkFlow, ann: User) -> None:  # D-105
        workflow, now = current_snapshot(template), timezone.now()
        # (status, days since it ended, how many): 892 completed, 145 rejected, 486 in progress.
        for status, days, number in (
            ("completed", 0, 392),
            ("completed", 31, 165),
            ("completed", 91, 250),
            ("completed", 366, 85),
            ("rejected", 30, 68),
            ("rejected", 90, 73),
            ("rejected", 365, 4),
        ):
            end_runs(workflow, ann, number, status=status, ended=now - timedelta(days=days))
        content_type = ContentType.objects.get_for_model(PurchaseRequest)
        WorkflowAttachment.objects.bulk_create(
            WorkflowAttachment(
                content_type=content_type,
                object_id=str(number),
                workflow=workflow,
                status=AttachmentStatus.IN_PROGRESS,
            )
            for number in range(486)
        )
        assert run_command(stats=True) == S2_STATISTICS

    def test_of_nothing_are_zero(self) -> None:
        printed = run_command(stats=True)
        assert "  Total: 0\n  Completed: 0 (0.0%)\n" in printed
        assert "Nothing to clean up" in printed

    def test_show_what_else_there_is(self, run: Callable[..., WorkflowAttachment]) -> None:
        run("cancel"), run("approve")
        assert "  Cancelled: 1 (50.0%)\n" in run_command(stats=True)

    def test_delete_nothing(self, run: Callable[..., WorkflowAttachment]) -> None:
        run(days_ago=400)
        assert "Consider running" in run_command(stats=True)
        assert WorkflowAttachment.objects.count() == 1


class TestCommand:
    def test_deletes_what_is_old_enough(  # D-106, D-107
        self, run: Callable[..., WorkflowAttachment]
    ) -> None:
        run(days_ago=31), run(days_ago=1)
        printed = run_command(days=30)
        assert printed.startswith("Deleted:\n  attachments: 1\n")
        assert WorkflowAttachment.objects.count() == 1

    def test_deletes_everything_that_has_ended_for_zero_days(  # D-106
        self, run: Callable[..., WorkflowAttachment]
    ) -> None:
        run(), run("open")
        out = StringIO()
        call_command("cleanup_workflows", "--days=0", stdout=out)
        assert [row.status for row in WorkflowAttachment.objects.all()] == ["in_progress"]

    def test_without_days_keeps_thirty(  # K21
        self, run: Callable[..., WorkflowAttachment]
    ) -> None:
        run(days_ago=29), run(days_ago=31)
        run_command()
        assert WorkflowAttachment.objects.count() == 1

    def test_dry_run_deletes_nothing(  # D-106
        self, run: Callable[..., WorkflowAttachment]
    ) -> None:
        run(days_ago=31)
        assert run_command(dry_run=True).startswith("Would delete:\n  attachments: 1\n")
        assert WorkflowAttachment.objects.count() == 1

    def test_one_or_several_statuses(  # D-106
        self, run: Callable[..., WorkflowAttachment]
    ) -> None:
        for end in ("approve", "reject", "cancel"):
            run(end, days_ago=31)
        call_command("cleanup_workflows", "--days=30", "--status", "rejected", stdout=StringIO())
        assert set(WorkflowAttachment.objects.values_list("status", flat=True)) == {
            "completed",
            "cancelled",
        }
        call_command(
            "cleanup_workflows", "--status=completed", "--status=cancelled", stdout=StringIO()
        )
        assert not WorkflowAttachment.objects.exists()

    @pytest.mark.parametrize(
        "arguments", [["--days=-1"], ["--days=x"], ["--status=in_progress"], ["--batch-size=0"]]
    )
    def test_wrong_arguments_are_refused(self, arguments: list[str]) -> None:
        with pytest.raises(CommandError):
            call_command("cleanup_workflows", *arguments)


class TestTask:  # D-112
    def test_does_what_the_command_does(
        self, run: Callable[..., WorkflowAttachment], tmp_path: Path
    ) -> None:
        run(days_ago=31), run("reject", days_ago=8), run("reject", days_ago=1)
        assert cleanup_workflows()["attachments_deleted"] == 1
        numbers = cleanup_workflows(older_than_days=7, status="rejected", archive=str(tmp_path))
        assert numbers["attachments_deleted"] == 1
        (path,) = tmp_path.iterdir()
        assert verify_archive(path).workflows == 1

    def test_can_be_scheduled_by_its_name(self) -> None:
        assert cleanup_workflows.name == "django_workflow_engine.tasks.cleanup_workflows"


@pytest.mark.contention
@pytest.mark.django_db(transaction=True)
def test_two_at_once_delete_and_count_everything_once(
    run: Callable[..., WorkflowAttachment], template: WorkFlow
) -> None:
    for _round in range(5):
        for number in range(6):
            run("reject")
            if number % 2:
                template.save()
        counts = at_once(*[lambda: CLEAN(0, batch_size=2)] * 2)
        assert [isinstance(count, dict) for count in counts] == [True, True], counts
        assert sum(count["attachments_deleted"] for count in counts) == 6
        assert set(rows_by_model().values()) == {0}
        assert WorkFlow.objects.snapshots().count() <= 1


@pytest.mark.contention
@pytest.mark.django_db(transaction=True)
def test_deciding_and_deleting_at_once_leave_nothing_half_done(
    run: Callable[..., WorkflowAttachment], ann: User
) -> None:
    for _round in range(20):
        obj = run("open").target
        decided, deleted = at_once(
            lambda obj=obj: act_on_object(obj, "reject", ann), lambda: CLEAN(0)
        )
        assert isinstance(deleted, dict), deleted
        assert decided.status == AttachmentStatus.REJECTED, decided
        CLEAN(0)
        assert set(rows_by_model().values()) == {0}
