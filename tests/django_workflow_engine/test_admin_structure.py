"""The builder's approvals: where people are asked, who, by which numbers, and by when (D-116)."""

import pytest
from django.contrib.auth import get_user_model
from django.utils import translation
from pytest_django.asserts import assertContains, assertNotContains

from django_workflow_engine.admin.builder import lengths
from django_workflow_engine.models import Pipeline, WorkFlow
from django_workflow_engine.services import validate_completeness
from django_workflow_engine.versions import current_snapshot
from tests.django_workflow_engine.admin_pages import Page, address_of, superuser_client
from tests.factories import (
    DepartmentFactory,
    DynamicFormFactory,
    RoleFactory,
    UserFactory,
    by_role,
    by_user,
    make_role,
    make_workflow,
    stages_of,
)

pytestmark = pytest.mark.django_db

APPROVAL = "pipelines-0-stages-0-approvals-0"


@pytest.fixture
def client():
    return superuser_client()


@pytest.fixture
def own_resolvers(settings):
    settings.DJANGO_WORKFLOW_ENGINE = {
        **settings.DJANGO_WORKFLOW_ENGINE,
        "ASSIGNMENT_RESOLVERS": {"buyers": f"{__name__}.buyers"},
    }


def buyers(obj, user):
    """A function of a project."""


def add_page(client, query=""):
    address = address_of(WorkFlow, "add") + query
    return Page(client, address, "workflow_form").set(name_en="Leave")


def change_page(client, workflow, query=""):
    address = address_of(WorkFlow, "change", workflow.pk) + query
    return Page(client, address, "workflow_form")


def staged(client, **approval):
    """A page with one stage and an approval, filled in."""
    page = add_page(client).row("pipelines-0", name_en="Team")
    page.row("pipelines-0-stages-0", name_en="Lead")
    return page.row(APPROVAL, **approval)


def stored(response):
    assert response.status_code == 302, response.content.decode().partition("errorlist")[2][:300]
    return stages_of(WorkFlow.objects.templates().get())[0].stage_info["approvals"][0]


def errors_at(response, row):
    """The fields of a row with errors."""
    assert response.status_code == 200, "the page was stored"
    form = response.context["adminform"].form
    for level, place in (("pipelines", 0), ("stages", 0), ("approvals", 0)):
        form = form.children[level].forms[place]
        if form.prefix == row:
            break
    return set(form.errors)


# Where people are asked


def test_pipelines_that_ask_people_have_no_stages(client):
    person = UserFactory.create()
    page = add_page(client).set(strategy="pipeline").row("pipelines-0", name_en="Finance")
    page.row("pipelines-0-approvals-0", approval_type="USER", approval_user=person.pk)

    assert page.send().status_code == 302
    workflow = WorkFlow.objects.templates().get()
    assert workflow.strategy == "pipeline"
    (pipeline,) = workflow.pipelines.all()
    assert pipeline.pipeline_info["approvals"][0]["approval_user"] == person.pk
    assert not stages_of(workflow)
    assert validate_completeness(workflow) == {}


def test_a_workflow_that_asks_people_itself_has_neither(client):
    person = UserFactory.create()
    page = add_page(client).set(strategy="workflow")
    page.row("approvals-0", approval_type="USER", approval_user=person.pk)

    assert page.send().status_code == 302
    workflow = WorkFlow.objects.templates().get()
    assert workflow.workflow_info["approvals"][0]["approval_user"] == person.pk
    assert not Pipeline.objects.exists()
    assert validate_completeness(workflow) == {}


@pytest.mark.parametrize("strategy", ["pipeline", "workflow"])
def test_what_the_strategy_leaves_out_is_refused_at_its_row(client, strategy):
    workflow = make_workflow([[by_user(UserFactory.create())]])

    response = change_page(client, workflow).set(strategy=strategy).send()

    row = "pipelines-0" if strategy == "workflow" else "pipelines-0-stages-0"
    assert "__all__" in errors_at(response, row)
    assertContains(response, "remove this, or choose another place")
    workflow.refresh_from_db()
    assert workflow.strategy == "stage"


def test_approvals_of_a_level_that_is_not_asked_are_refused(client):
    page = staged(client, approval_type="SELF")
    page.row("approvals-0", approval_type="SELF")

    response = page.send()

    assertContains(response, "People are asked in stages: remove this")
    assert not WorkFlow.objects.exists()


