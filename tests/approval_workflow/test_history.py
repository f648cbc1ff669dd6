"""The history: append-only, in a chain that shows what was done to it."""

import random

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from approval_workflow.choices import EventKind
from approval_workflow.events import EventRecorder, digest_of, verify_flow
from approval_workflow.exceptions import HistoryIsAppendOnly
from approval_workflow.models import ApprovalEvent, ApprovalFlow
from approval_workflow.services import (
    advance_flow,
    cancel_flow,
    extend_flow,
    replace_steps,
    start_flow,
)
from approval_workflow.utils import timeline
from tests.approval_workflow.flows import by, make_document, make_flow, verified
from tests.factories import DynamicFormFactory, UserFactory, make_role

pytestmark = pytest.mark.django_db

TABLE = ApprovalEvent._meta.db_table


@pytest.fixture
def story(ann, bob):
    """A flow to which everything happens, with every kind of value in its history."""
    role = make_role(3)
    form = DynamicFormFactory.create(form_schema={"type": "object"})
    document = make_document()
    steps = [
        {"assigned_to": ann, "form": form, "approval_type": "submit"},
        by(role, "consensus", rejection_policy="out_of_reach"),
        {"assigned_to": ann, "approval_type": "check_in_verify"},
    ]
    flow = start_flow(document, steps, started_by=bob)
    advance_flow(document, "approved", ann, comment="1.50 € ✓ 日本 🎉\n'\"\\", form_data={"a": 1.0})
    first, second, third = role.users.order_by("pk")
    advance_flow(document, "delegated", first, delegate_to=bob, idempotency_key="Schlüssel-🔑")
    advance_flow(document, "approved", second)
    advance_flow(document, "resubmission", bob, resubmission_steps=steps[1:], comment="x" * 5000)
    for holder in (first, second, third):
        advance_flow(document, "approved", holder)
    extend_flow(flow, [{"assigned_to": bob}], user=ann)
    replace_steps(flow, [*steps[1:], {"assigned_to": ann}], reason="R", details={"ü": [1.0, None]})
    advance_flow(document, "approved", ann)
    advance_flow(document, "approved", ann)
    cancel_flow(document, ann, reason="That was enough")
    return ApprovalFlow.objects.get(pk=flow.pk)


def find(flow):
    """Look the flow's history through as the database gives it back."""
    flow = ApprovalFlow.objects.get(pk=flow.pk)
    return verify_flow(flow, flow.events.in_order())


def run(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql.replace("EVENTS", connection.ops.quote_name(TABLE)), parameters)
        assert cursor.rowcount > 0


def test_long_story_verifies(story):
    assert story.events.count() > 15
    assert find(story) is None


def test_events_are_numbered_from_one_without_gaps(story):
    numbers = list(story.events.in_order().values_list("sequence", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    assert story.history_length == len(numbers)


def test_data_of_every_kind_verifies(ann):
    """Numbers and keys come back from JSON columns as each database writes them."""
    flow = make_flow(ann)
    data = {
        "whole": 1.0,
        "small": 1e-7,
        "large": 1e22,
        "exact": 0.1,
        "long": 12345678901234567890,
        "minus": -0.0,
        "nested": {"b": [1, 2.5, None, True], "a": {"é": "✓"}},
        "empty": {},
    }
    record(flow, ann, **data)
    assert verified(flow)


def test_random_numbers_verify(ann):
    flow = make_flow(ann)
    numbers = random.Random(1)
    spread = [numbers.uniform(-1, 1) * 10.0 ** numbers.randint(-20, 20) for _ in range(300)]
    record(flow, ann, numbers=spread)
    assert verified(flow)


def record(flow, user, **data):
    """Write an event with this data, as a service would."""
    flow = ApprovalFlow.objects.get(pk=flow.pk)
    recorder = EventRecorder(flow)
    recorder.add(EventKind.STEPS_ADDED, actor=user, **data)
    recorder.chain()
    recorder.write("default")
    flow.save()


# What was done to the rows shows, at the right place


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("comment", "Somebody else's words"),
        ("kind", "rejected"),
        ("from_status", "pending"),
        ("to_status", "rejected"),
        ("data", '{"step": 99}'),
        ("idempotency_key", "forged"),
        ("created_at", "2001-01-01 00:00:00"),
        ("actor_id", 0),
        ("on_behalf_of_id", 0),
        ("digest", "0" * 64),
    ],
)
@pytest.mark.parametrize("sequence", [1, 7])
def test_altered_row_is_found(story, column, value, sequence):
    sql = f"UPDATE EVENTS SET {column} = %s WHERE flow_id = %s AND sequence = %s"  # noqa: S608
    run(sql, value, story.pk, sequence)
    broken = find(story)
    assert (broken.flow_id, broken.sequence, broken.problem) == (
        story.pk,
        sequence,
        "the row was altered",
    )


def test_row_given_to_another_step_is_found(story):
    other = story.instances.last()
    run(
        "UPDATE EVENTS SET instance_id = %s WHERE flow_id = %s AND sequence = 3", other.pk, story.pk
    )
    assert find(story).sequence == 3


@pytest.mark.parametrize("sequence", [1, 7])
def test_deleted_row_is_found(story, sequence):
    run("DELETE FROM EVENTS WHERE flow_id = %s AND sequence = %s", story.pk, sequence)
    broken = find(story)
    assert (broken.sequence, broken.problem) == (sequence, "the row is missing")


