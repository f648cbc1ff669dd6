"""Kinds of stages, routes, branches and conditions, built in the admin without any JSON."""

import pytest
from pytest_django.asserts import assertContains

from django_workflow_engine.models import Stage, WorkFlow, WorkflowAction, WorkflowPermission
from django_workflow_engine.services import validate_completeness
from django_workflow_engine.testing import make_action
from tests.django_workflow_engine.admin_pages import (
    Page,
    address_of,
    staff_client,
    superuser_client,
)
from tests.django_workflow_engine.test_admin_builder import errors_of
from tests.factories import UserFactory
from tests.factories.workflows import asking, by_user, make_staged, make_workflow, stages_of

pytestmark = pytest.mark.django_db

STAGES = "pipelines-0-stages"
SCORE = "tests.testapp.workflow_actions.score"
JOB = {"kind": "job", "job": {"function": SCORE, "parameters": {"n": 1}}}
TIMER = {"kind": "timer", "timer": {"duration": "P2D"}}
STATUSES = {
    "kind": "status",
    "statuses": [
        {"name": "Open", "default": True},
        {"name": "Approved", "completes": True},
        {"name": "Refused", "rejects": True},
    ],
}


@pytest.fixture
def client():
    return superuser_client()


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


def page_of(client, workflow, query="?blank=1"):
    return Page(client, f"{address_of(WorkFlow, 'change', workflow.pk)}{query}", "workflow_form")


def saved(page):
    response = page.send()
    assert response.status_code == 302, errors_of(response)


def info_of(code="first"):
    return Stage.objects.get(code=code, pipeline__workflow__is_hidden=False).stage_info


@pytest.fixture
def workflow(ann):
    return make_staged({"first": asking(by_user(ann)), "second": asking(by_user(ann))})


@pytest.mark.parametrize(
    "info", [JOB, TIMER, STATUSES, {"kind": "timer", "timer": {"until": "now"}}]
)
def test_what_is_stored_is_shown_and_stays_as_it_is(client, ann, info):
    workflow = make_staged(
        {
            "first": {**info, "skip_when": "metadata.small", "max_visits": 3},
            "second": asking(
                by_user(ann), routes=[{"to": "first", "when": "metadata.again"}, {"to": "end"}]
            ),
        }
    )
    before = list(Stage.objects.values())

    saved(page_of(client, workflow))

    assert list(Stage.objects.values()) == before
    # As is what has changed elsewhere on the same row.
    saved(page_of(client, workflow).row(f"{STAGES}-0", name_ar="أول"))
    assert [row["stage_info"] for row in Stage.objects.values()] == [
        row["stage_info"] for row in before
    ]


def test_a_stage_becomes_a_job(client, workflow):
    page = page_of(client, workflow)
    page.row(f"{STAGES}-0", kind="job", job_path=SCORE)
    page.row(f"{STAGES}-0-parameters-0", name="n", kind="number", value="3")

    saved(page)

    assert info_of() == {"kind": "job", "job": {"function": SCORE, "parameters": {"n": 3}}}


def test_a_stage_becomes_a_timer(client, workflow):
    saved(page_of(client, workflow).row(f"{STAGES}-0", kind="timer", timer_length="2 days"))

    assert info_of() == {"kind": "timer", "timer": {"duration": "P2DT00H00M00S"}}


def test_a_stage_gets_statuses_of_its_own(client, workflow):  # T-3
    page = page_of(client, workflow).row(f"{STAGES}-0", kind="status")
    page.row(f"{STAGES}-0-statuses-0", name="Approved", effect="completes", default="on")

    saved(page)

    [status] = info_of()["statuses"]
    assert status == {"name": "Approved", "default": True, "completes": True}


def test_routes_are_stored_in_the_order_in_which_they_are_asked(client, workflow):  # T-5
    page = page_of(client, workflow)
    page.row(f"{STAGES}-0-routes-0", to="second", when="object.amount > 1000.0")

    saved(page)
    page = page_of(client, workflow).row(f"{STAGES}-0-routes-1", to="end", order="0")
    saved(page)

    assert info_of()["routes"] == [
        {"to": "end"},
        {"to": "second", "when": "object.amount > 1000.0"},
    ]


def test_routes_may_lead_to_stages_that_are_new_on_the_page(client, workflow, ann):
    page = page_of(client, workflow).row(f"{STAGES}-2", name_en="Third look")
    page.row(f"{STAGES}-2-approvals-0", approval_type="USER", approval_user=ann.pk)
    page.row(f"{STAGES}-0-routes-0", to="third_look", when="metadata.odd")

    saved(page)

    assert info_of()["routes"] == [{"to": "third_look", "when": "metadata.odd"}]
    assert validate_completeness(workflow) == {}


def test_the_targets_of_routes_are_the_stages_and_the_end(client, workflow):
    page = page_of(client, workflow)

    field = page.response.context["adminform"].form.children["pipelines"].forms[0]
    route = field.children["stages"].forms[0].children["routes"].template_form["to"]
    assert [value for value, _label in route.field.choices] == ["", "first", "second", "end"]


def test_stages_run_side_by_side(client, workflow):  # V-3
    page = page_of(client, workflow)
    page.row(f"{STAGES}-0", parallel_group="both", join="count", join_count="1")
    page.row(f"{STAGES}-1", parallel_group="both")

    saved(page)

    assert (info_of()["parallel_group"], info_of()["join"]) == ("both", 1)
    assert "join" not in info_of("second")


def test_pipelines_run_side_by_side(client, ann):
    workflow = make_workflow([[by_user(ann)], [by_user(ann)]])
    page = page_of(client, workflow)
    page.row("pipelines-0", parallel_group="both", join="any")

    saved(page)

    first, _second = workflow.pipelines.all()
    assert first.pipeline_info == {"parallel_group": "both", "join": "any"}


