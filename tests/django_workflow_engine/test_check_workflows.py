"""What keeps workflows from going on is found: by `check_workflows` and by the database check."""

from io import StringIO

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.utils import timezone

from approval_workflow.models import ApprovalFlow, ApprovalInstance
from django_workflow_engine.actions.runner import run_due
from django_workflow_engine.models import (
    ActionExecution,
    Pipeline,
    Stage,
    StageRun,
    WorkFlow,
    WorkflowAction,
    WorkflowAttachment,
)
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    hold_workflow,
)
from purchasing.models import Role
from tests.factories import (
    DepartmentFactory,
    DynamicFormFactory,
    PurchaseRequestFactory,
    UserFactory,
    by_role,
    by_user,
    make_role,
    make_workflow,
    stages_of,
)
from tests.factories.workflows import asking, make_staged

pytestmark = pytest.mark.django_db

FUNCTION = "tests.testapp.workflow_actions.note"


@pytest.fixture
def template():
    return make_workflow([[by_user(UserFactory.create())]], slug="purchase")


def found(*args):
    """What the command tells; it exits with 1 exactly when it tells something."""
    out, err, end = StringIO(), StringIO(), None
    try:
        call_command("check_workflows", *args, stdout=out, stderr=err)
    except CommandError as error:
        end = (str(error), error.returncode)
    lines = err.getvalue().splitlines()
    assert end == ((f"Problems: {len(lines)}", 1) if lines else None)
    assert out.getvalue() == ("" if lines else "No problems.\n")
    return lines


def around_the_checks(row, **values):
    """Write as SQL would."""
    models.QuerySet(type(row)).filter(pk=row.pk).update(**values)


def test_all_is_well(template):
    attach_workflow_to_object(PurchaseRequestFactory.create(), template)
    assert found() == []


class TestReferences:
    def test_a_role_that_is_gone(self):
        role = make_role()
        make_workflow([[by_role(role)]], slug="purchase")
        key = role.pk
        Role.objects.all().delete()
        place = "purchase / Pipeline 1 / Stage 1.1, approvals[0].user_role"
        assert found() == [f"{place}: There is none with the key '{key}'."]

    def test_people_and_forms_that_are_gone(self, template):
        form, user = DynamicFormFactory.create(), UserFactory.create()
        approval = by_user(user, required_form=form.pk)
        make_workflow([[approval]], slug="other")
        form.delete()
        user.delete()
        assert [line.split(":")[0].rpartition(".")[2] for line in found()] == [
            "approval_user",
            "required_form",
        ]

    def test_the_form_of_a_stage(self, template):
        form = DynamicFormFactory.create()
        Stage.objects.update(form_info={"required_form": form.pk})
        form.delete()
        assert "Stage 1.1, required_form: " in found()[0]

    @pytest.mark.parametrize("strategy", ["pipeline", "workflow"])
    def test_approvals_of_the_other_levels(self, strategy):
        role = make_role()
        info = {"approvals": [by_role(role)]}
        if strategy == "workflow":
            WorkFlow.objects.create(name_en="Leave", strategy=strategy, workflow_info=info)
        else:
            workflow = WorkFlow.objects.create(name_en="Leave", strategy=strategy)
            Pipeline.objects.create(workflow=workflow, name_en="HR", pipeline_info=info)
        assert found() == []
        role.delete()
        place = "leave" if strategy == "workflow" else "leave / HR"
        assert found()[0].startswith(f"{place}, approvals[0].user_role: ")

    def test_a_department_that_is_gone(self, template):
        department = DepartmentFactory.create()
        Pipeline.objects.update(
            department_id=str(department.pk),
            department_content_type=ContentType.objects.get_for_model(department),
        )
        assert found() == []
        key = department.pk
        department.delete()
        message = f"There is no department with the key '{key}'."
        assert found() == [f"purchase / Pipeline 1: {message}"]

    @pytest.mark.parametrize("level", ["workflow", "pipeline", "stage"])
    def test_a_function_that_may_not_be_called_any_more(self, template, level):
        (stage,) = stages_of(template)
        on = {"workflow": template, "pipeline": stage.pipeline, "stage": stage}[level]
        action = WorkflowAction.objects.create(
            **{level: on}, action_type="after_approve", function_path=FUNCTION
        )
        assert found() == []
        around_the_checks(action, function_path="os.system")
        (line,) = found()
        assert line.startswith("purchase")
        assert "'os.system' leads neither into an installed app" in line
        around_the_checks(action, is_active=False)
        assert found() == []

    def test_configuration_that_was_written_around_the_checks(self, template):
        around_the_checks(stages_of(template)[0], stage_info={"approvals": [{"who": "anybody"}]})
        assert "approvals[0].who: There is no such key." in found()[0]

    def test_versions_are_looked_at_while_objects_run_on_them(self):
        role, user = make_role(), UserFactory.create()
        template = make_workflow([[by_user(user), by_role(role)]], slug="purchase")
        request = PurchaseRequestFactory.create()
        attach_workflow_to_object(request, template)
        Stage.objects.get(name_en="Stage 1.2", pipeline__workflow=template).delete()
        role.delete()
        (line,) = found()
        assert line.startswith("purchase, version 1 / Pipeline 1 / Stage 1.2, approvals[0]")
        act_on_object(request, "rejected", user)
        assert found() == []

    def test_statements_do_not_grow_with_the_templates(self, statements):
        counts = []
        for number in (2, 10):
            for _index in range(number):
                make_workflow([[by_user(UserFactory.create())]], status="draft")
            with statements() as seen:
                assert found() == []
            counts.append(seen.count)
        assert counts[0] == counts[1]


