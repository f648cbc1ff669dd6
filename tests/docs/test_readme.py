"""The Python blocks of the README run as they are printed."""

import re
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import get_commands
from django.utils.module_loading import import_string

from purchasing.models import Department, Role

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
BLOCK = re.compile(r"^( *)```python\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
SETTINGS_BLOCKS = 2


def blocks() -> list[str]:
    return [textwrap.dedent(code) for _indent, code in BLOCK.findall(README.read_text("utf-8"))]


@pytest.fixture
def world(db: None) -> dict[str, Any]:
    board = Role.objects.create(name="Board")
    users = get_user_model().objects
    return {
        "author": users.create(username="author"),
        "employee": users.create(username="employee"),
        "board": board,
        "board_members": [users.create(username=f"member{n}", role=board) for n in range(3)],
        "document": Department.objects.create(name="A document"),
        "contract": Department.objects.create(name="A contract"),
    }


def test_the_settings_of_the_readme_can_be_used() -> None:
    namespace: dict[str, Any] = {"INSTALLED_APPS": []}
    for code in blocks()[:SETTINGS_BLOCKS]:
        exec(compile(code, str(README), "exec"), namespace)  # noqa: S102
    assert all(apps.is_installed(name) for name in namespace["INSTALLED_APPS"])
    assert apps.get_model(namespace["APPROVAL_ROLE_MODEL"])
    assert [import_string(path) for path in namespace["APPROVAL_HANDLERS"]]


def test_the_tours_of_the_readme_run_as_printed(world: dict[str, Any]) -> None:
    tours = blocks()[SETTINGS_BLOCKS:]
    assert len(tours) >= 5
    for code in tours:
        exec(compile(code, str(README), "exec"), world)  # noqa: S102
    assert world["attachment"].status == "completed"


@pytest.mark.parametrize("package", ["approval_workflow", "django_workflow_engine"])
def test_readme_of_a_package_names_its_commands_and_extras(package: str) -> None:
    text = (ROOT / "packages" / package / "README.md").read_text("utf-8")
    tables = tomllib.loads((ROOT / "packages" / package / "pyproject.toml").read_text("utf-8"))
    extras = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert extras == tables["project"]["optional-dependencies"].keys()
    commands = {name for name, app in get_commands().items() if app == package}
    assert set(re.findall(r"`(\w+)`", text.split("ommands: ")[1].split("\n\n")[0])) == commands
