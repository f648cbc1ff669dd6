"""Support for the tests of projects that use the engine.

It needs neither pytest nor factory_boy. What the core has for single steps
(`approval_workflow.testing`: `assert_waiting_on`, `assert_may_act`, `frozen_time`) works on objects
with a workflow too.

Actions run after commit, and a test that is rolled back commits nothing: wrap what makes them due
in `actions_run()`, or have them run at once with `inline_actions()`.
"""

from django_workflow_engine.testing.actions import (
    RanActions,
    actions_of,
    actions_run,
    engine_settings,
    inline_actions,
)
from django_workflow_engine.testing.assertions import (
    assert_action_ran,
    assert_completed,
    assert_pipeline,
    assert_stage,
    assert_workflow_status,
)
from django_workflow_engine.testing.driver import WorkflowActor, WorkflowDriver
from django_workflow_engine.testing.factories import (
    make_action,
    make_attachment,
    make_workflow,
    role_approval,
    stage_of,
    user_approval,
)

__all__ = [
    "RanActions",
    "WorkflowActor",
    "WorkflowDriver",
    "actions_of",
    "actions_run",
    "assert_action_ran",
    "assert_completed",
    "assert_pipeline",
    "assert_stage",
    "assert_workflow_status",
    "engine_settings",
    "inline_actions",
    "make_action",
    "make_attachment",
    "make_workflow",
    "role_approval",
    "stage_of",
    "user_approval",
]
