"""The example project under its own settings, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "example_project"


def _manage(database: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"
    }
    return subprocess.run(  # noqa: S603 - our own manage.py
        [sys.executable, "manage.py", *arguments],
        cwd=EXAMPLE,
        env={**environment, "DATABASE_NAME": str(database)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "example.sqlite3"


def test_checks_have_nothing_to_say(database: Path) -> None:
    done = _manage(database, "check", "--database", "default", "--fail-level", "WARNING")

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_migrations_are_complete(database: Path) -> None:
    done = _manage(database, "makemigrations", "--check", "--dry-run")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", ["seed", "demo"])
def test_without_migrations_the_commands_say_what_to_do(database: Path, command: str) -> None:
    done = _manage(database, command)

    assert done.returncode == 1
    assert (
        done.stderr
        == "CommandError: The database is not migrated: run `manage.py migrate` first.\n"
    )


def test_migrate_and_seed_on_a_fresh_database(database: Path) -> None:
    migrated = _manage(database, "migrate", "--verbosity", "0")
    seeded = _manage(database, "seed")

    assert (migrated.returncode, migrated.stderr) == (0, "")
    assert (seeded.returncode, seeded.stderr) == (0, "")
    assert "workflow templates: 3 made, 0 found" in seeded.stdout
    assert "workflows in code: 2 made, 0 found" in seeded.stdout


def test_celery_knows_every_task_of_the_schedule() -> None:
    code = (
        "import django; django.setup()\n"
        "from config.celery import app\n"
        "app.loader.import_default_modules()\n"
        "schedule = [entry['task'] for entry in app.conf.beat_schedule.values()]\n"
        "print(len(schedule), [task for task in schedule if task not in app.tasks])"
    )
    done = subprocess.run(  # noqa: S603 - code of this file
        [sys.executable, "-c", code],
        cwd=EXAMPLE,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("3 []\n", "")
