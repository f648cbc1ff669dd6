"""The Python blocks of the README run as they are printed."""

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.utils.module_loading import import_string

from purchasing.models import Department, Role

README = Path(__file__).resolve().parents[2] / "README.md"
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
