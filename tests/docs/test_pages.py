"""The Python blocks of the documentation run as they are printed, page by page.

The blocks of a page share one module, which can be imported under the names that the pages use
(`shop.approvals` and so on). Settings that a block gives hold for the rest of the page. Test cases
that a page prints are run when all its blocks are there.
"""

import io
import re
import sys
import textwrap
import unittest
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.utils.module_loading import import_string

from approval_workflow import conf as approval_conf
from approval_workflow import handlers
from approval_workflow.strategies import dynamic
from django_workflow_engine import conf as engine_conf
from django_workflow_engine import function_paths
from purchasing.models import DynamicForm, PurchaseRequest, Role
from tests.testapp.models import Document

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^( *)```python\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
TEST_PAGES = ["guides/testing-your-flows.md", "guides/testing-workflows.md"]
PAGES = [
    "quickstart.md",
    "guides/flows.md",
    "guides/roles.md",
    "guides/strategies.md",
    "guides/handlers-and-signals.md",
    "guides/deadlines.md",
    "guides/substitutes-and-duties.md",
    "guides/forms-and-kinds.md",
    "guides/inbox-and-history.md",
    "guides/concurrency.md",
    "guides/workflows.md",
    "guides/versions.md",
    "guides/statistics.md",
    "guides/routing.md",
    "guides/controlling.md",
    "guides/diagrams.md",
    "guides/clean-up.md",
    "guides/actions.md",
    "guides/starting.md",
    "guides/workflow-files.md",
    "guides/workflows-in-code.md",
    "guides/approval-types.md",
    "guides/notifications.md",
    "guides/production.md",
    "guides/scale.md",
    "reference/api.md",
    "reference/engine-api.md",
]
SETTINGS = {*approval_conf.DEFAULTS, *engine_conf.TOP_LEVEL_DEFAULTS, engine_conf.SETTING}
MODULES = ("shop", "shop.approvals", "shop.models", "shop.mail")


def blocks(page: str) -> list[str]:
    text = (DOCS / page).read_text("utf-8")
    return [textwrap.dedent(code) for _indent, code in BLOCK.findall(text)]


def world() -> dict[str, Any]:
    """What the pages call: people, roles in a tree, a board, a form, models."""
    directors = Role.objects.create(name="Directors")
    managers = Role.objects.create(name="Managers", parent=directors)
    clerks = Role.objects.create(name="Clerks", parent=managers)
    board = Role.objects.create(name="Board")
    users = get_user_model().objects
    cara = users.create(username="cara", role=directors)
    ben = users.create(username="ben", role=managers, head_manager=cara)
    ann = users.create(username="ann", role=clerks, head_manager=ben, email="ann@example.org")
    members = {name: users.create(username=name, role=board) for name in ("eve", "finn", "gus")}
    board.lead = members["eve"]
    board.save()
    schema = {
        "type": "object",
        "properties": {"amount": {"type": "number", "minimum": 1}},
        "required": ["amount"],
    }
    return {
        "Document": Document,
        "PurchaseRequest": PurchaseRequest,
        "directors": directors,
        "managers": managers,
        "clerks": clerks,
        "board": board,
        "ann": ann,
        "ben": ben,
        "cara": cara,
        **members,
        "dan": users.create(username="dan"),
        "budget_form": DynamicForm.objects.create(name="Budget", form_schema=schema),
    }


@pytest.fixture
def shop(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module that the blocks of a page make up; what they register goes away again."""
    module = ModuleType("shop.approvals")
    module.__dict__.update(world())
    for name in MODULES:
        monkeypatch.setitem(sys.modules, name, module)
    for name in MODULES[1:]:
        setattr(module, name.rpartition(".")[2], module)
    for registry in (handlers, dynamic, function_paths):
        monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    yield module
    module.__dict__.clear()


def play(page: str, shop: ModuleType, settings: Any) -> None:
    """Run all blocks of a page in order."""
    found = blocks(page)
    assert found, f"{page} has no Python block"
    for number, code in enumerate(found, start=1):
        exec(compile(code, f"{page}, block {number}", "exec"), shop.__dict__)  # noqa: S102
        for name in SETTINGS & shop.__dict__.keys():
            setattr(settings, name, shop.__dict__[name])


def test_every_page_with_a_block_is_run() -> None:
    names = {
        str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md") if "_build" not in str(path)
    }
    assert {name for name in names if blocks(name)} == {*PAGES, *TEST_PAGES, "installation.md"}


# T-12
@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_run_as_printed(page: str, shop: ModuleType, settings: Any) -> None:
    play(page, shop, settings)


@pytest.mark.parametrize("page", TEST_PAGES)
def test_the_test_cases_of_the_guide_pass(page: str, shop: ModuleType, settings: Any) -> None:
    play(page, shop, settings)
    told = io.StringIO()
    suite = unittest.defaultTestLoader.loadTestsFromModule(shop)
    result = unittest.TextTestRunner(told).run(suite)
    assert result.wasSuccessful(), told.getvalue()
    assert result.testsRun == (DOCS / page).read_text("utf-8").count(" def test_")


# D-113
def test_the_blocks_of_the_page_on_custom_actions_run_as_printed(
    shop: ModuleType, settings: Any
) -> None:
    play("../CUSTOM_ACTIONS_README.md", shop, settings)


# D-114
def test_the_blocks_of_the_page_on_approval_types_run_as_printed(
    shop: ModuleType, settings: Any
) -> None:
    play("../APPROVAL_TYPE_INTEGRATION_GUIDE.md", shop, settings)


def test_the_settings_of_the_installation_can_be_used() -> None:
    namespace: dict[str, Any] = {}
    for code in blocks("installation.md"):
        exec(compile(code, "installation.md", "exec"), namespace)  # noqa: S102
    assert all(apps.is_installed(name) for name in namespace["INSTALLED_APPS"])
    assert [import_string(path) for path in namespace["APPROVAL_HANDLERS"]]
    assert namespace["DATABASES"]["default"]["OPTIONS"] == {"transaction_mode": "IMMEDIATE"}
