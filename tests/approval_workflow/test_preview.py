"""Who would be asked, before anything starts."""

from collections.abc import Callable
from typing import Any

import pytest

from approval_workflow.exceptions import InvalidInput, InvalidSteps, NobodyEligible
from approval_workflow.handlers import BaseApprovalHandler, register_handler
from approval_workflow.models import RoleTurn
from approval_workflow.services import advance_flow, preview_steps, start_flow
from approval_workflow.testing import role_step, user_step
from purchasing.models import Role
from tests.factories import UserFactory, make_role
from tests.faults import dump
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


def asked(shown: Any) -> set[Any]:
    return {person.pk for person in shown.people}


def keys_of(role: Role) -> set[Any]:
    return set(role.users.values_list("pk", flat=True))


def test_person_named_is_asked(document: Document, ann: Any) -> None:
    [shown] = preview_steps(document, [user_step(ann)])
    assert (shown.step, shown.people, shown.needed) == (1, (ann,), 1)
    assert shown.reason == "The person named"


def test_votes_say_how_many_approvals_they_need(document: Document) -> None:
    role = make_role(3)
    majority, consensus = preview_steps(
        document, [role_step(role, "majority"), role_step(role, "consensus")]
    )
    assert (majority.needed, consensus.needed) == (2, 3)
    assert asked(majority) == asked(consensus) == keys_of(role)


@pytest.mark.parametrize("strategy", ["round_robin", "random"])
def test_of_one_who_is_picked_later_all_are_shown_and_no_turn_is_taken(
    document: Document, strategy: str
) -> None:
    role = make_role(3)
    [shown] = preview_steps(document, [role_step(role, strategy)])
    assert asked(shown) == keys_of(role)
    assert shown.needed == 1
    assert not RoleTurn.objects.exists()


def test_nothing_is_written(document: Document, ann: Any) -> None:
    before = dump()
    preview_steps(document, [user_step(ann), role_step(make_role(2), "consensus")])
    after = dump()
    assert after["approval_workflow.ApprovalFlow"] == before["approval_workflow.ApprovalFlow"]
    assert not after["approval_workflow.ApprovalInstance"]


def test_nobody_comes_with_the_reason(document: Document) -> None:
    empty, short = preview_steps(
        document,
        [role_step(make_role(0)), role_step(make_role(1), "quorum", quorum_count=2)],
    )
    assert (empty.people, empty.needed) == ((), 0)
    assert "nobody eligible" in empty.reason
    assert "it needs 2 approvals, of 1 people" in short.reason


def test_separation_of_duties_leaves_the_starter_out(document: Document, ann: Any) -> None:
    role = make_role(2)
    ann.role = role
    ann.save()
    alone, others = preview_steps(
        document,
        [user_step(ann, exclude_starter=True), role_step(role, exclude_starter=True)],
        ann,
    )
    assert alone.people == ()
    assert "separation of duties" in alone.reason
    assert asked(others) == keys_of(role) - {ann.pk}


def test_answers_are_those_of_a_flow_that_starts(document: Document, bob: Any) -> None:
    bob.head_manager = UserFactory.create()
    bob.save()
    steps = [
        {"step": 1, **role_step(make_role(2), "workload_balanced"), "parallel_group": "a"},
        {"step": 1, **role_step(make_role(3), "consensus"), "parallel_group": "b"},
    ]
    shown = {one.parallel_group: asked(one) for one in preview_steps(document, steps, bob)}
    rows = start_flow(document, steps, bob).instances.current()
    assert shown == {
        group: {row.assigned_to_id for row in rows if row.parallel_group == group}
        for group in ("a", "b")
    }


def test_wrong_arguments_are_refused_as_at_the_start(document: Document) -> None:
    with pytest.raises(InvalidSteps):
        preview_steps(document, [{"assigned_to": "ann"}])
    with pytest.raises(InvalidInput):
        preview_steps(document, [], started_by="ann")


@pytest.mark.parametrize("holders", [2, 200])
def test_statements_do_not_grow_with_the_holders(
    document: Document, holders: int, statements: Callable[..., Any]
) -> None:
    role = make_role(holders)
    with statements() as seen:
        preview_steps(document, [role_step(role, "consensus")])
    assert seen.count == 1, seen


def test_a_handler_says_what_the_step_is_called_that_cannot_open(
    document: Document, ann: Any
) -> None:
    @register_handler(Document)
    class Naming(BaseApprovalHandler):
        def describe_step(self, instance: Any) -> str:
            return f"Review of {instance.flow.target}"

    start_flow(document, [user_step(ann), role_step(make_role(0), extra_fields={"at": "desk"})])
    with pytest.raises(NobodyEligible, match=f"^Review of {document}: Step 2 cannot") as caught:
        advance_flow(document, "approved", ann)
    assert caught.value.details == {"step": 2, "extra_fields": {"at": "desk"}}
