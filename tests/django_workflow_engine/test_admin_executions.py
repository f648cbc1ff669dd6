"""The page of a due action: where it runs, and each of its attempts."""

import pytest
from pytest_django.asserts import assertContains, assertNotContains

from django_workflow_engine.actions import runner
from django_workflow_engine.models import ActionExecution
from tests.django_workflow_engine.admin_pages import address_of, superuser_client
from tests.django_workflow_engine.due_actions import Action, make_attachment, make_due

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    return superuser_client()


def test_each_attempt_is_shown_as_text(client):
    (row,) = make_due(make_attachment(), Action("fail", {"message": "<script>alert(1)</script>"}))
    runner.run_due()
    page = client.get(address_of(ActionExecution, "change", row.pk))
    entry = ActionExecution.objects.get().log[0]
    assertContains(page, f"1. {entry['started_at']}")
    assertContains(page, "failed ValueError: &lt;script&gt;")
    assertNotContains(page, "<script>alert(1)")


def test_executions_are_filtered_by_where_they_run(client):
    actions = Action("note", execution="celery"), Action("note", execution="inline")
    celery, _inline = make_due(make_attachment(), *actions)
    page = client.get(address_of(ActionExecution, "changelist"), {"execution__exact": "celery"})
    assert [row.pk for row in page.context["cl"].result_list] == [celery.pk]
