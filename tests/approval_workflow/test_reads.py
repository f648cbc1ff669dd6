"""Reading what is known of an object: query helpers, repository, progress, caches."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db import transaction

from approval_workflow import repository
from approval_workflow.services import advance_flow, cancel_flow, extend_flow, start_flow
from approval_workflow.utils import (
    ApprovalRepository,
    get_approval_flow,
    get_approval_repository,
    get_approval_summary,
    get_current_approval,
    get_full_approvals,
    get_next_approval,
)
from tests.approval_workflow.flows import by, make_document, make_flow
from tests.factories import make_role
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


# Helpers


def test_current_and_next_follow_the_flow(ann, bob, cid):
    """S0-35, S0-36"""
    document = make_flow(ann, bob, cid, ann).target
    advance_flow(document, "approved", ann)
    assert get_current_approval(document).assigned_to == bob
    assert get_next_approval(document).assigned_to == cid


def test_next_of_the_last_step_is_none(ann):
    assert get_next_approval(make_flow(ann).target) is None


@pytest.mark.parametrize("end", ["approved", "rejected", "cancelled"])
def test_ended_flow_has_neither_current_nor_next(ann, end):
    flow = make_flow(ann)
    cancel_flow(flow) if end == "cancelled" else advance_flow(flow.target, end, ann)
    assert get_current_approval(flow.target) is None
    assert get_next_approval(flow.target) is None


def test_next_step_of_a_role_has_nobody_yet(ann):
    flow = make_flow(ann, by(make_role()))
    assert get_next_approval(flow.target).assigned_to is None
    assert get_next_approval(flow.target).assigned_role is not None


def test_all_approvals_are_the_complete_history_oldest_first(ann, bob):
    """S0-37: earlier flows and earlier rounds included."""
    document = make_document()
    cancel_flow(start_flow(document, [{"assigned_to": ann}]))
    start_flow(document, [{"assigned_to": ann}, {"assigned_to": ann}])
    advance_flow(document, "resubmission", ann, resubmission_steps=[{"assigned_to": bob}])
    found = [(row.round, row.step_number, row.status) for row in get_full_approvals(document)]
    assert found == [
        (1, 1, "cancelled"),
        (1, 1, "resubmission"),
        (1, 2, "cancelled"),
        (2, 1, "current"),
    ]


def test_flow_of_an_object_is_the_open_one_before_those_that_ended(ann):
    """S0-38"""
    document = make_document()
    for _flow in range(2):
        cancel_flow(start_flow(document, [{"assigned_to": ann}]))
    open_flow = start_flow(document, [{"assigned_to": ann}])
    assert get_approval_flow(document) == open_flow
    cancel_flow(open_flow)
    assert get_approval_flow(document) == open_flow


# Progress


@pytest.mark.parametrize(
    ("approvals", "expected"),
    [
        (0, {"percentage": 0, "total": 3, "completed": 0, "pending": 2}),
        (1, {"percentage": 33, "total": 3, "completed": 1, "pending": 1}),
        (2, {"percentage": 66, "total": 3, "completed": 2, "pending": 0}),
        (3, {"percentage": 100, "total": 3, "completed": 3, "pending": 0}),
    ],
)
def test_progress_counts_steps(ann, approvals, expected):
    """S0-44"""
    document = make_flow(ann, ann, ann).target
    for _step in range(approvals):
        advance_flow(document, "approved", ann)
    summary = get_approval_summary(document)
    assert {
        "percentage": summary["progress_percentage"],
        "total": summary["total_steps"],
        "completed": summary["completed_steps"],
        "pending": summary["pending_steps"],
    } == expected


def test_progress_counts_a_vote_as_one_step():
    role = make_role(3)
    flow = make_flow(by(role, "consensus"), by(role))
    assert get_approval_summary(flow.target)["total_steps"] == 2
    for holder in role.users.all():
        assert get_approval_summary(flow.target)["progress_percentage"] == 0
        advance_flow(flow.target, "approved", holder)
    assert get_approval_summary(flow.target)["progress_percentage"] == 50


def test_rounds_that_were_sent_back_do_not_count(ann, bob):
    document = make_flow(ann, ann, ann).target
    steps = [{"assigned_to": bob}, {"assigned_to": bob}]
    advance_flow(document, "resubmission", ann, resubmission_steps=steps)
    advance_flow(document, "approved", bob)
    summary = get_approval_summary(document)
    assert (summary["total_steps"], summary["progress_percentage"]) == (2, 50)


@pytest.mark.parametrize("end", ["rejected", "cancelled"])
def test_progress_of_a_flow_that_failed_is_how_far_it_came(ann, end):
    flow = make_flow(ann, ann)
    advance_flow(flow.target, "approved", ann)
    cancel_flow(flow) if end == "cancelled" else advance_flow(flow.target, end, ann)
    summary = get_approval_summary(flow.target)
    assert (summary["flow_status"], summary["current_step"]) == (end, None)
    assert summary["progress_percentage"] <= 100


def test_summary_of_an_object_without_a_flow_is_all_nothing(document):
    assert get_approval_summary(document) == {
        "flow_status": None,
        "total_steps": 0,
        "completed_steps": 0,
        "pending_steps": 0,
        "progress_percentage": 0,
        "current_step": None,
        "next_step": None,
    }


# Repository and caches


def test_repository_of_an_object_without_a_flow_is_empty(document):
    repo = get_approval_repository(document)
    assert (repo.flow, repo.instances, repo.get_current_approval()) == (None, [], None)
    assert (repo.get_next_approval(), repo.get_pending_approvals()) == (None, [])
    assert repo.get_workflow_progress()["total_steps"] == 0


def test_repository_of_an_object_that_is_not_saved_is_empty():
    assert get_approval_repository(Document()).flow is None


def test_repository_tells_the_current_the_next_and_the_pending_steps_apart(ann, bob, cid):
    """S0-42"""
    document = make_flow(ann, bob, cid, ann).target
    advance_flow(document, "approved", ann)
    repo = get_approval_repository(document)
    assert repo.get_current_approval().assigned_to == bob
    assert repo.get_next_approval().assigned_to == cid
    assert [step.step_number for step in repo.get_pending_approvals()] == [3, 4]


def test_repository_has_the_steps_of_the_newest_flow(ann):
    document = make_document()
    cancel_flow(start_flow(document, [{"assigned_to": ann}, {"assigned_to": ann}]))
    start_flow(document, [{"assigned_to": ann}])
    assert len(get_approval_repository(document).instances) == 1


def test_first_access_takes_two_statements_and_people_none(ann, bob, statements):
    """S0-43"""
    document = make_flow(ann, bob).target
    advance_flow(document, "approved", ann)
    repository.content_type_of(Document)
    with statements() as seen:
        repo = get_approval_repository(document)
        names = [step.assigned_to.username for step in repo.instances]
        assert repo.instances[0].action_user.username == "ann"
        assert repo.instances[0].flow.status == "in_progress"
    assert names == ["ann", "bob"]
    assert seen.count == 2


def test_second_repository_finds_the_steps_in_the_cache(ann, statements):
    """S0-46"""
    document = make_flow(ann).target
    assert get_approval_repository(document).instances
    with statements() as seen:
        assert get_approval_repository(document).instances
    assert seen.count == 1


def test_repository_reads_once_where_nothing_is_cached(settings, ann, statements):
    """S0-43, S0-46: it keeps the steps itself."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    repo = get_approval_repository(make_flow(ann, ann).target)
    assert repo.get_current_approval().step_number == 1
    with statements() as seen:
        assert repo.get_next_approval().step_number == 2
        assert repo.get_workflow_progress()["total_steps"] == 2
    assert seen.count == 0