def test_the_strategy_is_changed_together_with_what_is_stored(client):
    workflow = make_workflow([[by_user(UserFactory.create())]])
    page = change_page(client, workflow, "?blank=1").set(strategy="workflow")
    page.row("pipelines-0", DELETE="on").row("approvals-0", approval_type="SELF")

    assert page.send().status_code == 302
    assert validate_completeness(WorkFlow.objects.get(pk=workflow.pk)) == {}


# Who is asked


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"approval_type": "SELF"}, {}),
        ({"approval_type": "TEAM_HEAD"}, {}),
        ({"approval_type": "DEPARTMENT_HEAD"}, {}),
        (
            {"approval_type": "ASSIGNED", "assigned_field": "requester", "quorum_count": 1},
            {"assigned_field": "requester", "quorum_count": 1},
        ),
        (
            {"approval_type": "ASSIGNED", "assigned_resolver": "buyers"},
            {"assigned_resolver": "buyers"},
        ),
    ],
)
def test_each_kind_is_stored_with_its_own_keys(client, own_resolvers, fields, kept):
    approval = stored(staged(client, **fields, hierarchy_levels="3").send())

    common = {"step_approval_type", "allow_higher_level", "rejection_policy"}
    found = {key: value for key, value in approval.items() if key not in common}
    assert found == {"approval_type": fields["approval_type"], **kept}


@pytest.mark.parametrize(
    ("strategy", "fields"),
    [
        ("quorum", {"quorum_count": 2}),
        ("percentage", {"percentage_required": 66.67}),
        ("hierarchy_up", {"hierarchy_levels": 2}),
        ("dynamic_attribute", {"dynamic_source": "requester", "quorum_count": 1}),
    ],
)
def test_a_strategy_is_stored_with_its_numbers_alone(client, strategy, fields):
    numbers = {"quorum_count": 7, "percentage_required": 5, "hierarchy_levels": 7}
    role = make_role()
    page = staged(
        client,
        user_role=role.pk,
        role_selection_strategy=strategy,
        **{**numbers, **fields},
    )

    approval = stored(page.send())

    assert {key: approval[key] for key in fields} == fields
    assert not (numbers.keys() - fields.keys()) & approval.keys()
    # Strategies that find people otherwise have no role.
    assert ("user_role" in approval) is (strategy in ("quorum", "percentage"))


def test_an_unchanged_approval_of_every_field_stays_as_it_is(client):
    person = UserFactory.create()
    workflow = make_workflow(
        [
            [
                by_role(
                    make_role(),
                    "percentage",
                    percentage_required=66.67,
                    exclude_starter=True,
                    parallel_group="a",
                    parallel_required=False,
                    sla_duration="P2DT4H",
                    timeout_action="delegate",
                    timeout_delegate_to=person.pk,
                    max_escalation_level=2,
                    extra_fields={"note": "of the project"},
                )
            ]
        ]
    )
    before = workflow.revision
    page = change_page(client, workflow)
    assert page.data[f"{APPROVAL}-sla_duration"] == ["2 days 4 hours"]

    assert page.send().status_code == 302
    workflow.refresh_from_db()
    assert workflow.revision == before
    change_page(client, workflow).row(APPROVAL, exclude_deciders="on").send()
    approval = stages_of(workflow)[0].stage_info["approvals"][0]
    assert approval["extra_fields"] == {"note": "of the project"}
    assert approval["percentage_required"] == 66.67
    assert (approval["sla_duration"], approval["exclude_deciders"]) == ("P2DT04H00M00S", True)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"role_selection_strategy": "quorum"}, "quorum_count"),
        ({"role_selection_strategy": "percentage"}, "percentage_required"),
        ({"role_selection_strategy": "percentage", "percentage_required": "101"}, None),
        ({"role_selection_strategy": "hierarchy_up"}, "hierarchy_levels"),
        ({"role_selection_strategy": "dynamic_attribute"}, "dynamic_source"),
        ({"approval_type": "ASSIGNED"}, "assigned_field"),
        ({"approval_type": "ASSIGNED", "assigned_field": "_secret"}, "assigned_field"),
        ({"sla_duration": "soon"}, "sla_duration"),
        ({"sla_duration": "0 days"}, "sla_duration"),
        ({"sla_duration": "1 day", "timeout_action": "delegate"}, "timeout_delegate_to"),
        ({"max_escalation_level": "0"}, "max_escalation_level"),
    ],
)
def test_a_mistake_stands_at_its_field(client, fields, field):
    page = staged(client, user_role=make_role().pk).row(APPROVAL, **fields)

    found = errors_at(page.send(), APPROVAL)

    assert found == {field or "percentage_required"}
    assert not WorkFlow.objects.exists()


