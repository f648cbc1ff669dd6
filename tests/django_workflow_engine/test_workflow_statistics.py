"""`workflow_statistics`: what `get_run_statistics` tells, on the terminal or in a file."""

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from approval_workflow.testing import frozen_time
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.services import get_run_statistics
from django_workflow_engine.services.run_statistics import PERSON_COLUMNS, STAGE_COLUMNS
from tests.django_workflow_engine.past_runs import run_on, step, version_of, visit, visits
from tests.factories import UserFactory, by_user, make_workflow, stages_of

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with frozen_time(NOW) as clock:
        yield clock


@pytest.fixture
def template() -> WorkFlow:
    """Somebody waits at its first stage, and two have passed it; ann has an overdue step."""
    ann = UserFactory.create(username="ann")
    template = make_workflow([[by_user(ann)]], slug="purchases", name_en="Purchases")
    stage = stages_of(version_of(template))[0]
    visit(stage, NOW - 26 * HOUR)
    visits(stage, NOW - 50 * HOUR, [HOUR, 3 * HOUR])
    step(run_on(version_of(template)), ann, "current", due_at=NOW - HOUR)
    return template


def told(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("workflow_statistics", *arguments, stdout=out)
    # Units of time are kept together by no-break spaces.
    return out.getvalue().replace("\xa0", " ").splitlines()


def test_tells_the_numbers(template: WorkFlow) -> None:
    place = "Purchases / Pipeline 1 / Stage 1.1"
    assert told() == [
        "Workflows: 0 not started, 3 running, 3 started, 0 completed, 0 rejected, 0 cancelled",
        "Steps with a deadline: 1, late: 1",
        f"Most time is lost at: {place} (1 day, 2 hours in all)",
        "",
        f"{'Stage':<34}  Waiting  Longest         Visits  Median   90 %                 Late",
        f"{place}  1        1 day, 2 hours  2       2 hours  2 hours, 48 minutes  0",
        "",
        "Person  Open  Overdue  Decided  Median",
        "ann     1     1        0        -",
    ]


def test_nothing_to_tell_is_told() -> None:
    lines = told()
    assert lines[0].startswith("Workflows: 0 not started")
    assert not any(line.startswith("Most time is lost") for line in lines)
    assert lines[-1] == "Person  Open  Overdue  Decided  Median"


def test_one_workflow_alone(template: WorkFlow) -> None:
    make_workflow([[[]]], slug="other", name_en="Other")
    assert any("Other" in line for line in told())
    assert not any("Other" in line for line in told("--workflow", "purchases"))
    assert not any("Purchases" in line for line in told("--workflow", "other"))


def test_one_company_alone(template: WorkFlow) -> None:
    make_workflow([[[]]], name_en="Other", company=UserFactory.create(username="acme"))
    lines = told("--company", "acme")
    assert any("Other" in line for line in lines)
    assert not any("Purchases" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "columns", "first"),
    [
        ([], STAGE_COLUMNS, {"name_en": "Stage 1.1", "visits": "2"}),
        (["--table", "people"], PERSON_COLUMNS, {"name": "ann", "overdue": "1"}),
    ],
)
def test_a_table_is_written_to_a_file(
    arguments: list[str],
    columns: tuple[str, ...],
    first: dict[str, str],
    template: WorkFlow,
    tmp_path: Path,
) -> None:
    path = tmp_path / "told.csv"
    assert told("--csv", str(path), *arguments) == [f"Written to {path}"]
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(columns)
    assert first.items() <= rows[0].items()
    assert b"\r\r" not in path.read_bytes()


def test_it_asks_the_database_no_more_than_the_service(template: WorkFlow, statements: Any) -> None:
    with statements() as by_service:
        get_run_statistics()
    with statements() as by_command:
        told()
    assert by_command.count == by_service.count


def test_it_speaks_the_language_that_is_active(template: WorkFlow) -> None:
    with translation.override("ar"):
        lines = told()
    assert lines[0].startswith("مسارات العمل: لم يبدأ 0، جارٍ 3،")
    assert lines[-2].split() == ["الشخص", "مفتوحة", "فات", "موعدها", "تقرّرت", "الوسيط"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workflow", "gone"], "There is no workflow 'gone'"),
        (["--company", "nobody"], "There is no user 'nobody'"),
        (["--csv", "/nowhere/told.csv"], "The file cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        told(*arguments)
