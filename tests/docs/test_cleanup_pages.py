"""The pages about clean-up and statistics name what there is, and their recipes can be used."""

import inspect
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.core.management import BaseCommand, get_commands, load_command_class

from django_workflow_engine.services import get_run_statistics
from django_workflow_engine.services.run_statistics import PERSON_COLUMNS, STAGE_COLUMNS
from django_workflow_engine.tasks import cleanup_workflows

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "guides"
TEXT_BLOCK = re.compile(r"^```text\n(.*?)^```", re.DOTALL | re.MULTILINE)


def page(name: str) -> str:
    return (GUIDES / name).read_text("utf-8")


def parser(name: str = "cleanup_workflows") -> Any:
    return load_command_class(get_commands()[name], name).create_parser("manage.py", name)


def options_of(parser: Any) -> set[str]:
    return {option for action in parser._actions for option in action.option_strings}


def typed(guide: str) -> list[str]:
    return re.findall(r"^\$ python manage.py (.+)$", page(guide), re.MULTILINE)


def recipes() -> list[str]:
    return TEXT_BLOCK.findall(page("clean-up.md").split("## On a schedule")[1].split("\n## ")[0])


def test_line_for_cron_runs_the_command() -> None:  # D-112
    when, command = recipes()[0].split(" cd ")
    assert when == "0 2 * * *"
    words = shlex.split(command.partition("&&")[2])
    assert words[:3] == ["python", "manage.py", "cleanup_workflows"]
    assert parser().parse_args(words[3:]).days == 30


def test_schedule_for_beat_runs_the_task_with_arguments_that_it_takes() -> None:  # D-112
    namespace: dict[str, Any] = {"app": Celery(set_as_current=False)}
    exec(compile(recipes()[1], "clean-up.md", "exec"), namespace)  # noqa: S102
    (entry,) = namespace["app"].conf.beat_schedule.values()
    assert entry["task"] == cleanup_workflows.name
    assert inspect.signature(cleanup_workflows.run).bind(**entry["kwargs"])
    assert entry["schedule"].hour == {2}


@pytest.mark.parametrize(
    ("name", "guide"),
    [("cleanup_workflows", "clean-up.md"), ("workflow_statistics", "statistics.md")],
)
def test_every_option_of_the_command_is_in_the_table(name: str, guide: str) -> None:
    section = page(guide).split("## The command")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| `(--[a-z-]+)", section, re.MULTILINE))
    plain = BaseCommand().create_parser("manage.py", name)
    assert documented == options_of(parser(name)) - options_of(plain)
    assert documented


@pytest.mark.parametrize(
    "line", [line for guide in ("clean-up.md", "statistics.md") for line in typed(guide)]
)
def test_commands_to_type_can_be_parsed(line: str) -> None:
    name, *arguments = shlex.split(line)
    assert parser(name).parse_args(arguments)


@pytest.mark.django_db
def test_every_number_is_on_the_page_of_statistics() -> None:
    named = set(re.findall(r"`(\w+)`", page("statistics.md")))
    told = get_run_statistics()
    assert {*told, *told["overview"], *told["deadlines"]} - named == {"as_of"}
    columns = {*STAGE_COLUMNS, *PERSON_COLUMNS}
    names = {"id", "name", "workflow_id", "workflow", "pipeline", "name_en", "name_ar"}
    assert columns - named <= names
