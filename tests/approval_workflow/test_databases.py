"""With replicas: what is decided is read from the database that is written to."""

import pytest

from approval_workflow.services import advance_flow
from approval_workflow.utils import can_user_approve
from tests.approval_workflow.deeds import DEEDS
from tests.approval_workflow.flows import by, make_flow, row_of
from tests.factories import UserFactory, make_role

pytestmark = pytest.mark.django_db


class Watcher:
    """A router that notes which of the core's models are read wherever reads go."""

    def __init__(self):
        self.read = []

    def db_for_read(self, model, **hints):
        if model._meta.app_label == "approval_workflow":
            self.read.append(model.__name__)


@pytest.fixture
def watch(settings):
    """A function that begins to watch and returns the watcher."""

    def begin():
        watcher = Watcher()
        settings.DATABASE_ROUTERS = [watcher]
        return watcher

    return begin


@pytest.mark.parametrize("make", DEEDS, ids=lambda make: make.__name__)
def test_nothing_is_decided_by_what_a_replica_says(make, ann, bob, watch):
    deed = make(ann, bob)
    watcher = watch()
    deed()
    assert watcher.read == []


@pytest.mark.parametrize("action", ["approved", "delegated"])
def test_nor_who_stands_in_or_has_decided_before(ann, bob, watch, action):
    """Somebody who is not asked, in a step with separation of duties."""
    flow = make_flow(ann, by(make_role(2), exclude_deciders=True))
    advance_flow(flow.target, "approved", ann)
    watcher = watch()
    with pytest.raises(PermissionError):
        advance_flow(flow.target, action, bob, delegate_to=ann)
    assert watcher.read == []


def test_question_whether_somebody_may_act_may_be_answered_by_a_replica(watch):
    """Where the row came from, there the votes are counted."""
    role = make_role(2)
    row = row_of(make_flow(by(role, "consensus")), role.users.first())
    row._state.db = None
    watcher = watch()
    assert not can_user_approve(row, UserFactory.create())
    assert "ApprovalInstance" in watcher.read
