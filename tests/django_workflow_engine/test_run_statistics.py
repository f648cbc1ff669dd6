"""How long objects wait and for whom, in all versions of a template."""

import csv
import io
import statistics
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from approval_workflow.exceptions import InvalidInput
from approval_workflow.testing import frozen_time
from django_workflow_engine.models import Pipeline, Stage, StageRun, WorkFlow
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    export_run_statistics_csv,
    get_run_statistics,
    migrate_running,
)
from purchasing.models import User
from tests.django_workflow_engine.past_runs import run_on, step, version_of, visit, visits
from tests.factories import PurchaseRequestFactory, UserFactory, by_user, make_workflow, stages_of

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with frozen_time(NOW) as clock:
        yield clock


@pytest.fixture
def template() -> WorkFlow:
    """Two stages, one in each of two pipelines."""
    ann = UserFactory.create(username="ann")
    return make_workflow([[by_user(ann)], [by_user(ann)]])


def stage_rows(**arguments: Any) -> dict[str, dict[str, Any]]:
    return {row["name_en"]: row for row in get_run_statistics(**arguments)["stages"]}


class TestTimes:
    TABLE = [
        # seconds, median, 90th percentile
        ([7], 7, 7),
        ([10, 20], 15, 19),
        ([30, 10, 20], 20, 28),
        ([0, 0, 0, 100], 0, 70),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 6, 10),
        ([5, 5, 5], 5, 5),
        ([0.000001, 0.000004], 0.000003, 0.000004),
        ([10**9, 0], 5 * 10**8, 9 * 10**8),
    ]

    @pytest.mark.parametrize(("seconds", "median", "p90"), TABLE)
    def test_lie_on_the_line_between_neighbours(
        self, template: WorkFlow, seconds: list[float], median: float, p90: float
    ) -> None:
        stage = stages_of(version_of(template))[0]
        visits(stage, NOW - 20_000 * DAY, [timedelta(seconds=number) for number in seconds])
        row = stage_rows()["Stage 1.1"]
        assert (row["visits"], row["median_seconds"], row["p90_seconds"]) == (
            len(seconds),
            median,
            p90,
        )

    @pytest.mark.parametrize("number", range(2, 40, 3))
    def test_are_those_of_the_standard_library(self, template: WorkFlow, number: int) -> None:
        seconds = [(position * 7919) % 1000 for position in range(number)]
        stage = stages_of(version_of(template))[0]
        visits(stage, NOW - DAY, [timedelta(seconds=each) for each in seconds])
        row = stage_rows()["Stage 1.1"]
        assert row["median_seconds"] == statistics.median(seconds)
        deciles = statistics.quantiles(seconds, n=10, method="inclusive")
        assert row["p90_seconds"] == pytest.approx(deciles[8], abs=1e-6)

    def test_of_stages_are_kept_apart(self, template: WorkFlow) -> None:
        first, second = stages_of(version_of(template))
        visits(first, NOW - DAY, [HOUR, 3 * HOUR])
        visits(second, NOW - DAY, [5 * HOUR])
        rows = stage_rows()
        assert rows["Stage 1.1"]["median_seconds"] == 2 * 3600
        assert rows["Stage 2.1"]["median_seconds"] == 5 * 3600

    def test_are_unknown_where_nobody_has_been(self, template: WorkFlow) -> None:
        row = stage_rows()["Stage 2.1"]
        assert (row["visits"], row["median_seconds"], row["p90_seconds"]) == (0, None, None)
        assert (row["waiting"], row["oldest_waiting_seconds"]) == (0, None)


