"""Fixtures of the engine's tests."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from celery import Celery, current_app

from django_workflow_engine.models import WorkflowAttachment
from tests.django_workflow_engine.due_actions import make_attachment
from tests.testapp import workflow_actions


@pytest.fixture
def calls() -> Iterator[list[workflow_actions.Call]]:
    """What the function `note` of the test project was called with, in order."""
    workflow_actions.calls.clear()
    yield workflow_actions.calls
    workflow_actions.calls.clear()


@pytest.fixture
def attachment(db: None) -> WorkflowAttachment:
    """What actions can be due of."""
    return make_attachment()


@pytest.fixture
def committing_attachment(transactional_db: None) -> WorkflowAttachment:
    """The same, where transactions are really committed."""
    return make_attachment()


@pytest.fixture
def celery_app() -> Iterator[Callable[..., Celery]]:
    """Make a Celery application the current one: `celery_app(broker)`."""
    before = current_app._get_current_object()

    def make(broker: str, queue: str | None = None) -> Celery:
        app = Celery("tests", broker=broker, set_as_current=False)
        app.conf.task_default_queue = queue or f"tests-{uuid.uuid4()}"
        app.set_current()
        return app

    yield make
    before.set_current()