def test_the_form_of_a_stage_is_stored_and_mistakes_stand_at_it(client):
    form = DynamicFormFactory.create()
    page = staged(client, approval_type="SELF", step_approval_type="submit")
    page.row("pipelines-0-stages-0", required_form=form.pk + 1)
    assert errors_at(page.send(), "pipelines-0-stages-0") >= {"required_form"}

    page.row("pipelines-0-stages-0", required_form=form.pk)

    assert stored(page.send())["step_approval_type"] == "submit"
    assert stages_of(WorkFlow.objects.templates().get())[0].form_info == {"required_form": form.pk}


def test_those_who_only_look_read_all_of_it(client):
    person = UserFactory.create(username="layla")
    role = make_role(name="Board")
    workflow = make_workflow(
        [
            [
                by_role(role, "quorum", quorum_count=2, sla_duration="P1D", exclude_starter=True),
                {"approval_type": "ASSIGNED", "assigned_field": "reviewer"},
                by_user(person, sla_duration="PT4H", timeout_action="escalate"),
            ]
        ]
    )
    page = client.get(address_of(WorkFlow, "change", current_snapshot(workflow).pk))

    for text in (
        "how many must approve: 2",
        "to be done within 1 day",
        "not whoever started the workflow",
        "whom “reviewer” names",
        "to be done within 4 hours",
        "when it is late: ",
        "This is version 1",
    ):
        assertContains(page, text)


# Lengths of time


@pytest.mark.parametrize(
    ("text", "stored_as"),
    [
        ("2 days", "P2DT00H00M00S"),
        ("4 hours", "P0DT04H00M00S"),
        ("1 day 4 hours", "P1DT04H00M00S"),
        ("1 day, 30 min", "P1DT00H30M00S"),
        ("2d4h", "P2DT04H00M00S"),
        ("1.5 days", "P1DT12H00M00S"),
        ("1 week", "P7DT00H00M00S"),
        ("P1D", "P1DT00H00M00S"),
        ("٣ أيام", "P3DT00H00M00S"),
        ("يومان", "P2DT00H00M00S"),
        ("يوم و4 ساعات", "P1DT04H00M00S"),
    ],
)
def test_lengths_are_read_as_people_write_them(text, stored_as):
    assert lengths.LengthField().clean(text) == stored_as


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("text", ["P1D", "P2DT4H", "P3DT11H", "PT1M", "P11DT2H3M4S", "P100D"])
def test_a_length_is_read_as_it_was_written(language, text):
    with translation.override(language):
        assert lengths.read(lengths.write(text)) == lengths.read(text)


@pytest.mark.parametrize("text", ["soon", "days", "2", "2 moons", "-1 day", "9" * 20 + " weeks"])
def test_other_texts_are_no_length(text):
    assert not lengths.read(text)


# Any number of people, roles, forms and departments


@pytest.mark.parametrize("query", ["", "?blank=1"])
def test_the_page_is_the_same_for_three_and_for_three_thousand(client, statements, query):
    def seen(count):
        get_user_model().objects.bulk_create(UserFactory.build_batch(count, password="x"))
        workflow = make_workflow([[by_user(UserFactory.create(username=f"asked{count:04}"))]])
        change_page(client, workflow, query)
        with statements() as made:
            page = change_page(client, workflow, query)
        return made.count, len(page.response.content)

    (few, small), (many, large) = seen(3), seen(3000)

    assert few == many
    assert abs(large - small) < 500


@pytest.mark.parametrize("factory", [RoleFactory, DynamicFormFactory, DepartmentFactory])
def test_roles_forms_and_departments_are_not_listed_on_the_page(client, factory):
    factory.create(name="Nobody asked for this")

    assertNotContains(add_page(client).response, "Nobody asked for this")
    assertContains(add_page(client, "?blank=1").response, "Nobody asked for this")


def test_without_scripts_many_roles_are_named_by_their_key(client, monkeypatch):
    monkeypatch.setattr("django_workflow_engine.admin.builder.vocabulary.MOST_LISTED", 1)
    role, _other = make_role(), make_role()
    page = add_page(client, "?blank=1").row("pipelines-0", name_en="Team")
    page.row("pipelines-0-stages-0", name_en="Lead").row(APPROVAL, user_role=role.pk)

    assert stored(page.send())["user_role"] == role.pk