def test_active_templates_that_cannot_be_run():
    make_workflow([[[]]], slug="empty")
    make_workflow([[[]]], slug="draft", status="draft")
    assert found() == ["empty, Pipeline 1 / Stage 1.1: The stage has no approvals."]


class TestRunning:
    @pytest.fixture
    def attachment(self, template):
        return attach_workflow_to_object(PurchaseRequestFactory.create(), template)

    def test_an_object_that_is_gone(self, attachment):
        name = f"Attachment {attachment.pk} (purchasing.purchaserequest {attachment.object_id})"
        attachment.target.delete()
        assert found() == [f"{name}: The object is gone. Cancel the workflow."]

    def test_an_object_of_an_app_that_is_gone(self, attachment):
        gone = ContentType.objects.create(app_label="gone", model="thing")
        WorkflowAttachment.objects.update(content_type=gone)
        assert found()[0].endswith(": The object is gone. Cancel the workflow.")

    def test_a_flow_that_has_ended_without_it(self, attachment):
        models.QuerySet(ApprovalFlow).update(status="cancelled", is_open=None)
        assert "no approval flow is open for it. Cancel it" in found()[0]

    def test_no_flow_at_all(self, attachment):
        WorkflowAttachment.objects.update(flow=None)
        assert "no approval flow is open for it. Cancel it" in found()[0]

    def test_nobody_is_asked(self, attachment):
        models.QuerySet(ApprovalInstance).update(status="cancelled")
        (line,) = found("--stuck")
        assert "no step waits for anybody at 'Pipeline 1 / Stage 1.1'. Skip the stage" in line

    def test_ended_ones_are_left_alone(self, attachment):
        WorkflowAttachment.objects.update(status="cancelled", is_open=None)
        attachment.target.delete()
        assert found() == []

    def test_one_that_was_not_started_yet(self, template):
        attach_workflow_to_object(PurchaseRequestFactory.create(), template, auto_start=False)
        assert found() == []

    def test_actions_that_failed_for_good(self, attachment):
        WorkflowAction.objects.create(
            workflow=make_workflow(), action_type="after_approve", function_path=FUNCTION
        )
        row = ActionExecution.objects.create(
            attachment=attachment,
            action_type="after_approve",
            function_path=FUNCTION,
            transition="5f0c9a9e-0d2f-4c3b-9a3f-1f8f8a1a1a1a",
            position=0,
            status="dead",
            error="ValueError: no\n\nTraceback",
            run_after="2024-01-01T00:00:00Z",
        )
        name = f"Action {row.pk} ({FUNCTION}) of attachment {attachment.pk}"
        assert found() == [f"{name}: Failed for good: ValueError: no Mend it and run it again."]
        assert found("--stuck") == []

    def test_statements_grow_with_batches_alone(self, template, statements):
        counts = []
        for number in (2, 10):
            for request in PurchaseRequestFactory.create_batch(number):
                attach_workflow_to_object(request, template)
            with statements() as seen:
                assert found() == []
            counts.append(seen.count)
        assert counts[0] == counts[1]


