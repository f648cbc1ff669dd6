"""Texts are looked up under names that xgettext knows, or they never reach the translators."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = [
    path
    for home in ("packages", "example_project")
    for path in (ROOT / home).rglob("*.py")
    if "migrations" not in path.parts
]


def renamed(source: str) -> list[str]:
    """Return the other names under which a module imports functions of Django's translation."""
    return [
        alias.asname
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.asname not in {None, "_"}
    ]


def test_translation_functions_keep_their_names() -> None:
    assert {
        path.name: renamed(path.read_text()) for path in MODULES if renamed(path.read_text())
    } == {}


def test_another_name_is_seen() -> None:
    source = "from django.utils.translation import gettext as now, gettext_lazy as _, ngettext"

    assert renamed(source) == ["now"]
