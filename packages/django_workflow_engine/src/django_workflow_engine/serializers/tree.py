"""Templates as trees: checking and writing nested data with a constant number of statements."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from django_workflow_engine.action_rules import action_mistakes
from django_workflow_engine.conf import settings
from django_workflow_engine.models import Pipeline, Stage, WorkFlow, WorkflowAction
from django_workflow_engine.models.action import CHECKED_FIELDS
from django_workflow_engine.schemas import existing_keys
from django_workflow_engine.serializers.errors import nested_errors
from django_workflow_engine.serializers.nodes import LISTS, Errors, Node, Values, nodes_of
from django_workflow_engine.serializers.places import configuration_errors, structure_errors

M = TypeVar("M", bound=Model)
# The reference from a row to the row in whose list it is.
PARENT_FIELD: Mapping[type[Model], str] = {
    WorkFlow: "workflow",
    Pipeline: "pipeline",
    Stage: "stage",
}


def check_tree(model: type[Model], values: Values, key: Any) -> None:
    """Raise REST framework's `ValidationError`, errors by path, unless the tree can be written.

    `model` and `key` (None: a new row) are those of the root. Rows with a key must be their
    parent's own; roles, users, forms and departments must exist; what the workflow's strategy has
    no place for is refused. Fills in the type of departments.
    """
    nodes = nodes_of(model, values, key)
    errors = [
        *_key_errors(nodes),
        *structure_errors(nodes),
        *configuration_errors(nodes),
        *_department_errors(nodes),
        *_action_errors(nodes),
    ]
    if errors:
        raise ValidationError(nested_errors(errors))


def write_lists(root: Model, values: Values) -> None:
    """Make the stored rows below `root` what the lists in `values` say.

    Rows with an `id` are changed, those without are made, stored ones that are not named are
    deleted. Lists that are not given stay as they are; so do the default actions.
    """
    owners: list[tuple[Any, Values]] = [(root, values)]
    if isinstance(root, WorkFlow):
        _write_list("actions", "workflow", owners)
        owners = _write_list("pipelines", "workflow", owners)
    if isinstance(root, WorkFlow | Pipeline):
        _write_list("actions", "pipeline", owners)
        owners = _write_list("stages", "pipeline", owners)
    _write_list("actions", "stage", owners)


def own_values(values: Values) -> Values:
    """Return the values of the row itself: without its lists and its key."""
    return {name: value for name, value in values.items() if name not in (*LISTS, "id")}


def _key_errors(nodes: Iterable[Node]) -> Errors:
    named = [node for node in nodes if node.parent is not None and node.key is not None]
    stored = {
        (model, row.pk): row
        for model in LISTS.values()
        for row in _stored(model, [node.key for node in named if node.model is model])
    }
    seen = set()
    for node in named:
        place = (node.model, node.key)
        if not _is_in(stored.get(place), node.parent):
            yield (*node.path, "id"), [_("There is no such row here.")]
        elif place in seen:
            yield (*node.path, "id"), [_("This row is named twice.")]
        seen.add(place)


def _stored(model: type[Model], keys: Sequence[Any]) -> Iterable[Model]:
    return model._default_manager.filter(pk__in=keys) if keys else ()


def _is_in(row: Model | None, parent: Node | None) -> bool:
    if row is None or parent is None or parent.key is None:
        return False
    if getattr(row, "is_default", False):
        return False  # default actions are not part of the lists
    return bool(getattr(row, f"{PARENT_FIELD[parent.model]}_id") == parent.key)


def _action_errors(nodes: Iterable[Node]) -> Errors:
    """Parameters that the function of an action does not take, and conditions that are none."""
    actions = [
        node
        for node in nodes
        if node.model is WorkflowAction and CHECKED_FIELDS & node.values.keys()
    ]
    keys = [node.key for node in actions if node.key is not None]
    stored: dict[Any, Any] = {row.pk: row for row in _stored(WorkflowAction, keys)}
    for node in actions:
        # Together with what is stored: one of them may be changed by itself.
        row = stored.get(node.key) or WorkflowAction()
        meant = {name: node.values.get(name, getattr(row, name)) for name in CHECKED_FIELDS}
        for path, message in action_mistakes(**meant).items():
            field, _dot, rest = path.partition(".")
            yield (*node.path, field, *([rest] if rest else [])), [message]


def _department_errors(nodes: Iterable[Node]) -> Errors:
    assigned = [node for node in nodes if node.model is Pipeline and "department_id" in node.values]
    model = settings.department_model
    known = existing_keys(model, {node.values["department_id"] for node in assigned} - {None})
    for node in assigned:
        key = node.values["department_id"]
        if key is not None and model is None:
            yield (*node.path, "department_id"), [_("The setting DEPARTMENT_MODEL is not set.")]
        elif key is not None and key not in known:
            yield (*node.path, "department_id"), [_("There is no such department.")]
        node.values["department_content_type"] = (
            ContentType.objects.get_for_model(model) if model is not None and key in known else None
        )


def _write_list(
    name: str, parent_field: str, owners: Sequence[tuple[Any, Values]]
) -> list[tuple[Any, Values]]:
    """Write one list of all the owners that have it; return its rows with their values."""
    given = [(owner, values[name]) for owner, values in owners if values.get(name) is not None]
    if not given:
        return []
    stored = _rows(LISTS[name]).filter(**{f"{parent_field}__in": [owner for owner, _ in given]})
    items: list[Values] = []
    wanted: list[tuple[Any, Values]] = []
    for owner, listed in given:
        for position, values in enumerate(listed, start=1):
            # Where no order is given, new rows take that of the list.
            order = {} if values.get("id") is not None else {"order": position}
            wanted.append((values.get("id"), {**order, **own_values(values), parent_field: owner}))
            items.append(values)
    return list(zip(_synchronise(stored, wanted), items, strict=True))


def _rows(model: type[Model]) -> "QuerySet[Any]":
    """The rows that lists are about: all but the default actions."""
    rows = model._default_manager.all()
    return rows.filter(is_default=False) if model is WorkflowAction else rows


def _synchronise(stored: "QuerySet[M]", wanted: Iterable[tuple[Any, Values]]) -> list[M]:
    """Change, make and delete rows so that the stored ones are those wanted: key and values."""
    known = {row.pk: row for row in stored}
    rows = []
    changed_fields: set[str] = set()
    for key, values in wanted:
        row = known.pop(key, None) or stored.model()
        for name, value in values.items():
            setattr(row, name, value)
        changed_fields.update(values)
        rows.append(row)
    manager = stored.model._default_manager
    if known:
        manager.filter(pk__in=known).delete()
    new = [row for row in rows if row.pk is None]
    old = [row for row in rows if row.pk is not None]
    if new:
        manager.bulk_create(new)
    if old:
        manager.bulk_update(old, sorted(changed_fields))
    return rows