JOB = "tests.testapp.workflow_actions.score"
BROKEN = "tests.testapp.workflow_actions.break_down"


def job(function=JOB):
    return {"kind": "job", "job": {"function": function}}


class TestStuck:
    """Each thing that keeps an object from going on is named, with what to do."""

    def attach(self, *stages, **fields):
        names = ("first", "second", "third")
        workflow = make_staged(dict(zip(names, stages, strict=False)), **fields)
        return attach_workflow_to_object(PurchaseRequestFactory.create(), workflow)

    def test_waiting_for_people_jobs_timers_and_statuses_is_not_stuck(self):
        self.attach(asking(by_user(UserFactory.create())))
        self.attach(job())
        self.attach({"kind": "timer", "timer": {"duration": "P1D"}})
        self.attach({"kind": "status", "statuses": [{"name": "Done", "completes": True}]})
        assert found() == found("--stuck") == []

    def test_an_assignee_who_has_left(self):
        ann = UserFactory.create(username="ann")
        self.attach(asking(by_user(ann)))
        UserFactory._meta.model.objects.filter(pk=ann.pk).update(is_active=False)
        (line,) = found("--stuck")
        assert "Step 1 waits for ann: This account is not active." in line
        assert line.endswith("a manager can reassign it.")

    def test_a_role_that_nobody_holds_any_more(self):
        board = make_role(2)
        self.attach(asking(by_role(board)))
        assert found("--stuck") == []
        board.users.set([])
        (line,) = found("--stuck")
        assert line.endswith("a manager can reassign it.")

    def test_a_role_that_somebody_still_holds(self):
        board = make_role(2)
        self.attach(asking(by_role(board)))
        board.users.set(board.users.all()[:1])
        assert found("--stuck") == []

    def test_a_job_that_failed_for_good(self, settings):
        settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_MAX_ATTEMPTS": 1}
        self.attach(job(BROKEN))
        run_due()
        task = ActionExecution.objects.get()
        (line,) = found("--stuck")
        assert "The job of 'Pipeline 1 / First' failed for good" in line
        assert "RuntimeError: out of order" in line
        assert line.endswith(f"run execution {task.pk} again, or skip the stage.")
        assert found() == [line]

    def test_a_job_whose_function_is_gone(self):
        self.attach(job())
        for model in (Stage, ActionExecution):
            for row in model.objects.all():
                values = (
                    {"function_path": "tests.testapp.workflow_actions.gone"}
                    if model is ActionExecution
                    else {"stage_info": job("tests.testapp.workflow_actions.gone")}
                )
                around_the_checks(row, **values)
        run_due()
        (line,) = found("--stuck")
        assert "failed for good" in line
        assert "gone" in line
        assert [one.partition(": ")[0].rpartition(", ")[2] for one in found()][:2] == [
            "job.function",
            "job.function",
        ]

    def test_a_condition_that_cannot_be_answered(self):
        ann = UserFactory.create()
        first = asking(by_user(ann), routes=[{"to": "end", "when": "metadata.urgent"}])
        attachment = self.attach(first, asking(by_user(ann)))
        act_on_object(attachment.target, "approve", ann)
        (line,) = found("--stuck")
        assert "On hold: " in line
        assert "urgent" in line
        assert "resume the workflow, or send the object on" in line

    def test_what_people_put_on_hold_is_not_stuck(self):
        attachment = self.attach(job())
        hold_workflow(attachment.target, reason="audit")
        assert found("--stuck") == []

    @pytest.mark.parametrize(
        "stage", [job(), {"kind": "timer", "timer": {"duration": "P1D"}}], ids=["job", "timer"]
    )
    def test_a_stage_whose_task_is_lost(self, stage):
        self.attach(stage)
        ActionExecution.objects.all().delete()
        (line,) = found("--stuck")
        assert "waits at 'Pipeline 1 / First', but nothing is due there. Skip" in line

    def test_an_object_at_no_stage(self):
        self.attach(job())
        StageRun.objects.update(left_at=timezone.now())
        (line,) = found("--stuck")
        assert "at no stage. Send it to one (jump_to_stage), or restart it." in line

    def test_one_branch_of_several(self):
        ann, bob = UserFactory.create_batch(2)
        group = {"parallel_group": "g"}
        self.attach(asking(by_user(ann), **group), asking(by_user(bob), **group))
        ApprovalInstance.objects.filter(assigned_to=bob).update(status="cancelled")
        (line,) = found("--stuck")
        assert "no step waits for anybody at 'Pipeline 1 / Second'" in line


