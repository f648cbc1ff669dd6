"""Support for the tests of projects that use this package.

It needs neither pytest nor factory_boy nor a library that freezes time: everything works in any
test runner. What happens after commit (signals) does not happen in a test that is rolled back:
wrap the act in Django's `captureOnCommitCallbacks(execute=True)`, or with pytest-django in
`django_capture_on_commit_callbacks(execute=True)`.
"""

from approval_workflow.testing.assertions import (
    assert_flow_status,
    assert_history_intact,
    assert_may_act,
    assert_may_not_act,
    assert_waiting_on,
)
from approval_workflow.testing.clock import Clock, frozen_time
from approval_workflow.testing.driver import Actor, FlowDriver
from approval_workflow.testing.factories import make_flow, role_step, user_step

__all__ = [
    "Actor",
    "Clock",
    "FlowDriver",
    "assert_flow_status",
    "assert_history_intact",
    "assert_may_act",
    "assert_may_not_act",
    "assert_waiting_on",
    "frozen_time",
    "make_flow",
    "role_step",
    "user_step",
]
