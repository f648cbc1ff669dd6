"""Fixtures of the core's tests: nobody listens unless a test says so."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType

from approval_workflow import handlers
from approval_workflow.handlers import BaseApprovalHandler, register_handler
from tests.approval_workflow.flows import make_document
from tests.factories import RoleFactory, UserFactory
from tests.testapp.models import Document

# From the bottom.
RANKS = ("worker", "head", "director", "chief")


@pytest.fixture(autouse=True)
def no_listed_handlers(settings: Any) -> None:
    """The core is tested by itself: the engine does not listen."""
    settings.APPROVAL_HANDLERS = []


@pytest.fixture(autouse=True)
def decisions_can_be_undone(settings: Any) -> None:
    settings.APPROVAL_UNDO_PERIOD = timedelta(minutes=10)


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(handlers, "_registered", {})


@pytest.fixture
def ann(db: None) -> Any:
    return UserFactory.create(username="ann")


@pytest.fixture
def bob(db: None) -> Any:
    return UserFactory.create(username="bob")


@pytest.fixture
def cid(db: None) -> Any:
    return UserFactory.create(username="cid")


@pytest.fixture
def by_manager(db: None, settings: Any) -> dict[str, Any]:
    """People by rank; each one's manager is the next one."""
    settings.APPROVAL_HEAD_MANAGER_FIELD = "head_manager"
    settings.APPROVAL_ROLE_MODEL = None
    above, staff = None, {}
    for rank in reversed(RANKS):
        above = staff[rank] = UserFactory.create(username=rank, head_manager=above)
    return staff


@pytest.fixture
def by_tree(db: None) -> dict[str, Any]:
    """People by rank; each one's role is below that of the next one."""
    role, staff = None, {}
    for rank in reversed(RANKS):
        role = RoleFactory.create(name=rank, parent=role)
        staff[rank] = UserFactory.create(username=rank, role=role)
    return staff


@pytest.fixture(params=["by_manager", "by_tree"])
def staff(request: pytest.FixtureRequest) -> dict[str, Any]:
    """People by rank, above one another in either way."""
    people: dict[str, Any] = request.getfixturevalue(request.param)
    return people


@pytest.fixture
def document(db: None) -> Document:
    return make_document()


@pytest.fixture
def retired_type(db: None) -> ContentType:
    """The content type of a model whose app is not installed any more."""
    return ContentType.objects.create(app_label="retired", model="thing")


@pytest.fixture
def told() -> list[tuple[str, Any]]:
    """The hooks that were called on flows of documents, in order, with their arguments."""
    calls: list[tuple[str, Any]] = []

    @register_handler(Document)
    class Recorder(BaseApprovalHandler):
        """Notes every call."""

    def note(hook: str) -> Any:
        def call(self: BaseApprovalHandler, argument: Any) -> Any:
            calls.append((hook, argument))
            return ()

        return call

    for hook in HOOKS:
        setattr(Recorder, hook, note(hook))
    return calls


HOOKS = [
    name
    for name in vars(BaseApprovalHandler)
    if name.startswith(("before_", "on_", "after_", "next_"))
]
