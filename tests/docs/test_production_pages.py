"""What the pages on Celery and on production tell to run exists and takes what is given to it."""

import inspect
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.apps import apps
from django.core.management import get_commands, load_command_class

from approval_workflow import tasks as approval_tasks
from django_workflow_engine import tasks as engine_tasks

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "guides"
TEXT_BLOCK = re.compile(r"^```text\n(.*?)^```", re.DOTALL | re.MULTILINE)
MANAGED = re.compile(r"^\$ python manage\.py (.+)$", re.MULTILINE)
FIRST_CELL = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
TASKS = {
    task.name: task
    for task in (
        engine_tasks.run_transition,
        engine_tasks.run_workflow_actions,
        engine_tasks.cleanup_workflows,
        approval_tasks.process_approval_deadlines,
    )
}


def page(name: str) -> str:
    return (GUIDES / name).read_text("utf-8")


def section(name: str, heading: str) -> str:
    return page(name).split(f"## {heading}")[1].split("\n## ")[0]


def parse(line: str) -> None:
    name, *arguments = shlex.split(line)
    command = get_commands()[name]
    loaded = load_command_class(command, name) if isinstance(command, str) else command
    loaded.create_parser("manage.py", name).parse_args(arguments)


def test_schedule_names_tasks_with_arguments_that_they_take() -> None:  # D-112
    (recipe,) = TEXT_BLOCK.findall(section("celery.md", "The schedule"))
    namespace: dict[str, Any] = {"app": Celery(set_as_current=False)}
    exec(compile(recipe, "celery.md", "exec"), namespace)  # noqa: S102
    schedule = namespace["app"].conf.beat_schedule
    assert len(schedule) == len(TASKS) - 1
    for entry in schedule.values():
        inspect.signature(TASKS[entry["task"]].run).bind(**entry.get("kwargs", {}))


def test_every_task_is_in_the_table_with_its_arguments() -> None:
    rows = re.findall(
        r"^\| `([\w.]+)` \|.*\| (.*?) ?\|$", section("celery.md", "The schedule"), re.MULTILINE
    )
    assert {name for name, _arguments in rows} == TASKS.keys()
    for name, arguments in rows:
        taken = list(inspect.signature(TASKS[name].run).parameters)
        given_by_the_engine = name.endswith("run_transition")
        assert re.findall(r"`(\w+)`", arguments) == ([] if given_by_the_engine else taken)


@pytest.mark.parametrize("line", MANAGED.findall(page("production.md")))
def test_commands_to_type_can_be_parsed(line: str) -> None:
    parse(line)


@pytest.mark.parametrize(
    "line", FIRST_CELL.findall(section("production.md", "What runs regularly"))
)
def test_regular_commands_can_be_parsed(line: str) -> None:
    parse(line)


def test_indexes_of_the_table_are_on_the_models() -> None:
    named = FIRST_CELL.findall(section("production.md", "Database"))
    models = [
        model
        for label in ("approval_workflow", "django_workflow_engine")
        for model in apps.get_app_config(label).get_models()
    ]
    there = {index.name for model in models for index in model._meta.indexes}
    assert len(named) >= 5
    assert set(named) <= there
