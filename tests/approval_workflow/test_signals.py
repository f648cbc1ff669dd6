"""Django signals: they mirror the history, after the transaction has committed."""

import logging

import pytest
from django.db import transaction

from approval_workflow import signals
from approval_workflow.choices import EventKind
from approval_workflow.models import ApprovalFlow
from approval_workflow.services import (
    advance_flow,
    cancel_flow,
    extend_flow,
    reassign,
    remind,
    start_flow,
)
from tests.approval_workflow.flows import by, kinds, make_document, make_flow, row_of
from tests.factories import make_role
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard():
    """What was signalled: (kind, keywords), in order."""
    calls = []

    def listen(**kwargs):
        calls.append((kwargs["event"].kind, kwargs))

    for signal in signals.BY_EVENT_KIND.values():
        signal.connect(listen)
    yield calls
    for signal in signals.BY_EVENT_KIND.values():
        signal.disconnect(listen)


@pytest.fixture
def commit(django_capture_on_commit_callbacks):
    """Commit at the end of a block."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def test_every_kind_of_event_has_a_signal_of_its_own():
    assert set(signals.BY_EVENT_KIND) == set(EventKind.values)
    assert len(set(signals.BY_EVENT_KIND.values())) == len(EventKind.values)


def test_signals_mirror_the_history(heard, commit, ann, bob):
    with commit():
        flow = make_flow(ann, bob)
        advance_flow(flow.target, "approved", ann)
        extend_flow(flow, [{"assigned_to": ann}])
        advance_flow(flow.target, "delegated", bob, delegate_to=ann)
        cancel_flow(flow)
    assert [kind for kind, _ in heard] == kinds(flow)


@pytest.mark.parametrize(
    ("action", "signal"),
    [
        ("approved", signals.step_approved),
        ("approved", signals.flow_completed),
        ("rejected", signals.step_rejected),
        ("rejected", signals.flow_rejected),
    ],
)
def test_signal_of_a_kind_is_sent_for_that_kind(commit, ann, action, signal):
    calls = []

    def listen(**kwargs):
        calls.append(kwargs)

    signal.connect(listen)
    try:
        with commit():
            advance_flow(make_flow(ann).target, action, ann)
    finally:
        signal.disconnect(listen)
    assert len(calls) == 1


# What calls no hook of a handler, as (signal, what is done before, the act).
WITHOUT_HOOKS = [
    (signals.step_claimed, [], lambda row, who, other: advance_flow(row, "claimed", who)),
    (
        signals.step_released,
        ["claimed"],
        lambda row, who, other: advance_flow(row, "released", who),
    ),
    (signals.step_checked_in, [], lambda row, who, other: advance_flow(row, "approved", who)),
    (
        signals.step_reassigned,
        [],
        lambda row, who, other: reassign(row, other, assign_to=other, reason="On leave"),
    ),
    (signals.step_reminded, [], lambda row, who, other: remind(row, other, reason="It is late")),
]


@pytest.mark.parametrize(
    ("signal", "before", "act"),
    WITHOUT_HOOKS,
    ids=["claim", "release", "check in", "reassign", "remind"],
)
def test_what_calls_no_hook_has_a_signal(commit, told, ann, signal, before, act):
    calls = []

    def listen(**kwargs):
        calls.append(kwargs["instance"])

    role = make_role(2)
    who = role.users.first()
    row = row_of(make_flow(by(role, approval_type="check_in_verify")), who)
    for action in before:
        advance_flow(row, action, who)
    signal.connect(listen)
    try:
        with commit():
            act(row, who, ann)
    finally:
        signal.disconnect(listen)
    assert (calls, told) == ([row], [])


def test_receivers_get_flow_event_and_instance(heard, commit, ann):
    with commit():
        flow = make_flow(ann)
        advance_flow(flow.target, "approved", ann, comment="Fine")
    kind, given = heard[2]
    assert kind == "approved"
    assert (given["sender"], given["flow"]) == (ApprovalFlow, flow)
    assert (given["instance"].status, given["event"].comment) == ("approved", "Fine")
    assert given["event"].pk is not None


def test_event_about_the_whole_flow_has_no_instance(heard, commit, ann):
    with commit():
        make_flow(ann)
    assert heard[0][1]["instance"] is None


def test_nothing_is_sent_before_the_commit(heard, django_capture_on_commit_callbacks, ann):
    with django_capture_on_commit_callbacks(execute=False) as callbacks:
        make_flow(ann)
    assert heard == []
    assert len(callbacks) == 1


def test_nothing_is_sent_for_what_was_rolled_back(heard, commit, ann):
    document = make_document()
    with commit(), transaction.atomic():
        start_flow(document, [{"assigned_to": ann}])
        transaction.set_rollback(True)
    assert heard == []


@pytest.mark.django_db(transaction=True)
def test_receivers_see_what_was_committed(ann):
    """With a real commit: what they read is what is stored, and no transaction is open."""
    seen = []

    def look(**kwargs):
        in_atomic_block = transaction.get_connection().in_atomic_block
        stored = ApprovalFlow.objects.get(pk=kwargs["flow"].pk)
        seen.append((stored.status, kwargs["flow"].status, in_atomic_block))

    signals.flow_completed.connect(look)
    try:
        advance_flow(make_flow(ann).target, "approved", ann)
    finally:
        signals.flow_completed.disconnect(look)
    assert seen == [("completed", "completed", False)]


def test_receiver_that_fails_reaches_neither_the_caller_nor_the_others(heard, commit, ann, caplog):
    def fail(**kwargs):
        raise RuntimeError("receiver is broken")

    signals.step_opened.connect(fail)
    try:
        with caplog.at_level(logging.ERROR), commit():
            flow = make_flow(ann)
    finally:
        signals.step_opened.disconnect(fail)
    assert [kind for kind, _ in heard] == ["flow_started", "step_opened"]
    assert ApprovalFlow.objects.filter(pk=flow.pk).exists()
    assert "receiver is broken" in caplog.text


def test_repeated_call_is_not_signalled_again(heard, commit, ann):
    with commit():
        flow = make_flow(ann, ann)
        advance_flow(flow.target, "approved", ann, idempotency_key="k-1")
    heard.clear()
    with commit():
        advance_flow(flow.target, "approved", ann, idempotency_key="k-1")
    assert heard == []


def test_receiver_may_act_on_the_flow(commit, ann, bob):
    """Unlike a handler: the transaction is over."""

    def go_on(*, flow, **kwargs):
        advance_flow(flow.target, "approved", bob)

    signals.step_approved.connect(go_on)
    try:
        document = Document.objects.create(title="x")
        start_flow(document, [{"assigned_to": ann}, {"assigned_to": bob}, {"assigned_to": ann}])
        with commit():
            advance_flow(document, "approved", ann)
    finally:
        signals.step_approved.disconnect(go_on)
    flow = ApprovalFlow.objects.get()
    assert list(flow.instances.filter(status="approved").values_list("step_number", flat=True)) == [
        1,
        2,
    ]
