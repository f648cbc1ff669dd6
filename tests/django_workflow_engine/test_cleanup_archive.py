"""What a clean-up deletes can be archived before. Covers K17."""

import errno
import json
import os
import stat
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approval_workflow.exceptions import InvalidInput
from approval_workflow.models import ApprovalEvent, ApprovalFlow
from django_workflow_engine.choices import ExecutionStatus
from django_workflow_engine.cleanup import (
    Archive,
    cleanup_completed_workflow_attachments,
    deletion,
    read_archive,
    verify_archive,
)
from django_workflow_engine.models import ActionExecution, StageRun, WorkFlow, WorkflowAttachment
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    cancel_workflow,
)
from purchasing.models import User
from tests.django_workflow_engine.past_runs import end_runs, version_of
from tests.factories import PurchaseRequestFactory, UserFactory, by_user, make_workflow

pytestmark = pytest.mark.django_db

CLEAN = cleanup_completed_workflow_attachments


@pytest.fixture
def ann() -> User:
    return UserFactory.create(username="ann")


@pytest.fixture
def template(ann: User) -> WorkFlow:
    return make_workflow([[by_user(ann), by_user(ann)]], slug="purchases")


@pytest.fixture
def played(template: WorkFlow, ann: User, settings: Any) -> WorkflowAttachment:
    """A workflow that was played to its end, with a delegation and its actions."""
    settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_EXECUTION": "inline"}
    bob, obj = UserFactory.create(username="bob"), PurchaseRequestFactory.create(requester=ann)
    attachment = attach_workflow_to_object(obj, template, user=ann, metadata={"cost": 1.5})
    act_on_object(obj, "delegated", ann, user_id=bob.pk, reason="Bitte übernehmen: «نعم»")
    act_on_object(obj, "approved", bob)
    act_on_object(obj, "rejected", ann, reason="=no")
    attachment.refresh_from_db()
    return attachment


def files(directory: Path) -> list[Path]:
    return sorted(directory.iterdir()) if directory.exists() else []


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


class TestWriting:
    def test_everything_that_is_deleted_is_in_the_file(
        self, played: WorkflowAttachment, tmp_path: Path
    ) -> None:
        counts = {
            "stage_runs": StageRun.objects.count(),
            "executions": ActionExecution.objects.count(),
            "instances": played.flow.instances.count(),
            "events": ApprovalEvent.objects.count(),
        }
        assert CLEAN(0, archive=tmp_path)["attachments_deleted"] == 1
        assert not WorkflowAttachment.objects.exists()
        (path,) = files(tmp_path)
        (record,) = read_archive(path)
        assert {name: len(record[name]) for name in counts} == counts
        assert min(counts.values()) >= 2

    def test_record_can_be_read_without_the_database(
        self, played: WorkflowAttachment, ann: User, tmp_path: Path
    ) -> None:
        version = played.workflow.version
        CLEAN(0, archive=tmp_path)
        (record,) = read_archive(files(tmp_path)[0])
        told = record["attachment"]
        assert told["content_type_label"] == "purchasing.purchaserequest"
        assert (told["object_id"], told["status"]) == (played.object_id, "rejected")
        assert told["metadata"] == {"cost": 1.5}
        assert told["completed_at"] == played.completed_at.isoformat()
        assert (told["template_slug"], told["workflow_version"]) == ("purchases", version)
        assert [run["stage_name"] for run in record["stage_runs"]] == ["Stage 1.1", "Stage 1.2"]
        assert record["people"][str(ann.pk)] == "ann"
        assert {"bob", "ann"} == set(record["people"].values())
        comments = [event["comment"] for event in record["events"]]
        assert "Bitte übernehmen: «نعم»" in comments

    def test_one_that_was_cancelled_before_it_started_has_no_flow(
        self, template: WorkFlow, ann: User, tmp_path: Path
    ) -> None:
        obj = PurchaseRequestFactory.create()
        attach_workflow_to_object(obj, template, auto_start=False)
        cancel_workflow(obj, ann)
        CLEAN(0, archive=tmp_path)
        (path,) = files(tmp_path)
        (record,) = read_archive(path)
        assert (record["flow"], record["instances"], record["events"]) == (None, [], [])
        assert verify_archive(path).intact

    def test_runs_have_files_of_their_own_that_only_the_owner_reads(
        self, template: WorkFlow, ann: User, tmp_path: Path
    ) -> None:
        for _run in range(2):
            end_runs(version_of(template), ann, 3)
            CLEAN(0, archive=tmp_path / "deep" / "down")
        found = files(tmp_path / "deep" / "down")
        assert [len(lines(path)) for path in found] == [3, 3]
        assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}

    def test_run_that_deletes_nothing_makes_no_file(
        self, template: WorkFlow, ann: User, tmp_path: Path
    ) -> None:
        end_runs(version_of(template), ann, 2)
        CLEAN(30, archive=tmp_path)
        CLEAN(0, archive=tmp_path, dry_run=True)
        assert files(tmp_path) == []

    @pytest.mark.parametrize("number", [2, 90])
    def test_statements_do_not_grow_within_a_batch(
        self, template: WorkFlow, ann: User, tmp_path: Path, statements: Any, number: int
    ) -> None:
        end_runs(version_of(template), ann, number, action=ExecutionStatus.DONE)
        with statements() as seen:
            CLEAN(0, archive=tmp_path)
        assert seen.count <= 24 + 7, seen


