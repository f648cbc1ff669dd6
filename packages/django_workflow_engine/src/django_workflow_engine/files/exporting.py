"""Templates as the content of a file."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import router
from django.utils.translation import gettext as _

from django_workflow_engine.files.defaults import without_own
from django_workflow_engine.files.layout import (
    FORMAT,
    Plain,
    model_of,
    with_references,
    without_defaults,
)
from django_workflow_engine.files.naming import names_of
from django_workflow_engine.files.reading import read_templates
from django_workflow_engine.models import WorkFlow


@dataclass(frozen=True, slots=True)
class Export:
    """The content of a file, and what in it may mean something else in another database."""

    content: Plain
    warnings: Sequence[str] = ()


def export_workflows(workflows: Iterable[WorkFlow]) -> Export:
    """Return templates as the content of one file, sorted by slug.

    Default actions are included where they are not those that a new template gets here. There is a
    warning for each reference that has only the key of this database for a name. Statements: a
    constant number, however many workflows.
    """
    using = router.db_for_read(WorkFlow)
    templates = read_templates(sorted(workflows, key=lambda row: row.slug or ""), using)
    named = with_names([template.plain() for template in templates])
    warnings = [
        _("%(place)s: there is no name for this, only the key %(key)s.")
        % {"place": f"{workflow['slug']}, {path}", "key": key}
        for workflow in named
        for path, key in _bare_keys(workflow)
    ]
    content = {
        "format": FORMAT,
        "workflows": [without_defaults(workflow) for workflow in without_own(named)],
    }
    return Export(content, warnings)


def with_names(stored: Sequence[Plain]) -> list[Plain]:
    """Return stored workflows with names in place of keys: one or two statements a model."""
    keys: defaultdict[str, set[Any]] = defaultdict(set)

    def collect(_path: str, setting: str, key: Any) -> Any:
        keys[setting].add(key)
        return key

    for workflow in stored:
        with_references(workflow, collect)
    names = {setting: names_of(model_of(setting), found) for setting, found in keys.items()}

    def name(_path: str, setting: str, key: Any) -> Any:
        return names[setting][str(key)]

    return [with_references(workflow, name) for workflow in stored]


def _bare_keys(workflow: Plain) -> list[tuple[str, Any]]:
    found = []

    def note(path: str, _setting: str, name: Any) -> Any:
        if isinstance(name, dict):
            found.append((path, name["key"]))
        return name

    with_references(workflow, note)
    return found