class TestWaiting:
    def test_is_counted_as_it_is_now(self, template: WorkFlow) -> None:
        stage = stages_of(version_of(template))[0]
        for hours in (1, 5, 3):
            visit(stage, NOW - hours * HOUR)
        row = stage_rows(until=NOW - DAY)["Stage 1.1"]
        assert row["waiting"] == 3
        assert row["oldest_waiting_seconds"] == 5 * 3600
        assert row["total_waiting_seconds"] == 9 * 3600

    def test_bottleneck_is_where_most_time_is_being_lost(self, template: WorkFlow) -> None:
        first, second = stages_of(version_of(template))
        visit(first, NOW - 10 * HOUR)
        visit(second, NOW - 6 * HOUR)
        visit(second, NOW - 5 * HOUR)
        found = get_run_statistics()["bottleneck"]
        assert (found["name_en"], found["total_waiting_seconds"]) == ("Stage 2.1", 11 * 3600)

    def test_first_of_equals_is_the_bottleneck(self, template: WorkFlow) -> None:
        for stage in reversed(stages_of(version_of(template))):
            visit(stage, NOW)
        assert get_run_statistics()["bottleneck"]["name_en"] == "Stage 1.1"

    def test_nothing_that_waits_has_no_bottleneck(self, template: WorkFlow) -> None:
        visits(stages_of(version_of(template))[0], NOW - DAY, [HOUR])
        assert get_run_statistics()["bottleneck"] is None

    def test_visit_that_its_run_left_open_does_not_wait(self, template: WorkFlow) -> None:
        snapshot = version_of(template)
        ended = run_on(snapshot, "cancelled", NOW)
        StageRun.objects.create(attachment=ended, stage=stages_of(snapshot)[0], entered_at=NOW)
        assert stage_rows()["Stage 1.1"]["waiting"] == 0


class TestVersions:
    def test_add_up_under_the_name_that_the_template_has_now(self, template: WorkFlow) -> None:
        visits(stages_of(version_of(template))[0], NOW - DAY, [HOUR])
        stage = stages_of(template)[0]
        stage.name_en = "Check"
        stage.save()
        visits(stages_of(version_of(template))[0], NOW - DAY, [3 * HOUR])
        visits(stage, NOW - DAY, [5 * HOUR])  # on the template itself
        assert "Stage 1.1" not in stage_rows()
        row = stage_rows()["Check"]
        assert (row["visits"], row["median_seconds"]) == (3, 3 * 3600)
        assert (row["id"], row["removed"], row["workflow_id"]) == (stage.pk, False, template.pk)

    def test_removed_stage_is_still_told_once(self, template: WorkFlow) -> None:
        for hours in (1, 3):
            visits(stages_of(version_of(template))[1], NOW - DAY, [hours * HOUR])
            template.save()
        stages_of(template)[1].delete()
        rows = get_run_statistics()["stages"]
        assert [(row["name_en"], row["id"], row["visits"]) for row in rows] == [
            ("Stage 1.1", stages_of(template)[0].pk, 0),
            ("Stage 2.1", None, 2),
        ]
        assert rows[1]["removed"]
        assert rows[1]["median_seconds"] == 2 * 3600

    def test_removed_stages_of_two_pipelines_are_kept_apart(self) -> None:
        template = make_workflow([[[]], [[]]])
        Stage.objects.filter(pipeline__workflow=template).update(name_en="Check")
        for stage in stages_of(version_of(template)):
            visits(stage, NOW - DAY, [HOUR])
        Stage.objects.filter(pipeline__workflow=template).delete()
        rows = get_run_statistics()["stages"]
        assert [(row["pipeline"], row["visits"]) for row in rows] == [
            ("Pipeline 1", 1),
            ("Pipeline 2", 1),
        ]

    def test_one_version_can_be_asked_for(self, template: WorkFlow) -> None:
        old = version_of(template)
        visits(stages_of(old)[0], NOW - DAY, [HOUR])
        template.save()
        visits(stages_of(version_of(template))[0], NOW - DAY, [3 * HOUR, 3 * HOUR])
        assert stage_rows(workflow_id=old.pk)["Stage 1.1"]["visits"] == 1
        assert stage_rows(workflow_id=template.pk)["Stage 1.1"]["visits"] == 3

    @pytest.mark.parametrize("level", ["pipeline", "workflow"])
    def test_visits_of_pipelines_and_of_the_workflow_are_places(
        self, template: WorkFlow, level: str
    ) -> None:
        template.strategy = level
        template.save()
        for hours in (1, 3):
            snapshot = version_of(template)
            run = run_on(snapshot)
            pipeline = snapshot.pipelines.first() if level == "pipeline" else None
            StageRun.objects.create(
                attachment=run, pipeline=pipeline, entered_at=NOW - hours * HOUR, left_at=NOW
            )
            template.save()
        place = Pipeline.objects.get(workflow=template, order=1)
        if level == "workflow":
            place = template
        row = get_run_statistics()["stages"][0]
        assert (row["level"], row["id"], row["name_en"]) == (level, place.pk, place.name_en)
        assert (row["visits"], row["median_seconds"]) == (2, 2 * 3600)

    def test_place_that_is_not_asked_any_more_is_still_told(self, template: WorkFlow) -> None:
        template.strategy = "workflow"
        template.save()
        StageRun.objects.create(
            attachment=run_on(version_of(template)), entered_at=NOW - HOUR, left_at=NOW
        )
        template.strategy = "stage"
        template.save()
        rows = get_run_statistics()["stages"]
        assert [(row["level"], row["removed"], row["visits"]) for row in rows] == [
            ("stage", False, 0),
            ("stage", False, 0),
            ("workflow", True, 1),
        ]