class TestOrder:
    """Written and on the disk before the transaction of the batch is committed."""

    @pytest.mark.django_db(transaction=True)
    def test_lines_of_a_batch_are_on_the_disk_before_it_is_committed(
        self, template: WorkFlow, ann: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        end_runs(version_of(template), ann, 5)
        seen = []
        sync = os.fsync

        def note(descriptor: int) -> None:
            sync(descriptor)
            if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
                left = WorkflowAttachment.objects.count()
                written = len(lines(files(tmp_path)[0]))
                seen.append((connection.in_atomic_block, left, written))

        monkeypatch.setattr("django_workflow_engine.cleanup.archive.os.fsync", note)
        CLEAN(0, archive=tmp_path, batch_size=2)
        assert seen[:3] == [(True, 5, 2), (True, 3, 4), (True, 1, 5)]

    @pytest.mark.parametrize("failing", ["write", "fsync"])
    def test_batch_that_cannot_be_written_is_not_deleted(
        self,
        template: WorkFlow,
        ann: User,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        failing: str,
    ) -> None:
        end_runs(version_of(template), ann, 5)
        calls = []

        def fail_in_the_second_batch(original: Any, limit: int) -> Any:
            def call(*arguments: Any) -> Any:
                calls.append(arguments)
                if len(calls) > limit:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return original(*arguments)

            return call

        module = "django_workflow_engine.cleanup.archive"
        if failing == "write":
            # Three lines, of which the third is of the second batch.
            from django_workflow_engine.cleanup import archive  # noqa: PLC0415

            fake = fail_in_the_second_batch(archive._write_all, 3)
            monkeypatch.setattr(f"{module}._write_all", fake)
        else:
            # The directory, the first batch, the second.
            monkeypatch.setattr(f"{module}.os.fsync", fail_in_the_second_batch(os.fsync, 2))
        with pytest.raises(OSError, match="No space left"):
            CLEAN(0, archive=tmp_path, batch_size=2)
        assert WorkflowAttachment.objects.count() == ApprovalFlow.objects.count() == 3
        report = verify_archive(files(tmp_path)[0])
        assert (report.workflows, report.problems) == (2, [])

    def test_lines_of_a_batch_that_fails_later_are_taken_back(
        self, template: WorkFlow, ann: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, *_rest = end_runs(version_of(template), ann, 4)
        purge = deletion.purge_flows

        def fail_for_the_second(flows: Any) -> dict[str, int]:
            if not flows.filter(pk=first.flow_id).exists():
                raise RuntimeError
            return purge(flows)

        monkeypatch.setattr(deletion, "purge_flows", fail_for_the_second)
        with pytest.raises(RuntimeError):
            CLEAN(0, archive=tmp_path, batch_size=2)
        (path,) = files(tmp_path)
        archived = {record["attachment"]["id"] for record in read_archive(path)}
        left = set(WorkflowAttachment.objects.values_list("pk", flat=True))
        assert (len(archived), len(left), archived & left) == (2, 2, set())

    def test_file_from_which_all_was_taken_back_goes(
        self, template: WorkFlow, ann: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_flows: Any) -> None:
            raise RuntimeError

        end_runs(version_of(template), ann, 2)
        monkeypatch.setattr(deletion, "purge_flows", fail)
        with pytest.raises(RuntimeError):
            CLEAN(0, archive=tmp_path)
        assert files(tmp_path) == []
        assert WorkflowAttachment.objects.count() == 2

    def test_directory_that_cannot_be_made_deletes_nothing(
        self, template: WorkFlow, ann: User, tmp_path: Path
    ) -> None:
        end_runs(version_of(template), ann, 2)
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(OSError, match="file"):
            CLEAN(0, archive=tmp_path / "file")
        assert WorkflowAttachment.objects.count() == 2


class TestReading:
    @pytest.fixture
    def path(
        self, played: WorkflowAttachment, template: WorkFlow, ann: User, tmp_path: Path
    ) -> Path:
        end_runs(version_of(template), ann, 2, steps=3)
        CLEAN(0, archive=tmp_path)
        return files(tmp_path)[0]

    def alter(self, path: Path, number: int, change: Any) -> None:
        records = list(read_archive(path))
        change(records[number])
        path.write_text("".join(json.dumps(record) + "\n" for record in records))

    def test_history_of_an_archive_verifies(self, path: Path) -> None:
        report = verify_archive(path)
        assert (report.workflows, report.problems, report.intact) == (3, [], True)
        assert report.events > 3 + 3

    def test_history_is_the_one_that_the_database_had(
        self, played: WorkflowAttachment, tmp_path: Path
    ) -> None:
        digests = list(ApprovalEvent.objects.in_order().values_list("digest", flat=True))
        CLEAN(0, archive=tmp_path)
        (record,) = read_archive(files(tmp_path)[0])
        assert [event["digest"] for event in record["events"]] == digests

    CHANGES = [
        (lambda record: record["events"][1].update(comment="Yes"), "event 2: the row was altered"),
        (lambda record: record["events"].pop(1), "event 2: the row is missing"),
        (lambda record: record["events"].pop(), "event 3: the row is missing"),
        (lambda record: record.update(flow=None), "the history belongs to no flow"),
        (lambda record: record["flow"].pop("id"), "the record was altered"),
        (lambda record: record.update(events="none"), "the record was altered"),
        (lambda record: record["events"][0].update(created_at="soon"), "the record was altered"),
        (lambda record: record["attachment"].update(status="lost"), "the record was altered"),
        (lambda record: record["instances"].pop(), "the record was altered"),
        (lambda record: record.pop("digest"), "the record was altered"),
    ]

    @pytest.mark.parametrize(("change", "problem"), CHANGES)
    def test_what_was_changed_shows_with_its_line(
        self, path: Path, change: Any, problem: str
    ) -> None:
        number = next(
            place for place, record in enumerate(read_archive(path)) if len(record["events"]) == 3
        )
        self.alter(path, number, change)
        report = verify_archive(path)
        assert (report.workflows, len(report.problems)) == (2, 1)
        assert report.problems[0].startswith(f"line {number + 1}: ")
        assert problem in report.problems[0]

    @pytest.mark.parametrize("rubbish", [b"{", b"[]\n", b'{"format": 0}\n', b"\xff\n", b"\n"])
    def test_line_that_is_no_record_is_named(self, path: Path, rubbish: bytes) -> None:
        with path.open("ab") as file:
            file.write(rubbish)
        with pytest.raises(InvalidInput, match="line 4"):
            list(read_archive(path))
        report = verify_archive(path)
        assert report.workflows == 3
        assert len(report.problems) == 1
        assert not report.intact

    def test_missing_file_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            verify_archive(tmp_path / "none")


class TestCommand:
    def test_names_the_file(self, template: WorkFlow, ann: User, tmp_path: Path) -> None:
        end_runs(version_of(template), ann, 2, ended=timezone.now() - timedelta(days=31))
        out = StringIO()
        call_command("cleanup_workflows", f"--archive={tmp_path}", stdout=out)
        assert out.getvalue().splitlines()[-1] == f"Archived in {files(tmp_path)[0]}"
        assert verify_archive(files(tmp_path)[0]).workflows == 2

    def test_says_nothing_of_a_file_where_there_is_none(self, tmp_path: Path) -> None:
        out = StringIO()
        call_command("cleanup_workflows", f"--archive={tmp_path}", stdout=out)
        assert "Archived" not in out.getvalue()

    def test_archive_that_cannot_be_written_is_an_error(
        self, template: WorkFlow, ann: User, tmp_path: Path
    ) -> None:
        end_runs(version_of(template), ann, 1)
        (tmp_path / "file").touch()
        with pytest.raises(CommandError, match="cannot be written"):
            call_command("cleanup_workflows", "--days=0", f"--archive={tmp_path / 'file'}")
        assert WorkflowAttachment.objects.exists()


class TestVerifyingCommand:
    @pytest.fixture
    def path(self, template: WorkFlow, ann: User, tmp_path: Path) -> Path:
        """An archive of three workflows."""
        end_runs(version_of(template), ann, 3)
        CLEAN(0, archive=tmp_path)
        (path,) = files(tmp_path)
        return path

    def test_tells_how_much_of_each_is_sound(self, path: Path) -> None:
        out = StringIO()
        call_command("verify_workflow_archive", str(path), str(path), stdout=out)
        assert out.getvalue() == f"{path}: 3 workflows and 3 events verified.\n" * 2

    def test_names_the_first_bad_line_and_goes_on(self, path: Path, tmp_path: Path) -> None:
        altered = tmp_path / "altered.jsonl"
        first, *others = path.read_text().splitlines(keepends=True)
        altered.write_text(first + "".join(line.replace("Fine.", "Poor.") for line in others))
        out, err = StringIO(), StringIO()
        with pytest.raises(CommandError, match="1 of 2 archives were changed") as caught:
            call_command("verify_workflow_archive", str(altered), str(path), stdout=out, stderr=err)
        assert caught.value.returncode == 1
        assert out.getvalue() == f"{path}: 3 workflows and 3 events verified.\n"
        (problem,) = err.getvalue().splitlines()
        assert problem.startswith(f"{altered}: line 2: ")

    def test_a_file_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="cannot be read"):
            call_command("verify_workflow_archive", str(tmp_path / "none.jsonl"))


@pytest.mark.django_db(transaction=True)
class TestAutomatic:
    @pytest.fixture(autouse=True)
    def _switched_on(self, settings: Any, tmp_path: Path) -> None:
        settings.WORKFLOW_AUTO_CLEANUP_COMPLETED = True
        settings.WORKFLOW_AUTO_CLEANUP_ARCHIVE_DIR = tmp_path / "archive"

    def end_one(self, template: WorkFlow, ann: User) -> None:
        obj = PurchaseRequestFactory.create()
        attach_workflow_to_object(obj, template)
        act_on_object(obj, "rejected", ann)

    def test_archives_what_it_deletes(
        self, template: WorkFlow, ann: User, tmp_path: Path, mailoutbox: Any
    ) -> None:
        self.end_one(template, ann)
        assert not WorkflowAttachment.objects.exists()
        (path,) = files(tmp_path / "archive")
        assert verify_archive(path).workflows == 1

    def test_keeps_what_cannot_be_archived(
        self,
        template: WorkFlow,
        ann: User,
        tmp_path: Path,
        mailoutbox: Any,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        (tmp_path / "archive").touch()
        self.end_one(template, ann)
        assert WorkflowAttachment.objects.get().status == "rejected"
        assert "archive" in caplog.text


def test_archive_that_was_given_stays_open(template: WorkFlow, ann: User, tmp_path: Path) -> None:
    end_runs(version_of(template), ann, 1)
    with Archive(tmp_path) as archive:
        CLEAN(0, archive=archive)
        end_runs(version_of(template), ann, 1)
        CLEAN(0, archive=archive)
        assert archive.path is not None
    assert verify_archive(archive.path).workflows == 2


def test_everything_is_read_inside_the_transaction(
    template: WorkFlow, ann: User, tmp_path: Path
) -> None:
    """What is archived is what is deleted: it is read under the lock."""
    end_runs(version_of(template), ann, 1)
    with CaptureQueriesContext(connection) as seen:
        CLEAN(0, archive=tmp_path)
    sql = [query["sql"] for query in seen]
    begun = next(place for place, text in enumerate(sql) if text.startswith(("SAVEPOINT", "BEGIN")))
    assert not [text for text in sql[:begun] if ApprovalEvent._meta.db_table in text]
    assert [text for text in sql[begun:] if text.startswith("SELECT") and "digest" in text]
