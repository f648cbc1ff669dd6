"""The members of the enumerations have the names and values that are printed."""

import pytest

from approval_workflow.choices import ApprovalStatus, ApprovalType, RoleSelectionStrategy
from approval_workflow.strategies import known_strategies
from django_workflow_engine.choices import ActionType, ApprovalTypes


def test_events_are_the_eight_that_actions_are_stored_with() -> None:  # D-74, D-85, D-121, K22
    assert [(event.name, event.value) for event in ActionType] == [
        ("AFTER_APPROVE", "after_approve"),
        ("AFTER_REJECT", "after_reject"),
        ("AFTER_RESUBMISSION", "after_resubmission"),
        ("AFTER_DELEGATE", "after_delegate"),
        ("AFTER_MOVE_STAGE", "after_move_stage"),
        ("AFTER_MOVE_PIPELINE", "after_move_pipeline"),
        ("ON_WORKFLOW_START", "on_workflow_start"),
        ("ON_WORKFLOW_COMPLETE", "on_workflow_complete"),
    ]


@pytest.mark.parametrize("name", ["ANYONE", "CONSENSUS", "ROUND_ROBIN", "RANDOM", "SUPERVISOR"])
def test_printed_strategies_are_members_and_work(name: str) -> None:  # D-72, D-121, K3
    assert RoleSelectionStrategy[name].value == name.lower()
    assert name.lower() in known_strategies()


def test_kinds_of_who_is_asked_are_stored_in_upper_case() -> None:  # D-73, D-121, K1
    assert {kind.name: kind.value for kind in ApprovalTypes}.items() >= {
        "ROLE": "ROLE",
        "USER": "USER",
    }.items()
    assert all(kind.name == kind.value for kind in ApprovalTypes)


def test_kinds_of_what_is_asked_are_the_printed_four() -> None:  # D-75, K1
    assert [kind.name for kind in ApprovalType] == ["APPROVE", "SUBMIT", "CHECK_IN_VERIFY", "MOVE"]


def test_delegated_is_a_status_beside_those_of_the_core() -> None:  # D-61, D-121, K2
    assert {"APPROVED", "REJECTED", "NEEDS_RESUBMISSION", "DELEGATED"} <= set(ApprovalStatus.names)