def test_cached_steps_belong_to_the_flow_just_read(ann):
    document = make_flow(ann).target
    get_approval_summary(document)
    repo = get_approval_repository(document)
    assert repo.instances[0].flow is repo.flow


@pytest.mark.parametrize("deed", ["approved", "delegated", "cancelled", "extended"])
def test_cache_never_answers_for_an_older_state(ann, bob, deed):
    """K13"""
    flow = make_flow(ann, ann)
    before = [(row.pk, row.status) for row in get_approval_repository(flow.target).instances]
    if deed == "cancelled":
        cancel_flow(flow)
    elif deed == "extended":
        extend_flow(flow, [{"assigned_to": ann}])
    else:
        advance_flow(flow.target, deed, ann, delegate_to=bob)
    after = [(row.pk, row.status) for row in get_approval_repository(flow.target).instances]
    assert after != before
    assert after == list(flow.instances.in_order().values_list("pk", "status"))


def test_what_was_cached_in_a_transaction_that_failed_answers_for_nothing(ann):
    document = make_flow(ann, ann).target
    with transaction.atomic():
        advance_flow(document, "approved", ann)
        assert get_approval_summary(document)["progress_percentage"] == 50
        transaction.set_rollback(True)
    assert get_approval_summary(document)["progress_percentage"] == 0


def test_steps_stay_in_the_cache_for_five_minutes(ann, monkeypatch):
    """S0-46"""
    kept = {}
    monkeypatch.setattr(cache, "set", lambda key, value, timeout: kept.update({key: timeout}))
    assert get_approval_repository(make_flow(ann).target).instances
    assert list(kept.values()) == [300]


def test_content_types_are_remembered_for_128_models(document, statements):
    """S0-46: so that the repository needs not ask for them, whatever Django remembers."""
    assert repository.content_type_of.cache_info().maxsize == 128
    assert get_approval_repository(document).flow is None
    with statements() as seen:
        ContentType.objects.clear_cache()
        assert get_approval_repository(document).flow is None
    assert seen.count == 1


def test_clearing_concerns_one_object(ann, statements):
    """S0-45"""
    kept, cleared = make_flow(ann).target, make_flow(ann).target
    for document in (kept, cleared):
        assert get_approval_repository(document).instances
    ApprovalRepository.clear_cache_for_object(cleared)
    with statements() as seen:
        assert get_approval_repository(kept).instances
    assert seen.count == 1


def test_clearing_an_object_without_a_flow_is_no_error(document):
    ApprovalRepository.clear_cache_for_object(document)