def test_deleted_row_whose_number_was_closed_up_is_found(story):
    run("DELETE FROM EVENTS WHERE flow_id = %s AND sequence = 7", story.pk)
    for number in range(8, story.history_length + 1):
        run(
            "UPDATE EVENTS SET sequence = %s WHERE flow_id = %s AND sequence = %s",
            number - 1,
            story.pk,
            number,
        )
    assert find(story).sequence == 7


@pytest.mark.parametrize("left", [0, 3])
def test_tail_that_was_cut_off_is_found(story, left):
    run("DELETE FROM EVENTS WHERE flow_id = %s AND sequence > %s", story.pk, left)
    broken = find(story)
    assert (broken.sequence, broken.problem) == (left + 1, "the row is missing")


def insert_copy(flow, sequence, *, of):
    columns = "kind, comment, from_status, to_status, data, created_at, digest, actor_id, flow_id"
    run(
        f"INSERT INTO EVENTS (sequence, {columns})"  # noqa: S608
        f" SELECT %s, {columns} FROM EVENTS WHERE flow_id = %s AND sequence = %s",
        sequence,
        flow.pk,
        of,
    )


def test_row_put_in_at_the_end_is_found(story):
    end = story.history_length + 1
    insert_copy(story, end, of=1)
    assert find(story).sequence == end


def test_row_put_in_in_the_middle_is_found(story):
    for number in range(story.history_length, 6, -1):
        run(
            "UPDATE EVENTS SET sequence = %s WHERE flow_id = %s AND sequence = %s",
            number + 1,
            story.pk,
            number,
        )
    insert_copy(story, 7, of=6)
    assert find(story).sequence == 7


def test_row_put_in_at_the_end_with_a_digest_of_its_own_is_found(story):
    """Whoever knows how digests are made still meets the end of the chain on the flow."""
    end = story.history_length + 1
    insert_copy(story, end, of=1)
    forged = story.events.get(sequence=end)
    digest = digest_of(forged, story.history_digest)
    run("UPDATE EVENTS SET digest = %s WHERE flow_id = %s AND sequence = %s", digest, story.pk, end)
    broken = find(story)
    assert (broken.sequence, broken.problem) == (end, "the row does not belong to the flow")


def test_rows_that_changed_places_are_found(story):
    for old, new in ((3, 1003), (4, 3), (1003, 4)):
        run(
            "UPDATE EVENTS SET sequence = %s WHERE flow_id = %s AND sequence = %s",
            new,
            story.pk,
            old,
        )
    assert find(story).sequence == 3


def test_history_of_another_flow_is_not_accepted(story, ann):
    other = make_flow(ann)
    assert verify_flow(other, story.events.in_order()) is not None


def test_first_bad_row_is_named_for_people(story):
    run("DELETE FROM EVENTS WHERE flow_id = %s AND sequence = 2", story.pk)
    assert str(find(story)) == f"flow {story.pk}, event 2: the row is missing"


# The ORM refuses (L20)


def event_of(flow):
    return flow.events.in_order().first()


WAYS = {
    "save": lambda event: event.save(),
    "save fields": lambda event: event.save(update_fields=["comment"]),
    "delete": lambda event: event.delete(),
    "update": lambda event: ApprovalEvent.objects.filter(pk=event.pk).update(comment="x"),
    "delete many": lambda event: ApprovalEvent.objects.filter(pk=event.pk).delete(),
    "delete all": lambda event: event.flow.events.all().delete(),
    "bulk update": lambda event: ApprovalEvent.objects.bulk_update([event], ["comment"]),
    "update or create": lambda event: ApprovalEvent.objects.update_or_create(
        pk=event.pk, defaults={"comment": "x"}
    ),
    "bulk create over": lambda event: ApprovalEvent.objects.bulk_create(
        [event], update_conflicts=True, update_fields=["comment"], unique_fields=["id"]
    ),
    "related update": lambda event: event.flow.events.update(comment="x"),
}


@pytest.mark.parametrize("way", WAYS)
def test_rows_cannot_be_changed_or_deleted(ann, way):
    flow = make_flow(ann)
    event = event_of(flow)
    event.comment = "changed"
    with pytest.raises(HistoryIsAppendOnly) as caught:
        WAYS[way](event)
    assert caught.value.code == "history_is_append_only"
    assert (event_of(flow).comment, verified(flow)) == ("", True)


def test_new_object_with_the_key_of_a_row_does_not_replace_it(ann):
    flow = make_flow(ann)
    event = event_of(flow)
    names = [field.attname for field in ApprovalEvent._meta.concrete_fields]
    twin = ApprovalEvent(**{name: getattr(event, name) for name in names})
    twin.comment = "changed"
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()
    assert verified(flow)


@pytest.mark.parametrize("model", ["flow", "instance", "document"])
def test_history_goes_with_nothing_else(ann, model):
    flow = make_flow(ann)
    target = {"flow": flow, "instance": flow.instances.get(), "document": flow.target}[model]
    if model == "document":
        target.delete()
    else:
        with pytest.raises(ProtectedError):
            target.delete()
    assert ApprovalEvent.objects.filter(flow=flow).count() == 2


def test_who_acted_stays_on_record_when_the_account_is_gone(ann):
    starter = UserFactory.create()
    key = starter.pk
    flow = start_flow(make_document(), [{"assigned_to": ann}], started_by=starter)
    starter.delete()
    assert flow.events.get(kind="flow_started").actor_id == key
    assert verified(flow)


def test_timeline_names_people_and_steps_in_one_statement(story, statements):
    with statements() as seen:
        for event in timeline(story):
            assert event.actor is None or event.actor.username
            assert event.instance is None or event.instance.step_number
    assert seen.count == 1