class TestMoves:
    """Objects that were moved to another version while they waited."""

    @pytest.fixture
    def waiting(self, template: WorkFlow, clock: Any) -> Any:
        """A request that has waited at the first stage for two hours."""
        request = PurchaseRequestFactory.create()
        attach_workflow_to_object(request, template)
        clock.move_by(2 * HOUR)
        return request

    def test_visit_that_was_broken_off_counts_nowhere(
        self, template: WorkFlow, waiting: Any, clock: Any
    ) -> None:
        template.pipelines.get(order=1).delete()
        migrate_running(template, mapping={"Stage 1.1": "Stage 2.1"})
        clock.move_by(HOUR)
        after, broken_off = get_run_statistics()["stages"]
        assert (after["name_en"], after["waiting"]) == ("Stage 2.1", 1)
        assert after["oldest_waiting_seconds"] == after["total_waiting_seconds"] == 3600
        assert (broken_off["name_en"], broken_off["removed"]) == ("Stage 1.1", True)
        assert (broken_off["visits"], broken_off["waiting"]) == (0, 0)
        assert (broken_off["median_seconds"], broken_off["p90_seconds"]) == (None, None)

    def test_visit_that_was_broken_off_does_not_shift_the_others(self, template: WorkFlow) -> None:
        stage = stages_of(version_of(template))[0]
        visits(stage, NOW - DAY, [HOUR, 3 * HOUR])
        visit(stage, NOW - DAY, NOW, outcome="migrated")
        row = stage_rows()["Stage 1.1"]
        assert (row["visits"], row["median_seconds"]) == (2, 2 * 3600)

    def test_visit_of_a_stage_that_is_still_there_goes_on(
        self, template: WorkFlow, waiting: Any, clock: Any
    ) -> None:
        template.save()
        migrate_running(template)
        clock.move_by(HOUR)
        act_on_object(waiting, "approved", User.objects.get(username="ann"))
        row = stage_rows()["Stage 1.1"]
        assert (row["visits"], row["median_seconds"]) == (1, 3 * 3600)


class TestPeriod:
    def test_counts_what_ended_from_since_on_and_before_until(self, template: WorkFlow) -> None:
        snapshot = version_of(template)
        for days in (1, 2, 3):
            ended = NOW - days * DAY
            run_on(snapshot, "completed", ended, started_at=ended)
            run_on(snapshot, "rejected", ended, started_at=ended)
            visit(stages_of(snapshot)[0], ended - HOUR, ended)
        run_on(snapshot, "cancelled", NOW, started_at=NOW - 9 * DAY)
        run_on(snapshot, "not_started", started_at=None)
        told = get_run_statistics(since=NOW - 2 * DAY, until=NOW - DAY)
        assert told["overview"] == {
            "not_started": 1,
            "running": 3,
            "started": 3,
            "completed": 1,
            "rejected": 1,
            "cancelled": 0,
        }
        assert told["stages"][0]["visits"] == 1
        assert get_run_statistics()["overview"]["cancelled"] == 1

    @pytest.mark.parametrize(
        "arguments",
        [
            {"since": NOW, "until": NOW},
            {"since": NOW, "until": NOW - DAY},
            {"since": NOW.replace(tzinfo=None)},
            {"until": NOW.date()},
            {"until": "2026-03-02"},
        ],
    )
    def test_that_cannot_be_is_refused(self, arguments: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput, match=r"since|until"):
            get_run_statistics(**arguments)


