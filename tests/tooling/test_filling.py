"""What the benchmarks measure on: copies are as whole as the flows that were played."""

import pytest
from django.db import connection
from django.db.models import Count, F

from approval_workflow.inbox import waiting_for
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from benchmarks.company import Company
from benchmarks.filling import fill
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor == "mysql", reason="not measured on MariaDB"),
]

FLOWS = 400


@pytest.fixture
def company() -> Company:
    return fill(FLOWS)


def test_one_flow_in_ten_is_open_and_every_open_one_waits_for_somebody(company: Company) -> None:
    assert ApprovalFlow.objects.count() == pytest.approx(FLOWS + 65, abs=12)
    open_flows = set(ApprovalFlow.objects.open().values_list("pk", flat=True))
    assert len(open_flows) == pytest.approx(FLOWS // 10 + 65, abs=10)
    assert set(ApprovalInstance.objects.current().values_list("flow", flat=True)) == open_flows


def test_histories_are_complete(company: Company) -> None:
    counted = ApprovalFlow.objects.annotate(number=Count("events"))
    assert not counted.exclude(number=F("history_length")).exists()


def test_the_inbox_that_is_known_has_the_same_steps_whatever_the_size(company: Company) -> None:
    assert waiting_for(company.me).count() == 65


def test_what_belongs_to_a_copy_is_of_the_copy(company: Company) -> None:
    steps = ApprovalInstance.objects.exclude(delegated_from=None)
    assert steps.exists()
    assert not steps.exclude(flow_id=F("delegated_from__flow_id")).exists()
    assert not StageRun.objects.exclude(attachment__flow__isnull=False).exists()
    # One was played for each of the two kinds.
    assert WorkflowAttachment.objects.count() == FLOWS * 9 // 100 + 2
    visited = WorkflowAttachment.objects.annotate(visits=Count("stage_runs"))
    assert set(visited.values_list("visits", flat=True)) == {2}
    of_another = ActionExecution.objects.exclude(visit=None)
    assert not of_another.exclude(visit__attachment=F("attachment")).exists()
