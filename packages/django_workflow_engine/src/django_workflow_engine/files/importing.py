"""The content of a file into templates."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import router, transaction
from django.utils.translation import gettext as _

from django_workflow_engine.authorship import changed_by
from django_workflow_engine.exceptions import InvalidConfiguration, InvalidWorkflowFile
from django_workflow_engine.files.changes import Change, changes_between
from django_workflow_engine.files.checking import check_content
from django_workflow_engine.files.defaults import KEY as DEFAULT_ACTIONS
from django_workflow_engine.files.defaults import write_default_actions
from django_workflow_engine.files.exporting import with_names
from django_workflow_engine.files.layout import Plain, complete, model_of, with_references
from django_workflow_engine.files.naming import Unknown, keys_of, marker
from django_workflow_engine.files.reading import StoredTemplate, read_templates
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.serializers.plain import write_workflow


@dataclass(frozen=True, slots=True)
class ImportedWorkflow:
    """What the import did with one workflow: made it, changed it, or (no changes) left it alone."""

    slug: str
    created: bool
    changes: Sequence[Change] = ()


def import_workflows(
    content: Any, *, user: Any = None, dry_run: bool = False
) -> list[ImportedWorkflow]:
    """Make templates what the content of a file says; return what was done with each.

    A workflow is found by its slug, and made when there is none. Stages are found by their codes,
    pipelines and the other stages by their English names, those that are left by their order (they
    were renamed); what the file does not have is deleted, and what it leaves out gets its default.
    Default actions that the file does not list are those of the project for a new workflow, and
    left alone in others. The serializers check everything; a workflow that is as the file says gets
    no new revision.

    All is written in one transaction or, with `dry_run`, taken back at its end. `user` is noted as
    who made the changes. Raises `InvalidWorkflowFile` with all errors by path.
    """
    check_content(content)
    using = router.db_for_write(WorkFlow)
    with transaction.atomic(using=using), changed_by(user):
        workflows = [complete(workflow) for workflow in content["workflows"]]
        imported = _import(_with_keys(workflows), using)
        if dry_run:
            transaction.set_rollback(True, using=using)
    return imported


def _with_keys(workflows: Sequence[Plain]) -> list[Plain]:
    """Return the workflows with keys in place of names: a statement for each model."""
    resolver = _Resolver()
    for workflow in workflows:
        with_references(workflow, resolver.collect)
    resolver.look_up()
    replaced = [
        with_references(workflow, resolver.key, f"workflows[{number}]")
        for number, workflow in enumerate(workflows)
    ]
    if resolver.errors:
        raise InvalidWorkflowFile(resolver.errors)
    return replaced


class _Resolver:
    """Finds the objects that names mean: first it is told them all, then it is asked for each."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}
        self._names: defaultdict[str, list[Any]] = defaultdict(list)
        self._keys: dict[str, dict[str, Any]] = {}

    def collect(self, _path: str, setting: str, name: Any) -> Any:
        self._names[setting].append(name)
        return name

    def look_up(self) -> None:
        for setting, names in self._names.items():
            model = model_of(setting)
            if model is not None:
                self._keys[setting] = keys_of(model, names)

    def key(self, path: str, setting: str, name: Any) -> Any:
        if setting not in self._keys:
            message = _("The setting %(setting)s does not say what this is.")
            self.errors[path] = message % {"setting": setting}
            return None
        found = self._keys[setting][marker(name)]
        if isinstance(found, Unknown):
            self.errors[path] = str(found)
        return found


def _import(workflows: Sequence[Plain], using: str) -> list[ImportedWorkflow]:
    slugs = [workflow["slug"] for workflow in workflows]
    rows = WorkFlow.objects.using(using).templates().filter(slug__in=slugs).order_by("pk")
    stored = {
        template.workflow.slug: template
        for template in read_templates(rows.select_for_update(), using)
    }
    imported, errors = [], {}
    for number, workflow in enumerate(workflows):
        try:
            imported.append(_write(workflow, stored.get(workflow["slug"]), using))
        except InvalidConfiguration as error:
            for path, message in error.errors.items():
                errors[f"workflows[{number}].{path}"] = message
    if errors:
        raise InvalidWorkflowFile(errors)
    return imported


def _write(wanted: Plain, stored: StoredTemplate | None, using: str) -> ImportedWorkflow:
    """Write one workflow; what turns out to be no change is taken back: it would be a revision."""
    slug = wanted["slug"]
    with transaction.atomic(using=using):
        template, before = (stored.workflow, stored.plain()) if stored else (None, None)
        written = write_workflow(template, _data(wanted, stored))
        if wanted[DEFAULT_ACTIONS] is not None:
            write_default_actions(written, wanted[DEFAULT_ACTIONS], using)
        if before is None:
            return ImportedWorkflow(slug, created=True)
        (after,) = read_templates([written], using)
        old, new = with_names([before, after.plain()])
        changes = list(changes_between(old, new))
        if not changes:
            transaction.set_rollback(True, using=using)
        return ImportedWorkflow(slug, created=False, changes=changes)


def _data(wanted: Plain, stored: StoredTemplate | None) -> Plain:
    """The data for the serializer: rows that are stored already are named by their keys."""
    pipelines = stored.pipelines if stored is not None else ()
    actions = stored.actions if stored is not None else {}
    workflow = stored.workflow.pk if stored is not None else None
    listed = {key: value for key, value in wanted.items() if key != DEFAULT_ACTIONS}
    return {
        **listed,
        "actions": _actions(wanted, actions.get(("workflow", workflow), ())),
        "pipelines": [
            {
                **_of(pipeline, row),
                "department_id": pipeline["department"],
                "actions": _actions(pipeline, _below(actions, "pipeline", row)),
                "stages": [
                    {
                        **_of(stage, old),
                        "actions": _actions(stage, _below(actions, "stage", old)),
                    }
                    for stage, old in _matched(
                        pipeline["stages"],
                        stored.stages[row.pk] if stored is not None and row is not None else (),
                    )
                ],
            }
            for pipeline, row in _matched(wanted["pipelines"], pipelines)
        ],
    }


def _of(values: Plain, row: Any) -> Plain:
    return values if row is None else {"id": row.pk, **values}


def _below(actions: Mapping[tuple[str, Any], Any], level: str, row: Any) -> Sequence[Any]:
    return () if row is None else actions.get((level, row.pk), ())


def _matched(wanted: Sequence[Plain], rows: Iterable[Any]) -> Iterator[tuple[Plain, Any]]:
    """Yield what is wanted with the stored row that is meant, or None.

    By code and name first; what is left over on both sides with the same order was renamed.
    """
    left = list(rows)
    found: dict[int, Any] = {}
    for attribute in ("code", "name_en", "order"):
        for number, values in enumerate(wanted):
            meant = values.get(attribute, "")
            same = [row for row in left if meant != "" and getattr(row, attribute) == meant]
            if number not in found and same:
                found[number] = same[0]
                left.remove(same[0])
    for number, values in enumerate(wanted):
        yield values, found.get(number)


def _actions(level: Plain, rows: Iterable[Any]) -> list[Plain]:
    """The actions of a level; a stored one is that with the same event and function."""
    left = list(rows)
    actions = []
    for values in level["actions"]:
        what = (values["action_type"], values["function_path"])
        row = next((row for row in left if (row.action_type, row.function_path) == what), None)
        if row is not None:
            left.remove(row)
        actions.append(_of(values, row))
    return actions