class TestDeadlines:
    ROWS = [
        # status, acted (hours from the deadline), counted, late
        ("approved", -1, 1, 0),
        ("approved", 0, 1, 0),
        ("approved", 1, 1, 1),
        ("rejected", 1, 1, 1),
        ("resubmission", 1, 1, 1),
        ("escalated", 1, 1, 1),
        ("delegated", -1, 0, 0),
        ("delegated", 1, 1, 1),
        ("reassigned", -1, 0, 0),
        ("cancelled", 1, 0, 0),
    ]

    @pytest.mark.parametrize(("status", "hours", "counted", "late"), ROWS)
    def test_late_is_what_was_decided_after_it(
        self, template: WorkFlow, status: str, hours: int, counted: int, late: int
    ) -> None:
        due = NOW - 5 * HOUR
        run = run_on(version_of(template))
        step(run, UserFactory.create(), status, due_at=due, acted_at=due + hours * HOUR)
        told = get_run_statistics()["deadlines"]
        assert (told["with_deadline"], told["late"]) == (counted, late)

    @pytest.mark.parametrize(("due", "late"), [(-HOUR, 1), (HOUR, 0)])
    def test_open_step_is_late_once_it_has_passed(
        self, template: WorkFlow, due: timedelta, late: int
    ) -> None:
        ann = UserFactory.create()
        step(run_on(version_of(template)), ann, "current", due_at=NOW + due)
        told = get_run_statistics()
        assert told["deadlines"] == {"with_deadline": 1, "late": late, "late_share": float(late)}
        assert told["people"][0]["overdue"] == late

    def test_step_to_come_and_one_without_a_deadline_do_not_count(self, template: WorkFlow) -> None:
        run, ann = run_on(version_of(template)), UserFactory.create()
        step(run, ann, "pending", due_at=NOW - HOUR)
        step(run, ann, "approved", acted_at=NOW)
        assert get_run_statistics()["deadlines"] == {
            "with_deadline": 0,
            "late": 0,
            "late_share": None,
        }

    def test_share_of_a_stage_counts_its_steps_in_all_versions(self, template: WorkFlow) -> None:
        ann = UserFactory.create()
        for late in (True, False, False):
            snapshot = version_of(template)
            first, second = stages_of(snapshot)
            run, due = run_on(snapshot), NOW - 2 * HOUR
            acted = due + (HOUR if late else -HOUR)
            keys = {"stage_id": first.pk, "pipeline_id": first.pipeline_id}
            step(run, ann, "approved", due_at=due, acted_at=acted, extra_fields=keys)
            visit(second, NOW)
            template.save()
        rows = stage_rows()
        assert rows["Stage 1.1"]["late_share"] == 0.3333
        assert rows["Stage 2.1"]["late_share"] is None

    @pytest.mark.parametrize("key", ["x", -1, 10**30, [1], {"a": 1}, "\u0661"])
    def test_step_that_names_no_stage_counts_in_the_whole_alone(
        self, template: WorkFlow, key: Any
    ) -> None:
        extra = {"stage_id": key}
        run = run_on(version_of(template))
        step(run, UserFactory.create(), "current", due_at=NOW - HOUR, extra_fields=extra)
        told = get_run_statistics()
        assert told["deadlines"]["late"] == 1
        assert [row["late"] for row in told["stages"]] == [0, 0]


class TestPeople:
    def test_load_is_told_for_each_the_busiest_first(self, template: WorkFlow) -> None:
        run = run_on(version_of(template))
        ann, bob, eve = (UserFactory.create(username=name) for name in ("anna", "bob", "eve"))
        for _number in range(2):
            step(run, bob, "current")
        for hours in (1, 2, 9):
            step(run, ann, "approved", started_at=NOW - hours * HOUR, acted_at=NOW)
        step(run, eve, "current")
        step(run, eve, "approved", action_user=ann, acted_at=NOW)
        told = get_run_statistics()["people"]
        assert [(row["name"], row["open"], row["decided"]) for row in told] == [
            ("bob", 2, 0),
            ("eve", 1, 0),
            ("anna", 0, 4),
        ]
        assert [row["median_seconds"] for row in told] == [None, None, 2 * 3600]

    def test_what_was_decided_outside_of_the_period_is_left_out(self, template: WorkFlow) -> None:
        run, ann = run_on(version_of(template)), UserFactory.create()
        for days in (1, 5):
            step(run, ann, "rejected", started_at=NOW - 9 * DAY, acted_at=NOW - days * DAY)
        told = get_run_statistics(since=NOW - 2 * DAY)["people"]
        assert [(row["decided"], row["median_seconds"]) for row in told] == [(1, 8 * 86400)]


