"""Options, the choice of tests by what the machine offers, and fixtures for every test."""

import re
from collections.abc import Callable
from typing import Self

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db import DEFAULT_DB_ALIAS, connections
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from django_workflow_engine.services import registration

# What frames a transaction is not part of a budget: only statements that read or write are.
TRANSACTION_FRAME = re.compile(
    r"\s*(SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK|BEGIN|START TRANSACTION|COMMIT|SET TRANSACTION)\b",
    re.IGNORECASE,
)


class Statements(CaptureQueriesContext):
    """The SQL statements run inside a ``with`` block, transaction frames left out.

    They are those of a process that has been running for a while, which knows the content types.
    ``sql`` and ``count`` can be read inside the block as well as after it.
    """

    def __init__(self, using: str = DEFAULT_DB_ALIAS) -> None:
        super().__init__(connections[using])

    def __enter__(self) -> Self:
        ContentType.objects.db_manager(self.connection.alias).get_for_models(*apps.get_models())
        return super().__enter__()

    @property
    def sql(self) -> list[str]:
        statements = [query["sql"] for query in self.captured_queries]
        return [sql for sql in statements if not TRANSACTION_FRAME.match(sql)]

    @property
    def count(self) -> int:
        return len(self.sql)

    def __str__(self) -> str:
        return "\n".join(f"{number}. {sql}" for number, sql in enumerate(self.sql, start=1))


# Tests of pages, texts and tools: what they say does not depend on the database.
ABOUT_PAGES = (
    "tests/docs/",
    "tests/tooling/",
    "tests/integration/test_example_",
    "tests/approval_workflow/test_admin",
    "tests/approval_workflow/api/test_contract",
    "tests/django_workflow_engine/test_admin",
    "tests/django_workflow_engine/test_diagrams",
    "tests/django_workflow_engine/api/test_contract",
)
# Plays at random, long tables and the REST API, which databases have little part in: two of them
# are enough.
ON_TWO_DATABASES = (
    "tests/approval_workflow/api/",
    "tests/approval_workflow/test_invariants",
    "tests/approval_workflow/test_state_machine",
    "tests/approval_workflow/test_strategies_votes",
    "tests/django_workflow_engine/api/test_attachments",
    "tests/django_workflow_engine/api/test_closed",
    "tests/django_workflow_engine/api/test_control",
    "tests/django_workflow_engine/api/test_executions",
    "tests/django_workflow_engine/api/test_schema",
    "tests/django_workflow_engine/api/test_workflows",
    "tests/django_workflow_engine/test_differences",
    "tests/django_workflow_engine/test_files",
    "tests/django_workflow_engine/test_random_workflows",
    "tests/django_workflow_engine/test_schemas",
    "tests/django_workflow_engine/test_serializers",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--services",
        action="store_true",
        help="also run the tests that need Redis or RabbitMQ",
    )
    parser.addoption(
        "--browser",
        action="store_true",
        help="also run the tests that need Chromium and its driver",
    )
    parser.addoption(
        "--no-pages",
        action="store_true",
        help="leave out the tests of pages, texts and tools",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this database or this run cannot answer for; nothing is skipped."""
    unwanted = set()
    vendor = connections[DEFAULT_DB_ALIAS].vendor
    if vendor == "sqlite":
        unwanted.add("contention")
    if vendor != "postgresql":
        unwanted.add("scale")
    if not config.getoption("--services"):
        unwanted.add("services")
    if not config.getoption("--browser"):
        unwanted.add("browser")
    pages: tuple[str, ...] = ()
    if config.getoption("--no-pages"):
        pages = ABOUT_PAGES if vendor == "postgresql" else (*ABOUT_PAGES, *ON_TWO_DATABASES)
    kept, left_out = [], []
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        # A test of connections is about the database, wherever it is.
        on_page = item.nodeid.startswith(pages) and "contention" not in marks
        (left_out if marks & unwanted or on_page else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


@pytest.fixture
def statements() -> Callable[..., Statements]:
    """Count statements: ``with statements() as seen: ...`` then ``seen.count`` and ``seen.sql``."""
    return Statements


@pytest.fixture(autouse=True)
def in_english() -> None:
    """Requests of other tests leave their language behind."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """Start each test with nothing remembered from another one."""
    cache.clear()


@pytest.fixture(autouse=True)
def registered_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that a test registers for workflows are registered for that test alone."""
    monkeypatch.setattr(registration, "_registered", set(registration._registered))
    monkeypatch.setattr(registration, "_waiting", dict(registration._waiting))


@pytest.fixture(autouse=True)
def content_types_of_models() -> None:
    """Content types that another test made up are forgotten: their keys are handed out again."""
    for known in ContentType.objects._cache.values():
        for key in [key for key, found in known.items() if found.model_class() is None]:
            del known[key]
