"""The same collisions on SQLite: a file, several connections, IMMEDIATE transactions.

The suite's own SQLite database is in memory and belongs to one connection, so these tests make a
file of their own, whatever database the rest runs on.
"""

import copy

import pytest
from django.core.management import call_command
from django.db import connections

from tests.approval_workflow.collisions import CROWD, FURTHER, MAIN, People
from tests.approval_workflow.crowd import a_crowd_of

ALIAS = "file"
ROUNDS = 20
# Nobody pulls the plug of a test.
FAST = "PRAGMA synchronous=OFF"


class ToTheFile:
    """Routes everything to the file."""

    def db_for_read(self, model, **hints):
        return ALIAS

    def db_for_write(self, model, **hints):
        return ALIAS

    def allow_relation(self, one, other, **hints):
        return True


@pytest.fixture(scope="module")
def migrated_file(tmp_path_factory, django_db_blocker):
    """A SQLite file with the tables of the test project, reached by an alias of its own."""
    config = copy.deepcopy(connections.settings["default"])
    config.update(
        ENGINE="django.db.backends.sqlite3",
        NAME=str(tmp_path_factory.mktemp("sqlite") / "test.sqlite3"),
        OPTIONS={"transaction_mode": "IMMEDIATE", "timeout": 30, "init_command": FAST},
    )
    connections.settings[ALIAS] = config
    with django_db_blocker.unblock():
        call_command("migrate", database=ALIAS, verbosity=0)
        yield
        connections[ALIAS].close()
    del connections[ALIAS]
    del connections.settings[ALIAS]


@pytest.mark.parametrize("collide", [*MAIN, *FURTHER], ids=lambda collide: collide.__name__)
def test_collision_on_sqlite(migrated_file, settings, collide):
    settings.DATABASE_ROUTERS = [ToTheFile()]
    people = People()
    with a_crowd_of(CROWD) as crowd:
        for _round in range(ROUNDS):
            collide(crowd, people)
