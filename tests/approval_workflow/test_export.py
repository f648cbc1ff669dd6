"""The history for other programs: JSON, and CSV that no spreadsheet takes for formulas."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from approval_workflow.history import COLUMNS
from approval_workflow.services import process_deadlines, substitute
from approval_workflow.testing import FlowDriver, frozen_time, make_flow, role_step, user_step
from approval_workflow.utils import export_history
from purchasing.models import User
from tests.factories import UserFactory, make_role

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def as_json(flow):
    return json.loads(export_history(flow))


def as_csv(flow):
    return list(csv.DictReader(io.StringIO(export_history(flow, form="csv"), newline="")))


@pytest.fixture
def flow(document, ann, bob):
    """Started by Bob, approved by Ann."""
    with frozen_time(MONDAY):
        flow = make_flow(document, ann, started_by=bob)
        FlowDriver(document).as_user(ann).approve(comment="fine")
    return flow


def test_every_event_is_an_object(flow):
    assert as_json(flow) == [
        {
            "sequence": event.sequence,
            "when": "2026-03-02T09:00:00+00:00",
            "event": event.kind,
            "step": step,
            "by": by,
            "on_behalf_of": None,
            "comment": event.comment,
            "from_status": event.from_status,
            "to_status": event.to_status,
            "details": event.data,
            "digest": event.digest,
        }
        for event, step, by in zip(
            flow.events.in_order(),
            [None, 1, 1, None],
            ["bob", None, "ann", None],
            strict=True,
        )
    ]


def test_approval_is_told_in_full(flow):
    approved = as_json(flow)[2]
    assert (approved["event"], approved["by"], approved["comment"]) == ("approved", "ann", "fine")
    assert (approved["from_status"], approved["to_status"]) == ("current", "approved")
    assert approved["details"]["outcome"] == "approved"


def test_csv_has_a_header_and_the_same_rows(flow):
    rows = as_csv(flow)
    assert tuple(rows[0]) == COLUMNS
    for row, told in zip(rows, as_json(flow), strict=True):
        assert row["sequence"] == str(told["sequence"])
        assert row["by"] == (told["by"] or "")
        assert json.loads(row["details"]) == told["details"]
        assert row["digest"] == told["digest"]


def test_both_names_are_told(document, ann, bob):
    substitute(ann, bob, ends_at=timezone.now() + timedelta(days=1))
    flow = make_flow(document, ann)
    FlowDriver(document).as_user(bob).approve()
    approved = as_json(flow)[2]
    assert (approved["by"], approved["on_behalf_of"]) == ("bob", "ann")


def test_people_whose_account_is_gone_are_their_keys(document, ann):
    gone = UserFactory.create()
    flow = make_flow(document, ann, started_by=gone)
    key = gone.pk
    gone.delete()
    assert as_json(flow)[0]["by"] == f"#{key}"
    assert as_csv(flow)[0]["by"] == f"#{key}"


def test_what_nobody_did_has_no_name(document, ann):
    step = user_step(ann, sla_duration=timedelta(hours=1), timeout_action="approve")
    with frozen_time(MONDAY) as clock:
        flow = make_flow(document, step)
        clock.move_by(timedelta(hours=2))
        process_deadlines()
    told = {row["event"]: row["by"] for row in as_json(flow)}
    assert (told["timed_out"], told["approved"]) == (None, None)


FORMULAS = [
    "=1+1",
    '=HYPERLINK("http://example.org";"x")',
    "+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(A1)",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(document, text):
    person = UserFactory.create(username=text)
    flow = make_flow(document, person)
    FlowDriver(document).as_user(person).approve(comment=text)
    row = as_csv(flow)[2]
    assert row["comment"] == row["by"] == f"'{text}"
    for cell in row.values():
        assert cell[:1] not in {formula[0] for formula in FORMULAS}


@pytest.mark.parametrize("text", FORMULAS)
def test_json_has_the_text_as_it_is(document, ann, text):
    flow = make_flow(document, ann)
    FlowDriver(document).as_user(ann).approve(comment=text)
    assert as_json(flow)[2]["comment"] == text


@pytest.mark.parametrize("text", ["fine", "1 = 1", "موافق", 'two\nlines, "quoted"', "'=1", "💚"])
def test_other_text_comes_back_as_it_was(document, ann, text):
    flow = make_flow(document, ann)
    FlowDriver(document).as_user(ann).approve(comment=text)
    assert as_csv(flow)[2]["comment"] == as_json(flow)[2]["comment"] == text


@pytest.mark.parametrize("form", ["xml", "", "JSON"])
def test_other_forms_are_refused(flow, form):
    with pytest.raises(ValueError, match="expected 'json' or 'csv'"):
        export_history(flow, form=form)


@pytest.mark.parametrize("people", [3, 30])
def test_it_takes_one_statement(document, statements, people):
    role = make_role(people)
    flow = make_flow(document, role_step(role, "consensus"), status="completed")
    with statements() as seen:
        export_history(flow)
    assert seen.count == 1, str(seen)


def test_deactivated_people_keep_their_names(flow, ann):
    User.objects.filter(pk=ann.pk).update(is_active=False)
    assert as_json(flow)[2]["by"] == "ann"