@pytest.mark.parametrize(
    ("row", "values", "field", "message"),
    [
        ("", {"skip_when": "1 +"}, "skip_when", "Line 1, column 4"),
        ("", {"skip_when": "objekt.amount > 1"}, "skip_when", "There is no 'objekt' here."),
        ("", {"kind": "job"}, "job_path", "This is needed."),
        ("", {"kind": "job", "job_path": "os.system"}, "job_path", "neither into an installed app"),
        ("", {"kind": "timer"}, "timer_length", "A stage of the kind 'timer' needs this."),
        ("", {"kind": "timer", "timer_until": "1 +"}, "timer_until", "Line 1, column 4"),
        ("", {"code": "2nd"}, "code", "Expected a word of letters"),
        ("", {"code": "end"}, "code", "but not 'end'"),
        ("", {"code": "second"}, "code", "that of another stage too"),
        ("", {"parallel_group": "a", "join": "count"}, "join_count", "how many branches"),
        ("-routes-0", {"to": "secnd"}, "to", "There is no stage with the code 'secnd'."),
        ("-routes-0", {"to": "second", "when": "a b"}, "when", "Line 1, column"),
        ("-statuses-0", {"effect": "completes"}, "name", "This field is required."),
    ],
)
def test_a_mistake_is_told_at_its_field(client, workflow, row, values, field, message):
    before = list(Stage.objects.values())
    page = page_of(client, workflow).row(f"{STAGES}-0{row}", **values)

    response = page.send()

    errors = errors_of(response)[f"{STAGES}-0{row}-{field}"]
    assert message in " ".join(errors)
    assertContains(response, "wb-has-errors")
    assert list(Stage.objects.values()) == before


def test_statuses_without_one_that_completes_are_told_of(client, workflow):
    page = page_of(client, workflow).row(f"{STAGES}-0", kind="status")
    page.row(f"{STAGES}-0-statuses-0", name="Open")

    errors = errors_of(page.send())

    assert "Expected at least one status that completes." in errors[f"{STAGES}-0-__all__"]


def test_what_is_missing_of_the_ways_is_told_while_building(client, workflow):
    saved(page_of(client, workflow).row(f"{STAGES}-0-routes-0", to="end"))

    page = page_of(client, workflow)

    assertContains(page.response, "No way leads here.")


def test_the_condition_and_the_compensation_of_an_action(client, workflow):
    page = page_of(client, workflow)
    page.row(
        f"{STAGES}-0-actions-0",
        action_type="after_approve",
        function="",
        function_path=SCORE,
        when="object.amount > 10.0",
        compensation=SCORE,
    )

    saved(page)

    action = WorkflowAction.objects.get(stage=stages_of(workflow)[0])
    assert (action.when, action.compensation) == ("object.amount > 10.0", SCORE)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("when", "1 +", "Line 1, column 4"),
        ("compensation", "os.system", "neither into an installed app"),
    ],
)
def test_mistakes_in_the_rules_of_an_action(client, workflow, field, value, message):
    page = page_of(client, workflow)
    page.row(
        f"{STAGES}-0-actions-0",
        **{"action_type": "after_approve", "function": "", "function_path": SCORE, field: value},
    )

    errors = errors_of(page.send())

    assert message in errors[f"{STAGES}-0-actions-0-{field}"][0]


def test_who_only_looks_reads_what_stages_wait_for_and_where_objects_go(ann):
    workflow = make_staged(
        {
            "first": {**JOB, "routes": [{"to": "third", "when": "metadata.known"}, {"to": "end"}]},
            "second": {**TIMER, "skip_when": "metadata.small", "parallel_group": "both", "join": 1},
            "third": {**STATUSES, "max_visits": 4},
            "fourth": {"kind": "timer", "timer": {"until": "object.deadline"}},
        },
        {"last": asking(by_user(ann), approve_when="metadata.tiny")},
        infos=[{"parallel_group": "sides", "join": "any"}, {"parallel_group": "sides"}],
    )
    address = address_of(WorkFlow, "change", workflow.pk)

    page = staff_client("view_workflow").get(address)

    for text in (
        f"Job: {SCORE} (n = 1)",
        "Goes to third if metadata.known",
        "Goes to the end",
        "Waits for: 2 days",
        "Passed over if metadata.small",
        "Runs beside those of “both”, then waits for: 1",
        "Statuses: Open, Approved (the stage is done), Refused (the workflow is rejected)",
        "Visits at most: 4",
        "Waits until: object.deadline",
        "Approves itself if metadata.tiny",
        "Runs beside those of “sides”, then waits for: one branch",
    ):
        assertContains(page, text)


def test_who_only_looks_reads_the_rules_of_actions(workflow):
    make_action(workflow, "after_approve", SCORE, when="metadata.known", compensation=SCORE)

    page = staff_client("view_workflow").get(address_of(WorkFlow, "change", workflow.pk))

    assertContains(page, "only if metadata.known")
    assertContains(page, f"taken back by {SCORE}")


def test_a_workflow_gets_permissions_of_its_own_for_new_stages_too(client, workflow, ann):  # V-7
    page = page_of(client, workflow).set(slug="contracts", creates_permissions="on")
    page.row(f"{STAGES}-2", name_en="Sign")
    page.row(f"{STAGES}-2-approvals-0", approval_type="USER", approval_user=ann.pk)

    saved(page)

    codenames = WorkflowPermission.objects.values_list("codename", flat=True)
    assert {"start:contracts", "act:contracts:first", "act:contracts:sign"} <= set(codenames)
