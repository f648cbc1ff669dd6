"""With replicas: what is decided about a workflow is read from the database that is written to."""

from collections.abc import Callable
from typing import Any

import pytest

from django_workflow_engine.cleanup import cleanup_completed_workflow_attachments
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    cancel_workflow,
    get_workflow_attachment,
    hold_workflow,
    withdraw_workflow,
)
from purchasing.models import PurchaseRequest, User
from tests.factories import PurchaseRequestFactory, UserFactory, by_user, make_workflow

pytestmark = pytest.mark.django_db

APPS = ("approval_workflow", "django_workflow_engine")


class Watcher:
    """A router that notes which models of the packages are read wherever reads go."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def db_for_read(self, model: Any, **hints: Any) -> None:
        if model._meta.app_label in APPS:
            self.read.append(model.__name__)


@pytest.fixture
def ann() -> User:
    return UserFactory.create(is_superuser=True)


@pytest.fixture
def template(ann: User) -> WorkFlow:
    return make_workflow([[by_user(ann)], [by_user(ann)], [by_user(ann)]])


@pytest.fixture
def obj() -> PurchaseRequest:
    return PurchaseRequestFactory.create()


@pytest.fixture
def watch(settings: Any) -> Callable[[], Watcher]:
    """A function that begins to watch and returns the watcher."""

    def begin() -> Watcher:
        watcher = Watcher()
        settings.DATABASE_ROUTERS = [watcher]
        return watcher

    return begin


def test_nothing_about_attaching_is_decided_by_what_a_replica_says(
    template: WorkFlow, ann: User, obj: PurchaseRequest, watch: Callable[[], Watcher]
) -> None:
    watcher = watch()
    attach_workflow_to_object(obj, template, user=ann)
    assert watcher.read == []


DEEDS: dict[str, Callable[[PurchaseRequest, User], Any]] = {
    "approve": lambda obj, ann: act_on_object(obj, "approved", ann),
    "reject": lambda obj, ann: act_on_object(obj, "rejected", ann),
    "cancel": cancel_workflow,
    "hold": lambda obj, ann: hold_workflow(obj, ann, reason="Wait."),
    "withdraw": lambda obj, ann: withdraw_workflow(obj, ann, reason="No."),
}


@pytest.mark.parametrize("name", DEEDS)
def test_nor_what_is_done_to_it_and_what_it_is_like_then(
    template: WorkFlow,
    ann: User,
    obj: PurchaseRequest,
    watch: Callable[[], Watcher],
    name: str,
    django_capture_on_commit_callbacks: Any,
) -> None:
    attach_workflow_to_object(obj, template, user=ann)
    watcher = watch()
    with django_capture_on_commit_callbacks(execute=True):
        DEEDS[name](obj, ann)
    assert watcher.read == []


def test_nor_what_is_cleaned_up(
    template: WorkFlow, ann: User, obj: PurchaseRequest, watch: Callable[[], Watcher]
) -> None:
    attach_workflow_to_object(obj, template, user=ann)
    cancel_workflow(obj, ann)
    watcher = watch()
    assert cleanup_completed_workflow_attachments(0)["attachments_deleted"] == 1
    assert watcher.read == []


def test_where_an_object_stands_may_be_told_by_a_replica(
    template: WorkFlow, ann: User, obj: PurchaseRequest, watch: Callable[[], Watcher]
) -> None:
    attach_workflow_to_object(obj, template, user=ann)
    watcher = watch()
    assert get_workflow_attachment(obj) is not None
    assert watcher.read == ["WorkflowAttachment"]
