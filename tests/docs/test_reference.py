"""The reference pages name everything that there is, and nothing else."""

import re
from inspect import getmembers, isclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import approval_workflow.checks
import approval_workflow.exceptions
import approval_workflow.permissions
import approval_workflow.signals
import approval_workflow.testing
import django_workflow_engine.checks
import django_workflow_engine.exceptions
import django_workflow_engine.testing
from approval_workflow import conf as approval_conf
from approval_workflow import services
from approval_workflow.choices import Action, ApprovalStatus, FlowStatus
from approval_workflow.exceptions import ApprovalError
from approval_workflow.signals import BY_EVENT_KIND
from approval_workflow.strategies import known_strategies
from django_workflow_engine import conf as engine_conf

DOCS = Path(__file__).resolve().parents[2] / "docs"
# The first two columns of a table whose first is code.
ROW = re.compile(r"^\| `([^`]+)` \| (.*?) \|", re.MULTILINE)
THREE_COLUMNS = re.compile(r"^\| `([A-Z_]+)` \| .*? \| `(.*?)` \|", re.MULTILINE)
CHECK_ID = re.compile(r'id=f?"(\w+\.[EW]\d{3}|approval_workflow\.\{number\})"')


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def test_every_setting_is_on_the_page_with_its_default() -> None:
    everything: dict[str, Any] = {
        **approval_conf.DEFAULTS,
        **engine_conf.DEFAULTS,
        **engine_conf.TOP_LEVEL_DEFAULTS,
    }
    documented = dict(THREE_COLUMNS.findall(page("reference/settings.md")))
    assert documented.keys() == everything.keys()
    for name, printed in documented.items():
        shown = eval(printed, {"timedelta": approval_conf.timedelta})  # noqa: S307
        assert shown == everything[name], name


@pytest.mark.parametrize(
    ("module", "heading"),
    [(approval_workflow.exceptions, "## Core"), (django_workflow_engine.exceptions, "## Engine")],
)
def test_every_error_is_on_the_page_with_its_code(module: ModuleType, heading: str) -> None:
    section = page("reference/errors.md").split(heading)[1].split("\n## ")[0]
    errors = {
        name: f"`{error.code}`"
        for name, error in getmembers(module, isclass)
        if issubclass(error, ApprovalError) and error.__module__ == module.__name__
    }
    assert dict(ROW.findall(section)) == errors


@pytest.mark.parametrize("module", [approval_workflow.checks, django_workflow_engine.checks])
def test_every_check_has_its_heading(module: ModuleType) -> None:
    package = module.__name__.partition(".")[0]
    source = Path(str(module.__file__)).read_text("utf-8")
    ids = set(CHECK_ID.findall(source))
    if f"{package}.{{number}}" in ids:
        ids.remove(f"{package}.{{number}}")
        ids |= {f"{package}.{number}" for number in re.findall(r'"([EW]\d{3})":', source)}
    headings = re.findall(rf"^### ({package}\.\w+)$", page("reference/checks.md"), re.MULTILINE)
    assert len(ids) >= 10
    assert sorted(headings) == sorted(ids)


def test_every_strategy_has_its_heading() -> None:
    headings = re.findall(r"^### `(\w+)`$", page("guides/strategies.md"), re.MULTILINE)
    assert sorted(headings) == known_strategies()


def test_every_strategy_has_a_picture_of_when_the_step_is_done() -> None:
    for group in page("guides/strategies.md").split("\n## "):
        shared, *sections = group.split("\n### `")
        for section in sections:
            assert "```text" in shared + section, section[:30]


def test_every_service_is_in_the_tables_of_the_guide() -> None:
    section = page("guides/flows.md").split("## Acting")[1].split("\n## ")[0]
    first_cells = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", " ".join(first_cells)))
    assert named == {name for name in services.__all__ if name.islower()}


def test_every_action_is_in_the_table_of_the_guide() -> None:
    section = page("guides/flows.md").split("## Acting")[1].split("| other service |")[0]
    assert {cell.strip("`") for _name, cell in ROW.findall(section)} == set(Action.values)


@pytest.mark.parametrize("statuses", [ApprovalStatus, FlowStatus])
def test_every_status_is_in_the_table_of_the_guide(statuses: Any) -> None:
    table = page("guides/flows.md").split(f"| `{statuses.__name__}` |")[1].split("\n\n")[0]
    assert {value for value, _meaning in ROW.findall(table)} == set(statuses.values)


def test_every_signal_is_in_the_table_with_its_event() -> None:
    section = page("guides/handlers-and-signals.md").split("## Signals")[1]
    names = {
        id(signal): name
        for name, signal in vars(approval_workflow.signals).items()
        if not name.startswith("_")
    }
    expected = {names[id(signal)]: f"`{kind}`" for kind, signal in BY_EVENT_KIND.items()}
    assert dict(ROW.findall(section)) == {name: str(kind) for name, kind in expected.items()}


def test_every_reason_is_on_the_page() -> None:
    section = page("reference/errors.md").split("## Reasons")[1].split("\n## ")[0]
    source = Path(str(approval_workflow.permissions.__file__)).read_text("utf-8")
    given = set(re.findall(r'_no\(\s*"(\w+)"', source))
    given |= set(re.findall(r'Permission\(True, "(\w+)"', source))
    assert {code for code, _may in ROW.findall(section)} == given


@pytest.mark.parametrize(
    ("module", "guide"),
    [
        (approval_workflow.testing, "guides/testing-your-flows.md"),
        (django_workflow_engine.testing, "guides/testing-workflows.md"),
    ],
)
def test_every_name_for_the_tests_of_projects_is_in_its_guide(
    module: ModuleType, guide: str
) -> None:
    text = page(guide)
    assert [name for name in module.__all__ if not re.search(rf"\b{name}\b", text)] == []


def test_every_guide_is_on_the_first_page() -> None:
    listed = set(re.findall(r"^guides/(\S+)$", page("index.md"), re.MULTILINE))
    assert listed == {path.stem for path in (DOCS / "guides").glob("*.md")}