def test_one_workflow_alone(template):
    make_workflow([[[]]], slug="empty")
    broken = attach_workflow_to_object(PurchaseRequestFactory.create(), template)
    WorkflowAttachment.objects.update(flow=None)
    assert [line.split(",")[0] for line in found("--workflow", "empty")] == ["empty"]
    (line,) = found("--workflow", "purchase")
    assert line.startswith(f"Attachment {broken.pk} ")
    assert len(found()) == 2


def test_a_workflow_that_there_is_not():
    with pytest.raises(CommandError, match="There is no workflow 'gone'"):
        call_command("check_workflows", "--workflow", "gone")


class TestDatabaseCheck:
    def told(self, databases=("default",)):
        messages = run_checks(databases=databases)
        return [
            (message.id.rpartition(".")[2], message.msg)
            for message in messages
            if message.id.startswith("django_workflow_engine.")
        ]

    def test_all_is_well(self, template):
        assert self.told() == []

    def test_slugs_that_no_workflow_has(self, settings, template):
        settings.DJANGO_WORKFLOW_ENGINE = {
            "MODEL_WORKFLOW_MAPPINGS": {"default": ["purchase", "gone"]},
            "AUTO_START_WORKFLOWS": {"crm.Opportunity": {"workflow_slug": "lost"}},
        }
        assert [check for check, _text in self.told()] == ["W014", "W014"]
        assert "MODEL_WORKFLOW_MAPPINGS'] names 'gone'" in self.told()[0][1]
        assert self.told(databases=None) == []

    def test_broken_references(self):
        role = make_role()
        make_workflow([[by_role(role)] * 25], slug="purchase")
        role.delete()
        told = self.told()
        assert {check for check, _text in told} == {"W015"}
        assert told[0][1].startswith("purchase / Pipeline 1 / Stage 1.1, approvals[0].user_role")
        assert told[-1][1] == "5 more references of workflows are broken."
        assert len(told) == 21

    def test_without_tables_it_is_silent(self, settings, monkeypatch):
        settings.DJANGO_WORKFLOW_ENGINE = {"MODEL_WORKFLOW_MAPPINGS": {"default": ["gone"]}}
        monkeypatch.setattr(connection.introspection, "table_names", list)
        assert self.told() == []

    def test_tables_of_an_older_release_are_no_reason_to_fail(self, settings, monkeypatch):
        settings.DJANGO_WORKFLOW_ENGINE = {"MODEL_WORKFLOW_MAPPINGS": {"default": ["gone"]}}
        monkeypatch.setattr(WorkFlow._meta.get_field("slug"), "column", "no_such_column")
        assert self.told() == []
        assert WorkFlow.objects.count() == 0
