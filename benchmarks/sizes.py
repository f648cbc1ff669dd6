"""Databases of their own with few and with many flows; the other operations find none of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection, connections

from benchmarks.company import Company
from benchmarks.filling import fill

FEW, MANY = settings.BENCHMARK_FLOWS


@contextmanager
def filled(flows: int) -> Iterator[Company]:
    """Let everything inside of the block go to the database with so many flows.

    It is made when it is asked for the first time, which takes minutes where there are many.
    """
    with _standing_in(_database(flows)):
        yield company_of(flows)


@cache
def company_of(flows: int) -> Company:
    """The people, for whoever is inside of such a block."""
    return fill(flows)


def remove() -> None:
    """Close and drop the databases that were made."""
    for flows in (FEW, MANY):
        if flows in _made:
            _database(flows).close()
            connection.creation.destroy_test_db(suffix=str(flows), verbosity=0)
            _made.remove(flows)


_made: list[int] = []


@cache
def _database(flows: int) -> Any:
    """A connection to a copy of the database, which knows itself by the same alias."""
    creation = connection.creation
    creation.clone_test_db(suffix=str(flows), verbosity=0, autoclobber=True)
    _made.append(flows)
    found = connection.copy()
    found.settings_dict["NAME"] = creation.get_test_db_clone_settings(str(flows))["NAME"]
    return found


@contextmanager
def _standing_in(found: Any) -> Iterator[None]:
    before = connections[connection.alias]
    connections[connection.alias] = found
    try:
        yield
    finally:
        connections[found.alias] = before
