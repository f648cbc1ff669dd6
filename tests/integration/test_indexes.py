"""No column is looked up without an index, and no index is kept twice."""

from itertools import permutations
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import ForeignKey, Model

pytestmark = pytest.mark.django_db

SUITE = ("approval_workflow", "django_workflow_engine")
MODELS = [model for label in SUITE for model in apps.get_app_config(label).get_models()]


def indexes_of(model: type[Model]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table)
    return [
        each
        for name, each in found.items()
        # Django makes those for LIKE on PostgreSQL.
        if (each["index"] or each["unique"]) and not name.endswith("_like")
    ]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_rows_that_name_a_row_of_the_suite_are_found_by_an_index(model: type[Model]) -> None:
    """Otherwise, deleting one row would go through the whole table for each that names it."""
    first = {index["columns"][0] for index in indexes_of(model) if index["columns"]}
    naming = {
        field.column
        for field in model._meta.concrete_fields
        if isinstance(field, ForeignKey) and field.related_model._meta.app_label in SUITE
    }
    assert naming - first == set()


@pytest.mark.skipif(connection.vendor == "mysql", reason="MariaDB makes indexes of its own")
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_index_is_the_beginning_of_another(model: type[Model]) -> None:
    """The longer one does all that the shorter one does, and each row is written to both."""
    twice = [
        (shorter["columns"], longer["columns"])
        for shorter, longer in permutations(indexes_of(model), 2)
        if not shorter["unique"]
        and longer["columns"][: len(shorter["columns"])] == shorter["columns"]
    ]
    assert twice == []
