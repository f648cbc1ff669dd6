"""Statements that are written once: they say what the query set says, whatever is filled in."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Case, Q, Value, When
from django.utils import timezone

from approval_workflow import handlers
from approval_workflow.handlers import BaseApprovalHandler, register_handler
from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from approval_workflow.services import _at_hand, _locking, advance_flow, start_flow
from approval_workflow.statements import MOST_ROWS, Insert, Select, Update, reads_all_rows
from purchasing.models import User
from tests.approval_workflow.flows import by, current, make_document, make_flow, row_of
from tests.factories import UserFactory, make_role
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


@Select
def steps_of(flow, person):
    return ApprovalInstance.objects.filter(flow=flow, assigned_to=person).in_order()


@Select
def due_between(begin, end):
    return ApprovalInstance.objects.filter(due_at__gte=begin, due_at__lt=end)


def with_person(flow):
    return ApprovalInstance.objects.filter(flow=flow).in_order()


@Update
def one_step(step):
    return ApprovalInstance.objects.filter(pk=step)


def test_select_finds_what_the_query_set_finds(ann, bob):
    flow = make_flow(ann, bob, ann)
    found = steps_of("default", flow=flow.pk, person=ann.pk)
    assert found == list(flow.instances.filter(assigned_to=ann).in_order())
    assert [row.step_number for row in found] == [1, 3]
    assert found[0]._state.db == "default"
    assert not found[0].get_deferred_fields()


def test_select_is_written_once(ann, monkeypatch):
    flow = make_flow(ann)
    steps_of("default", flow=flow.pk, person=ann.pk)
    monkeypatch.setattr(Select, "_write", None)
    assert steps_of("default", flow=flow.pk, person=-1) == []


def test_arguments_reach_the_database_as_the_field_stores_them(ann):
    """SQLite compares text, in which an aware time would not be found."""
    flow = make_flow({"assigned_to": ann, "sla_duration": timedelta(hours=1)})
    due = flow.instances.get().due_at
    assert due_between("default", begin=due, end=due + timedelta(seconds=1))
    assert not due_between("default", begin=due + timedelta(seconds=1), end=due + timedelta(days=1))


def test_nothing_equals_none(ann):
    make_flow(by(make_role(1)))
    assert steps_of("default", flow=None, person=ann.pk) == []


def test_select_reads_what_belongs_to_a_row(ann, statements):
    flow = make_flow(ann, by(make_role(1)))
    select = Select(with_person, "assigned_to")
    with statements() as seen:
        first, second = select("default", flow=flow.pk)
        assert first.assigned_to == ann
        assert second.assigned_to is None
    assert seen.count == 1


def test_select_reads_what_belongs_to_that_too(ann, statements):
    flow = start_flow(make_document(), [{"assigned_to": ann}], started_by=ann)
    read = Select(with_person, "flow", "flow__started_by", "action_user")
    with statements() as seen:
        (row,) = read("default", flow=flow.pk)
        assert (row.flow, row.flow.started_by, row.action_user) == (flow, ann, None)
    assert seen.count == 1


def test_parameters_are_found_in_conditional_expressions(ann, bob):
    def own_first(flow, person):
        own = Case(When(Q(assigned_to=person), then=Value(0)), default=Value(1))
        return ApprovalInstance.objects.filter(flow=flow).alias(own=own).order_by("own", "pk")

    flow = make_flow(ann, bob)
    rows = Select(own_first)("default", flow=str(flow.pk), person=bob.pk)
    assert [row.assigned_to_id for row in rows] == [bob.pk, ann.pk]


def test_update_writes_only_what_is_said(ann, bob):
    flow = make_flow(ann)
    step = flow.instances.get()
    now = timezone.now()
    changes = {
        "comment": "100 % sure",
        "action_user": bob,
        "acted_at": now,
        "form_data": {"a": [1]},
    }
    assert one_step("default", changes, step=step.pk) == 1
    stored = flow.instances.get()
    assert (stored.comment, stored.action_user, stored.form_data) == ("100 % sure", bob, {"a": [1]})
    assert stored.acted_at == now
    assert stored.updated_at == step.updated_at


def test_update_tells_how_many_rows_there_were(ann):
    make_flow(ann)
    assert one_step("default", {"comment": ""}, step=-1) == 0


def test_update_stores_null_for_none(ann):
    step = make_flow(ann).instances.get()
    one_step("default", {"form_data": {}, "acted_at": timezone.now()}, step=step.pk)
    one_step("default", {"form_data": None, "acted_at": None}, step=step.pk)
    assert ApprovalInstance.objects.filter(form_data__isnull=True, acted_at=None).count() == 1


@pytest.mark.parametrize("number", [1, MOST_ROWS, MOST_ROWS + 1])
def test_insert_stores_rows_and_sets_their_keys(ann, number):
    flow = make_flow(ann)
    now = timezone.now()
    events = [
        ApprovalEvent(
            flow=flow, sequence=9 + sequence, kind="noted", created_at=now, data={"n": [None, 1.5]}
        )
        for sequence in range(number)
    ]
    Insert(ApprovalEvent)("default", events)
    stored = ApprovalEvent.objects.filter(flow=flow, sequence__gte=9).in_order()
    assert [event.pk for event in events] == [event.pk for event in stored]
    assert {event.created_at for event in stored} == {now}
    assert stored[0].data == {"n": [None, 1.5]}
    assert not events[0]._state.adding


def test_insert_sets_times_and_names_of_choices(ann):
    document = make_document()
    flow = start_flow(document, [{"assigned_to": ann}])
    stored = ApprovalFlow.objects.get()
    assert flow.created_at == stored.created_at
    assert stored.status == "in_progress"
    assert flow.instances.get().status == "current"


def test_rows_have_keys_where_the_database_does_not_return_them(ann, monkeypatch):
    features = type(connection.features)
    monkeypatch.setattr(features, "can_return_rows_from_bulk_insert", False)
    flow = make_flow(ann)
    assert flow.instances.get().status == "current"
    assert [event.instance_id for event in flow.events.in_order()] == [None, row_of(flow, ann).pk]


def test_flow_is_looked_up_by_text_as_by_number(ann):
    flow = make_flow(ann)
    assert _locking._by_key("default", flow=str(flow.pk)) == [flow]


def test_what_is_at_hand_is_all_that_is_open_and_what_comes_next(ann, bob):
    flow = make_flow(ann, bob, ann)
    work = _locking.FlowWork(flow, "default")
    assert [row.step_number for row in _at_hand.read_at_hand(work, user_key=bob.pk)] == [1, 2]
    assert [row.step_number for row in work.unfinished] == [1, 2]


def test_of_many_at_hand_not_all_are_read_and_that_is_known(ann):
    flow = make_flow(by(make_role(10), "consensus"))
    last = current(flow)[-1]
    work = _locking.FlowWork(flow, "default")
    rows = _at_hand.read_at_hand(work, user_key=last.assigned_to_id)
    assert rows[0] == last
    assert len(rows) == _at_hand.MOST
    assert work.unfinished is None


def test_who_has_no_row_of_their_own_is_judged_by_all_rows(ann):
    """A stand-in of the last of many people is found behind the rows that are read first."""
    seniors = make_role(1)
    juniors = [make_role(1, parent=seniors if number == 9 else None) for number in range(10)]
    tracks = [
        {"assigned_to": role.users.get(), "step": 1, "parallel_group": f"t{number}"}
        for number, role in enumerate(juniors)
    ]
    flow = make_flow(*tracks)
    advance_flow(flow.target, "approved", seniors.users.get())
    assert [row.parallel_group for row in flow.instances.filter(status="approved")] == ["t9"]


def test_a_manager_that_leaves_people_out_is_asked(ann, monkeypatch):
    """Whoever the project's manager hides may not act, though a row names them."""
    flow = make_flow(ann)
    manager = type(User._default_manager)
    monkeypatch.setattr(
        manager, "get_queryset", lambda self: super(manager, self).get_queryset().none()
    )
    with pytest.raises(PermissionError):
        advance_flow(flow.target, "approved", ann)


def test_account_is_read_again_when_it_acts(ann):
    flow = make_flow(ann)
    User.objects.filter(pk=ann.pk).update(is_active=False)
    with pytest.raises(PermissionError):
        advance_flow(flow.target, "approved", ann)
    assert reads_all_rows(User._default_manager)


def test_handlers_that_write_to_steps_are_seen(ann, bob):
    """What a hook has done to the next step is what opens."""

    @register_handler(Document)
    class Writing(BaseApprovalHandler):
        def on_approve(self, instance):
            steps = ApprovalInstance.objects.filter(flow=instance.flow, status="pending")
            steps.update(assigned_to=UserFactory.create(username="new"))

    flow = make_flow(ann, bob)
    opened = advance_flow(flow.target, "approved", ann)
    assert opened.assigned_to.username == "new"


def test_handlers_that_say_so_spare_the_second_look(ann, bob, statements):
    counts = []
    for writes in (True, False):
        register_handler(Document)(type("Told", (BaseApprovalHandler,), {"writes_steps": writes}))
        flow = make_flow(ann, bob)
        with statements() as seen:
            advance_flow(flow.target, "approved", ann)
        counts.append(seen.count)
        handlers._registered.clear()
    assert counts[0] == counts[1] + 1
