"""Deleting without reading first, and when that would make a difference."""

from datetime import timedelta

import pytest
from django.db.models import ProtectedError, signals
from django.utils import timezone

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance, Substitution
from approval_workflow.removal import delete_rows
from approval_workflow.services import substitute
from purchasing.models import User
from tests.approval_workflow.flows import make_flow

pytestmark = pytest.mark.django_db


@pytest.fixture
def stand_ins(ann, bob, cid):
    for person in (bob, cid):
        substitute(ann, person, ends_at=timezone.now() + timedelta(days=1))
    return Substitution.objects.using("default").all()


def test_takes_one_statement(stand_ins, statements):
    with statements() as seen:
        assert delete_rows(stand_ins, gone=(Substitution.content_types.through,)) == 2
    assert seen.count == 1, seen
    assert not stand_ins.exists()


def test_nothing_to_delete_is_none():
    assert delete_rows(Substitution.objects.using("default").none()) == 0


def test_listeners_are_told_of_each_row(stand_ins):
    told = []

    def listen(instance, **_kwargs):
        told.append(instance.substitute.username)

    signals.post_delete.connect(listen, sender=Substitution)
    try:
        names = [row.substitute.username for row in stand_ins]
        assert delete_rows(stand_ins) == 2
    finally:
        signals.post_delete.disconnect(listen, sender=Substitution)
    assert sorted(told) == sorted(names)


def test_what_refers_to_the_rows_goes_too_and_is_not_counted(stand_ins, ann):
    people = User.objects.using("default").filter(pk=ann.pk)
    assert delete_rows(people) == 1
    assert not stand_ins.exists()


def test_what_refers_to_the_rows_may_keep_them(ann):
    make_flow(ann)
    with pytest.raises(ProtectedError):
        delete_rows(ApprovalFlow.objects.using("default"), gone=(ApprovalEvent,))
    assert ApprovalInstance.objects.exists()
