"""Who sees which template, run and execution: one query set for each serves lists and details."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from approval_workflow.services import advance_flow
from django_workflow_engine.models import ActionExecution, WorkFlow, WorkflowAttachment
from tests.django_workflow_engine.api.calls import attached, grant
from tests.factories import UserFactory, make_workflow

pytestmark = pytest.mark.django_db


def sees(user: Any, attachment: WorkflowAttachment) -> bool:
    return WorkflowAttachment.objects.visible_to(user).filter(pk=attachment.pk).exists()


def test_who_started_a_run_sees_it(ann: Any, bob: Any) -> None:
    assert sees(ann, attached(bob, user=ann))


def test_who_attached_without_starting_sees_it(ann: Any, bob: Any) -> None:
    assert sees(ann, attached(bob, user=ann, auto_start=False))


def test_who_is_asked_sees_it_and_still_does_when_it_has_moved_on(ann: Any, bob: Any) -> None:
    attachment = attached(ann, bob)
    assert sees(ann, attachment)
    assert not sees(bob, attachment), "the second stage has no steps yet"
    advance_flow(attachment.target, "approved", ann)
    assert sees(ann, attachment)
    assert sees(bob, attachment)


def test_the_company_of_the_workflow_sees_it(company: Any, bob: Any) -> None:
    assert sees(company, attached(bob, company=company))
    assert not sees(company, attached(bob, company=bob))


def test_the_permission_to_view_attachments_shows_all(ann: Any, bob: Any) -> None:
    attachment = attached(bob)
    assert not sees(ann, attachment)
    assert sees(grant(UserFactory.create(), "view_workflowattachment"), attachment)


def test_being_staff_alone_shows_nothing(bob: Any) -> None:
    assert not sees(UserFactory.create(is_staff=True), attached(bob))


def test_inactive_and_anonymous_people_see_nothing(company: Any) -> None:
    attached(company, user=company, company=company)
    make_workflow()  # Of no company: that is not the company of nobody.
    company.is_active = False
    for nobody in (company, AnonymousUser()):
        assert not WorkflowAttachment.objects.visible_to(nobody).exists()
        assert not WorkFlow.objects.visible_to(nobody).exists()
        assert not ActionExecution.objects.visible_to(nobody).exists()


def test_templates_are_seen_by_their_company_and_with_the_permission(
    company: Any, ann: Any
) -> None:
    own = make_workflow(company=company)
    other = make_workflow()
    assert list(WorkFlow.objects.visible_to(company)) == [own]
    assert not WorkFlow.objects.visible_to(ann).exists()
    assert set(WorkFlow.objects.visible_to(grant(ann, "view_workflow"))) == {own, other}


@pytest.mark.parametrize("permission", ["view_actionexecution", "change_actionexecution"])
def test_executions_are_seen_with_a_permission_alone(permission: str, company: Any) -> None:
    attachment = attached(company, user=company, company=company)
    advance_flow(attachment.target, "approved", company)
    assert ActionExecution.objects.exists()
    assert not ActionExecution.objects.visible_to(company).exists()
    allowed = grant(UserFactory.create(), permission)
    assert ActionExecution.objects.visible_to(allowed).count() == ActionExecution.objects.count()


@pytest.mark.parametrize("runs", [2, 20])
def test_what_is_seen_is_one_statement(runs: int, ann: Any, statements: Any) -> None:
    for _number in range(runs):
        attached(ann)
    ann.has_perm("any")
    with statements() as seen:
        assert len(WorkflowAttachment.objects.visible_to(ann)) == runs
    # Two of them ask which roles the person holds, for steps that wait for a role.
    assert seen.count <= 4, seen