class TestScope:
    def test_company_sees_its_own_alone(self) -> None:
        ours, theirs = UserFactory.create_batch(2)
        for company in (ours, theirs):
            template = make_workflow([[[]]], company=company)
            visit(stages_of(version_of(template))[0], NOW - HOUR)
            step(run_on(version_of(template)), company, "current", due_at=NOW - HOUR)
        visit(stages_of(version_of(make_workflow([[[]]])))[0], NOW - HOUR)
        told = get_run_statistics(company_id=ours.pk)
        assert told["overview"]["running"] == 2
        assert [row["waiting"] for row in told["stages"]] == [1]
        assert [row["id"] for row in told["people"]] == [ours.pk]
        assert told["deadlines"]["late"] == 1
        assert get_run_statistics()["overview"]["running"] == 5

    def test_company_is_the_one_that_the_template_has_now(self, template: WorkFlow) -> None:
        visit(stages_of(version_of(template))[0], NOW)
        template.company = UserFactory.create()
        template.save()
        told = get_run_statistics(company_id=template.company_id)
        assert told["overview"]["running"] == 1

    def test_workflow_of_another_company_is_not_there(self, template: WorkFlow) -> None:
        other = UserFactory.create()
        for key in (template.pk, version_of(template).pk):
            with pytest.raises(WorkFlow.DoesNotExist):
                get_run_statistics(workflow_id=key, company_id=other.pk)

    def test_one_workflow_leaves_the_others_out(self, template: WorkFlow) -> None:
        other = make_workflow([[[]]])
        visit(stages_of(version_of(other))[0], NOW)
        visit(stages_of(version_of(template))[1], NOW)
        told = get_run_statistics(workflow_id=other.pk)
        assert told["overview"]["running"] == 1
        assert [row["workflow_id"] for row in told["stages"]] == [other.pk]


@pytest.mark.parametrize("size", [2, 12])
def test_statements_do_not_grow(statements: Any, size: int) -> None:
    make_workflow([[[]]], strategy="pipeline")
    for _template in range(size):
        template = make_workflow([[[]] * size])
        for _version in range(2):
            snapshot = version_of(template)
            for stage in stages_of(snapshot):
                run = visit(stage, NOW - HOUR).attachment
                step(run, UserFactory.create(), "current", due_at=NOW)
                step(run, UserFactory.create(), "approved", started_at=NOW, acted_at=NOW)
            template.save()
    with statements() as seen:
        told = get_run_statistics()
    assert len(told["people"]) == 4 * size * size
    assert seen.count == 11, seen
    with statements() as seen:
        get_run_statistics(workflow_id=template.pk)
    # One more to find it, and none for pipelines, which this one does not ask.
    assert seen.count == 11, seen


def test_workflow_that_is_played_is_told_as_it_ran(template: WorkFlow, clock: Any) -> None:
    ann = User.objects.get(username="ann")
    obj = PurchaseRequestFactory.create(requester=ann)
    attach_workflow_to_object(obj, template, user=ann)
    clock.move_by(2 * HOUR)
    act_on_object(obj, "approved", ann)
    clock.move_by(HOUR)
    told = get_run_statistics(workflow_id=template.pk)
    first, second = told["stages"]
    assert (first["visits"], first["median_seconds"], first["waiting"]) == (1, 7200, 0)
    assert (second["visits"], second["waiting"], second["oldest_waiting_seconds"]) == (0, 1, 3600)
    assert told["people"] == [
        {
            "id": ann.pk,
            "name": "ann",
            "open": 1,
            "overdue": 0,
            "decided": 1,
            "median_seconds": 7200.0,
        }
    ]
    assert told["as_of"] == timezone.now()


class TestCsv:
    def read(self, text: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(text, newline="")))

    @pytest.mark.parametrize("table", ["stages", "people"])
    def test_has_what_the_statistics_have(self, template: WorkFlow, table: str) -> None:
        stage = stages_of(version_of(template))[0]
        step(visit(stage, NOW - HOUR).attachment, UserFactory.create(), "current")
        told = get_run_statistics()
        rows = self.read(export_run_statistics_csv(told, table))
        expected = [
            {name: "" if value is None else str(value) for name, value in row.items()}
            for row in told[table]
        ]
        assert rows == expected
        assert len(rows) == len(told[table]) > 0

    def test_no_cell_is_a_formula(self) -> None:
        ann = UserFactory.create(username="=1+1")
        template = make_workflow([[[]]], name_en="@SUM(A1)")
        step(run_on(version_of(template)), ann, "current")
        told = get_run_statistics()
        assert self.read(export_run_statistics_csv(told))[0]["workflow"] == "'@SUM(A1)"
        assert self.read(export_run_statistics_csv(told, "people"))[0]["name"] == "'=1+1"

    def test_other_table_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="stages, people"):
            export_run_statistics_csv(get_run_statistics(), "places")
