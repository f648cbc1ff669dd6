"""The page about the engine's admin names its pages, buttons and permissions as they are."""

import re
from pathlib import Path

import polib
import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission

import django_workflow_engine
from approval_workflow.admin.managed import ManagedAdmin
from approval_workflow.admin.read_only import ReadOnlyAdmin

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "engine-admin.md"
CATALOGUE = Path(django_workflow_engine.__file__).parent / "locale/en/LC_MESSAGES/django.po"
SHOWN = re.compile(r"(?<![*\w])\*([^*\n]+)\*(?!\*)")
ROW = re.compile(r"^\| (.+?) \| (.+) \|$", re.MULTILINE)


def section(heading: str) -> str:
    return PAGE.read_text("utf-8").split(heading)[1].split("\n## ")[0]


def pages() -> set[str]:
    """What the admin calls the lists of the engine's models."""
    models = apps.get_app_config("django_workflow_engine").get_models()
    return {
        str(model._meta.verbose_name_plural).capitalize()
        for model in models
        if admin.site.is_registered(model)
    }


def test_every_page_is_in_the_first_table() -> None:
    named = [cell for cell, _what in ROW.findall(section("# The engine in the admin"))[1:]]
    assert {name for cell in named for name in SHOWN.findall(cell)} == pages()


def test_what_is_to_be_clicked_is_called_so_in_the_admin() -> None:
    said = {name.casefold() for name in SHOWN.findall(PAGE.read_text("utf-8"))}
    texts = {entry.msgid.casefold() for entry in polib.pofile(str(CATALOGUE))}
    assert len(said) > 10
    assert said - {name.casefold() for name in pages()} <= texts


@pytest.mark.django_db
def test_every_permission_is_one_and_everything_that_can_be_changed_has_its_own() -> None:
    rows = ROW.findall(section("## Permissions"))
    named = {name for _what, cell in rows for name in re.findall(r"`(\w+)`", cell)}
    known = Permission.objects.filter(content_type__app_label="django_workflow_engine")
    assert named <= set(known.values_list("codename", flat=True))
    changed = {name.removeprefix("change_") for name in named if name.startswith("change_")}
    assert changed == {
        model._meta.model_name
        for model, page in admin.site._registry.items()
        if model._meta.app_label == "django_workflow_engine"
        and (not isinstance(page, ReadOnlyAdmin) or isinstance(page, ManagedAdmin))
    }
