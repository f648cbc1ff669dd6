"""A whole workflow on one screen: built, changed, put in order, and refused where it is wrong."""

from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db.models import QuerySet
from django.db.models.signals import post_save
from django.test import Client
from django.urls import reverse
from pytest_django.asserts import assertContains, assertNotContains

from django_workflow_engine.choices import ActionType
from django_workflow_engine.models import Pipeline, Stage, WorkFlow, WorkflowAction
from django_workflow_engine.services import attach_workflow_to_object
from django_workflow_engine.versions import current_snapshot
from tests.django_workflow_engine.admin_pages import (
    Page,
    address_of,
    staff_client,
    superuser_client,
)
from tests.factories import (
    DepartmentFactory,
    DynamicFormFactory,
    PurchaseRequestFactory,
    RoleFactory,
    UserFactory,
    by_role,
    by_user,
    make_large_workflow,
    make_role,
    make_workflow,
    stages_of,
)

pytestmark = pytest.mark.django_db

HANDLERS = "django_workflow_engine.action_handlers"


def page_of(client, workflow=None, query=""):
    """The page of a workflow, or the one on which a new one is made."""
    address = (
        address_of(WorkFlow, "add")
        if workflow is None
        else address_of(WorkFlow, "change", workflow.pk)
    )
    return Page(client, f"{address}{query}", "workflow_form")


@pytest.fixture
def client():
    return superuser_client()


def errors_of(response):
    """All errors of the page, by the name that the field has on it."""
    assert response.status_code == 200, "the page was stored"
    found = {}

    def collect(form):
        for name, messages in form.errors.items():
            found[form.add_prefix(name)] = list(messages)
        for child in getattr(form, "children", {}).values():
            if child.non_form_errors():
                found[child.prefix] = list(child.non_form_errors())
            for row in child.forms:
                collect(row)

    collect(response.context["adminform"].form)
    return found


# Building


def test_a_whole_workflow_is_built_on_one_screen(client):  # D-116
    department = DepartmentFactory.create(name="Finance")
    reviewers, board = RoleFactory.create(name="Reviewers"), RoleFactory.create(name="Board")
    layla = UserFactory.create()
    form = DynamicFormFactory.create()

    page = page_of(client).set(name_en="Purchase approval", name_ar="موافقة الشراء")
    page.row("pipelines-0", name_en="Finance", name_ar="مالية", department=department.pk)
    page.row("pipelines-0-stages-0", name_en="Review", name_ar="مراجعة", color="#3498db")
    page.row(
        "pipelines-0-stages-0-approvals-0",
        approval_type="ROLE",
        user_role=reviewers.pk,
        role_selection_strategy="round_robin",
        required_form=form.pk,
        step_approval_type="submit",
        allow_higher_level=[],
        rejection_policy="out_of_reach",
    )
    response = page.send()
    assert response.status_code == 302, errors_of(response)
    workflow = WorkFlow.objects.templates().get()

    # What is added later is added on the rows that a page without scripts has for it.
    page = page_of(client, workflow, "?blank=1")
    page.row("pipelines-0-stages-1", name_en="Sign-off")
    page.row("pipelines-0-stages-1-approvals-0", approval_type="USER", approval_user=layla.pk)
    page.row("pipelines-1", name_en="Executives")
    page.row("pipelines-1-stages-0", name_en="Board")
    page.row("pipelines-1-stages-0-approvals-0", user_role=board.pk)
    page.row(
        "pipelines-1-actions-0",
        action_type="after_move_pipeline",
        function=f"{HANDLERS}.send_stage_move_notification",
        recipients=["creator", "workflow_starter"],
        other_recipients="boss@example.org",
    )
    response = page.send()
    assert response.status_code == 302, errors_of(response)

    assert workflow.name_ar == "موافقة الشراء"
    finance, executives = workflow.pipelines.all()
    assert (finance.name_en, finance.department, finance.order) == ("Finance", department, 1)
    assert (executives.name_en, executives.department_id) == ("Executives", None)
    review, signoff, last = stages_of(workflow)
    assert (review.name_ar, review.stage_info) == (
        "مراجعة",
        {
            "color": "#3498db",
            "approvals": [
                {
                    "approval_type": "ROLE",
                    "user_role": reviewers.pk,
                    "role_selection_strategy": "round_robin",
                    "required_form": form.pk,
                    "step_approval_type": "submit",
                    "allow_higher_level": False,
                    "rejection_policy": "out_of_reach",
                }
            ],
        },
    )
    assert signoff.stage_info["approvals"][0]["approval_user"] == layla.pk
    assert "user_role" not in signoff.stage_info["approvals"][0]
    assert last.stage_info["approvals"][0]["role_selection_strategy"] == "anyone"
    action = executives.actions.get()
    assert action.parameters == {"recipients": ["creator", "workflow_starter", "boss@example.org"]}
    assert (action.action_type, action.is_default) == ("after_move_pipeline", False)


def test_objects_run_on_a_workflow_that_was_built_here(client):
    role = make_role(2)
    page = page_of(client).set(name_en="Leave")
    page.row("pipelines-0", name_en="Team")
    page.row("pipelines-0-stages-0", name_en="Lead")
    page.row("pipelines-0-stages-0-approvals-0", user_role=role.pk)
    page.send()

    attachment = attach_workflow_to_object(
        PurchaseRequestFactory.create(), WorkFlow.objects.templates().get()
    )

    assert attachment.current_stage.name_en == "Lead"


def test_a_new_workflow_gets_its_default_actions_once(client):
    page_of(client).set(name_en="Leave").send()

    workflow = WorkFlow.objects.templates().get()

    events = workflow.actions.filter(is_default=True).values_list("action_type", flat=True)
    assert len(set(events)) == len(events) == 5


def test_rows_that_are_left_empty_are_not_stored(client):
    response = page_of(client).set(name_en="Leave").send()

    assert response.status_code == 302
    assert not Pipeline.objects.exists()


def test_one_wrong_row_and_nothing_is_stored(client):
    page = page_of(client).set(name_en="Leave")
    page.row("pipelines-0", name_en="Team")
    page.row("pipelines-0-stages-0", name_en="", color="#000000")

    assert "pipelines-0-stages-0-name_en" in errors_of(page.send())
    assert not WorkFlow.objects.exists()


# Changing


def test_an_unchanged_page_stores_nothing_and_makes_no_version(client):
    role = make_role()
    workflow = make_workflow([[by_role(role), {"approval_type": "USER", "approval_user": 1}]])
    Stage.objects.filter(pk=stages_of(workflow)[1].pk).delete()
    WorkflowAction.objects.create(
        stage=stages_of(workflow)[0],
        action_type=ActionType.AFTER_APPROVE,
        function_path=f"{HANDLERS}.send_approval_notification",
        parameters={"recipients": "creator", "cc": ["a@example.org"], "extra": {"deep": [1]}},
    )
    before = _everything(workflow)

    response = page_of(client, workflow).send()

    assert response.status_code == 302
    assert _everything(workflow) == before


def _everything(workflow):
    return (
        list(WorkFlow.objects.filter(pk=workflow.pk).values()),
        list(Pipeline.objects.filter(workflow=workflow).values()),
        list(Stage.objects.filter(pipeline__workflow=workflow).values()),
        list(WorkflowAction.objects.order_by("pk").values()),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"name_en": "Renamed"},
        {"pipelines-0-name_en": "Renamed"},
        {"pipelines-0-stages-0-name_en": "Renamed"},
        {"pipelines-0-stages-0-color": "#123456"},
        {"pipelines-0-stages-0-approvals-0-role_selection_strategy": "consensus"},
        {"pipelines-0-stages-0-actions-0-subject": "Hello"},
        {"actions-0-is_active": []},
    ],
)
def test_a_change_at_any_level_gives_the_next_object_a_new_version(client, change):
    workflow = make_workflow([[by_role(make_role())]])
    WorkflowAction.objects.create(
        stage=stages_of(workflow)[0],
        action_type=ActionType.AFTER_APPROVE,
        function_path=f"{HANDLERS}.send_approval_notification",
    )
    old = attach_workflow_to_object(PurchaseRequestFactory.create(), workflow).workflow
    before = old.revision

    response = page_of(client, workflow).fill(change).send()

    assert response.status_code == 302, errors_of(response)
    new = attach_workflow_to_object(PurchaseRequestFactory.create(), workflow).workflow
    assert new.pk != old.pk
    assert new.revision > before


def test_what_has_not_changed_is_not_written(client):
    workflow = make_workflow([[by_user(UserFactory.create()), by_user(UserFactory.create())]])
    page = page_of(client, workflow).row("pipelines-0-stages-0", name_en="Renamed")
    written = []

    def note(sender, instance, **_kwargs):
        written.append(instance)

    for model in (WorkFlow, Pipeline, Stage, WorkflowAction):
        post_save.connect(note, sender=model, weak=False, dispatch_uid="test")
    page.send()
    for model in (WorkFlow, Pipeline, Stage, WorkflowAction):
        post_save.disconnect(sender=model, dispatch_uid="test")

    assert [row.name_en for row in written] == ["Renamed"]


def test_the_log_names_what_was_changed_below(client):
    workflow = make_workflow([[by_user(UserFactory.create())]])
    page = page_of(client, workflow, "?blank=1").row("pipelines-0-stages-0", name_en="Renamed")
    page.row("pipelines-1", name_en="Added")

    page.send()

    message = LogEntry.objects.latest("pk").get_change_message()
    assert "Renamed" in message
    assert "Added" in message


def test_stages_are_put_in_another_order(client):
    workflow = make_workflow([[by_user(UserFactory.create()) for _number in range(3)]])
    page = page_of(client, workflow)
    for place, order in enumerate((3, 1, 2)):
        page.row(f"pipelines-0-stages-{place}", order=order)

    page.send()

    assert [stage.name_en for stage in stages_of(workflow)] == [
        "Stage 1.2",
        "Stage 1.3",
        "Stage 1.1",
    ]


def test_pipelines_are_put_in_another_order(client):
    workflow = make_workflow([[by_user(UserFactory.create())], [by_user(UserFactory.create())]])

    page_of(client, workflow).fill({"pipelines-0-order": 2, "pipelines-1-order": 1}).send()

    names = [pipeline.name_en for pipeline in workflow.pipelines.all()]
    assert names == ["Pipeline 2", "Pipeline 1"]


def test_approvals_are_put_in_another_order(client):
    people = [UserFactory.create() for _number in range(3)]
    workflow = make_workflow([[[by_user(person) for person in people]]])
    page = page_of(client, workflow)
    for place, order in enumerate((3, 1, 2)):
        page.row(f"pipelines-0-stages-0-approvals-{place}", order=order)

    page.send()

    stored = stages_of(workflow)[0].stage_info["approvals"]
    assert [approval["approval_user"] for approval in stored] == [
        people[1].pk,
        people[2].pk,
        people[0].pk,
    ]


def test_zero_is_a_place_and_rows_without_one_come_last(client):
    workflow = make_workflow([[by_user(UserFactory.create())]])
    page = page_of(client, workflow, "?blank=1")
    page.row("pipelines-0-stages-0", order=0)
    page.row("pipelines-0-stages-1", name_en="Last", order="")

    page.send()

    assert [(stage.name_en, stage.order) for stage in stages_of(workflow)] == [
        ("Stage 1.1", 0),
        ("Last", 1),
    ]


def test_a_stage_a_pipeline_an_approval_and_an_action_are_removed(client):
    people = [UserFactory.create() for _number in range(4)]
    workflow = make_workflow(
        [[[by_user(people[0]), by_user(people[1])], by_user(people[2])], [by_user(people[3])]]
    )
    page = page_of(client, workflow)
    for prefix in (
        "pipelines-0-stages-0-approvals-0",
        "pipelines-0-stages-1",
        "pipelines-1",
        "actions-0",
    ):
        page.row(prefix, DELETE="on")

    response = page.send()

    assert response.status_code == 302, errors_of(response)
    (stage,) = stages_of(workflow)
    assert [approval["approval_user"] for approval in stage.stage_info["approvals"]] == [
        people[1].pk
    ]
    assert workflow.pipelines.count() == 1
    assert workflow.actions.count() == 4


def test_a_new_row_that_was_removed_again_is_forgotten(client):
    page = page_of(client).set(name_en="Leave")
    page.row("pipelines-0-stages-0-approvals-0", DELETE="on")

    assert page.send().status_code == 302
    assert not Pipeline.objects.exists()


@pytest.mark.filterwarnings("ignore:disable_clone")
def test_a_stage_where_objects_are_is_not_removed(client):
    workflow = make_workflow([[by_user(UserFactory.create())]])
    attach_workflow_to_object(PurchaseRequestFactory.create(), workflow, disable_clone=True)

    response = page_of(client, workflow).row("pipelines-0-stages-0", DELETE="on").send()

    assert "Stage 1.1" in errors_of(response)["pipelines-0-stages"][0]
    assert stages_of(workflow)


def test_objects_keep_the_stage_that_was_removed_from_the_template(client):
    workflow = make_workflow([[by_user(UserFactory.create()), by_user(UserFactory.create())]])
    attachment = attach_workflow_to_object(PurchaseRequestFactory.create(), workflow)

    page_of(client, workflow).row("pipelines-0-stages-0", DELETE="on").send()

    attachment.refresh_from_db()
    assert attachment.current_stage.name_en == "Stage 1.1"
    assert [stage.name_en for stage in stages_of(workflow)] == ["Stage 1.2"]


def test_keys_of_an_approval_that_have_no_field_are_kept(client, settings):
    settings.APPROVAL_DYNAMIC_FORM_MODEL = "purchasing.DynamicForm"
    form = DynamicFormFactory.create()
    workflow = make_workflow([[by_user(UserFactory.create(), required_form=form.pk)]])
    settings.APPROVAL_DYNAMIC_FORM_MODEL = None
    page = page_of(client, workflow)
    settings.APPROVAL_DYNAMIC_FORM_MODEL = "purchasing.DynamicForm"
    page.row("pipelines-0-stages-0-approvals-0", allow_higher_level=[])
    page.data["pipelines-0-stages-0-approvals-0-required_form"] = form.pk

    assert page.send().status_code == 302
    assert stages_of(workflow)[0].stage_info["approvals"][0]["required_form"] == form.pk


# Refusing


def test_somebody_elses_changes_are_not_overwritten(client):
    workflow = make_workflow([[by_user(UserFactory.create())]])
    page = page_of(client, workflow).set(name_en="Mine")
    Stage.objects.filter(pipeline__workflow=workflow).update(name_en="Theirs")

    errors = errors_of(page.send())

    assert "Somebody has changed this workflow" in errors["__all__"][0]
    workflow.refresh_from_db()
    assert workflow.name_en == "Purchase approval"


def test_a_stage_that_was_deleted_meanwhile_is_no_crash(client):
    workflow = make_workflow([[by_user(UserFactory.create()), by_user(UserFactory.create())]])
    page = page_of(client, workflow).row("pipelines-0-stages-1", name_en="Mine")
    stages_of(workflow)[1].delete()

    assert "Somebody has changed" in errors_of(page.send())["__all__"][0]
    assert len(stages_of(workflow)) == 1


def test_a_stage_of_another_workflow_cannot_be_written_through_this_page(client):
    other = stages_of(make_workflow([[by_user(UserFactory.create())]]))[0]
    workflow = make_workflow([[by_user(UserFactory.create())]])
    page = page_of(client, workflow)
    page.row("pipelines-0-stages-0", id=other.pk, name_en="Hijacked")

    page.send()

    other.refresh_from_db()
    assert other.name_en == "Stage 1.1"


APPROVAL = "pipelines-0-stages-0-approvals-0"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"user_role": ""}, "user_role"),
        ({"user_role": "987654"}, "user_role"),
        ({"approval_type": "USER", "approval_user": ""}, "approval_user"),
        ({"approval_type": "USER", "approval_user": "987654"}, "approval_user"),
        ({"approval_type": "USER", "approval_user": "nonsense"}, "approval_user"),
        ({"approval_type": "NOBODY"}, "approval_type"),
        ({"role_selection_strategy": "dice"}, "role_selection_strategy"),
        ({"required_form": "987654"}, "required_form"),
        ({"step_approval_type": "submit"}, "required_form"),
        ({"rejection_policy": "never"}, "rejection_policy"),
        ({"order": "-1"}, "order"),
    ],
)
def test_an_error_of_an_approval_stands_at_its_field(client, values, field):
    workflow = make_workflow([[by_role(make_role())]])

    response = page_of(client, workflow).row(APPROVAL, **values).send()

    assert f"{APPROVAL}-{field}" in errors_of(response)
    assertContains(response, "errorlist")
    assertContains(response, "Please correct the error")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name_en", ""),
        ("slug", "no spaces"),
        ("pipelines-0-name_en", ""),
        ("pipelines-0-department", "987654"),
        ("pipelines-0-order", "first"),
        ("pipelines-0-stages-0-name_en", "x" * 201),
        ("pipelines-0-stages-0-color", "blue"),
    ],
)
def test_an_error_elsewhere_stands_at_its_field(client, name, value):
    workflow = make_workflow([[by_role(make_role())]])

    assert name in errors_of(page_of(client, workflow).fill({name: value}).send())


def test_a_slug_that_is_taken_is_an_error_beside_others(client):
    WorkFlow.objects.create(name_en="First", slug="leave")
    page = page_of(client).set(name_en="Second", slug="leave")
    page.row("pipelines-0", department="")
    page.row("pipelines-0-stages-0", color="#000000")

    errors = errors_of(page.send())

    assert "slug" in errors
    assert "pipelines-0-stages-0-name_en" in errors


def test_a_page_with_errors_shows_what_was_entered_in_the_order_it_was_put_in(client):
    workflow = make_workflow([[by_user(UserFactory.create()), by_user(UserFactory.create())]])
    page = page_of(client, workflow)
    page.row("pipelines-0-stages-0", order=2, name_en="")
    page.row("pipelines-0-stages-1", order=1, name_en="Now the first")

    form = page.send().context["adminform"].form

    stages = form.children["pipelines"].forms[0].children["stages"]
    assert [row["name_en"].value() for row in stages.in_order()] == ["Now the first", ""]


def test_a_role_that_was_deleted_is_shown_and_need_not_be_mended_to_change_something_else(client):
    role = make_role()
    key = role.pk
    workflow = make_workflow([[by_role(role)]])
    role.delete()
    page = page_of(client, workflow).set(name_en="Renamed")

    assert page.data[f"{APPROVAL}-user_role"] == [str(key)]
    assert page.send().status_code == 302
    page = page_of(client, workflow).row("pipelines-0-stages-0", name_en="Renamed")
    assert f"{APPROVAL}-user_role" in errors_of(page.send())


def test_a_stage_that_was_stored_around_the_orm_can_be_opened_and_mended(client):
    workflow = make_workflow([[by_user(UserFactory.create())]])
    QuerySet(Stage).update(stage_info={"approvals": ["nonsense", 5], "color": 7})
    person = UserFactory.create()

    page = page_of(client, workflow)
    page.row("pipelines-0-stages-0", color="")
    page.row(APPROVAL, approval_type="USER", approval_user=person.pk)
    page.row("pipelines-0-stages-0-approvals-1", DELETE="on")

    assert page.send().status_code == 302
    stored = stages_of(workflow)[0].stage_info
    assert [approval["approval_user"] for approval in stored["approvals"]] == [person.pk]


# Looking


def test_people_are_named_without_being_listed(client):
    person = UserFactory.create(username="layla")
    UserFactory.create(username="nobody-asked-for")
    workflow = make_workflow([[by_user(person)]])

    response = page_of(client, workflow).response

    assertContains(response, "layla")
    assertNotContains(response, "nobody-asked-for")


def test_roles_are_indented_by_their_place_in_the_tree(client):
    top = RoleFactory.create(name="Top")
    RoleFactory.create(name="Below", parent=top)

    found = client.get(reverse("admin:django_workflow_engine_workflow_look_up", args=["role"]))

    assert [row["text"] for row in found.json()["results"]] == ["Top", "— Below"]
    assertContains(page_of(client, query="?blank=1").response, "— Below")


def test_what_is_missing_is_said_on_the_page(client):
    workflow = make_workflow([[[]]])

    assertContains(page_of(client, workflow).response, "Pipeline 1 / Stage 1.1")
    complete = make_workflow([[by_user(UserFactory.create())]])
    assertNotContains(page_of(client, complete).response, "Not complete yet")


def test_versions_are_listed_with_the_objects_on_them(client):
    workflow = make_workflow()
    attachment = attach_workflow_to_object(PurchaseRequestFactory.create(), workflow)

    response = page_of(client, workflow).response

    (version,) = response.context["versions"]
    assert (version.number, version.running, version.attachments) == (1, 1, 1)
    assertContains(response, address_of(WorkFlow, "change", attachment.workflow_id))


def test_every_field_has_a_label_and_no_id_is_there_twice(client):
    page = page_of(client, make_workflow([[by_role(make_role())]]), "?blank=1")
    inputs = {
        f"id_{name}"
        for name in page.data
        if not name.endswith(("_FORMS", "-id", "recipients", "csrfmiddlewaretoken", "revision"))
    }

    assert inputs <= page.reader.labels, inputs - page.reader.labels
    twice = {name for name in page.reader.ids if page.reader.ids.count(name) > 1}
    assert not twice


@pytest.mark.parametrize("query", ["", "?blank=1"])
def test_a_page_takes_the_same_statements_for_any_number_of_stages(client, statements, query):
    role = make_role()

    def count(stages):
        workflow = make_large_workflow(stages, approval=by_role(role))
        for stage in stages_of(workflow):
            WorkflowAction.objects.create(
                stage=stage,
                action_type=ActionType.AFTER_APPROVE,
                function_path=f"{HANDLERS}.send_approval_notification",
            )
        page_of(client, workflow, query)
        with statements() as seen:
            page_of(client, workflow, query)
        return seen.count

    assert count(2) == count(5)


def test_the_people_of_all_stages_are_read_in_one_statement(client, statements):
    def count(stages):
        workflow = make_workflow([[by_user(UserFactory.create()) for _number in range(stages)]])
        page_of(client, workflow)
        with statements() as seen:
            page_of(client, workflow)
        return seen.count

    assert count(2) == count(4)


# Packed into one field


def test_a_workflow_of_more_fields_than_django_takes_is_sent_as_one(client, settings):
    workflow = make_large_workflow(3)
    page = page_of(client, workflow).row("pipelines-0-stages-0", name_en="Renamed")
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
    token = page.data.pop("csrfmiddlewaretoken")

    response = client.post(
        page.address,
        {
            "csrfmiddlewaretoken": token,
            "_packed": urlencode(page.data, doseq=True),
            "_continue": "x",
        },
    )

    assert response.status_code == 302
    assert stages_of(workflow)[0].name_en == "Renamed"
    assert page.send().status_code == 400


def test_a_packet_has_its_own_limit(client, monkeypatch):
    workflow = make_workflow()
    page = page_of(client, workflow)
    monkeypatch.setattr("django_workflow_engine.admin.builder.packing.MAX_FIELDS", 3)

    response = client.post(page.address, {"_packed": "a=1&b=2&c=3&d=4"})

    assert response.status_code == 400


# Permissions


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("page", ["changelist", "add", "change", "delete", "history"])
def test_staff_without_permission_are_refused(method, page):
    workflow = make_workflow()
    args = [] if page in ("changelist", "add") else [workflow.pk]

    response = getattr(staff_client(), method)(address_of(WorkFlow, page, *args))

    assert response.status_code == 403


def test_those_who_may_only_look_see_it_in_words_and_change_nothing():
    workflow = make_workflow([[by_role(make_role(name="Treasurers"), "consensus")]])
    client = staff_client("view_workflow")
    address = address_of(WorkFlow, "change", workflow.pk)

    response = client.get(address)

    for text in ("Stage 1.1", "Treasurers", "All users with role must approve"):
        assertContains(response, text)
    assertNotContains(response, "data-wb-builder")
    assert client.post(address, {"name_en": "Mine"}).status_code == 403


def test_actions_take_the_permissions_for_actions():
    workflow = make_workflow()
    client = staff_client("view_workflow", "change_workflow")
    page = page_of(client, workflow).set(name_en="Renamed")
    assert not [name for name in page.data if name.startswith("actions-")]
    assertContains(page.response, "E-mail: approved")
    before = list(WorkflowAction.objects.values())
    page.data |= {
        "actions-TOTAL_FORMS": "1",
        "actions-INITIAL_FORMS": "0",
        "actions-0-action_type": "after_approve",
        "actions-0-function": f"{HANDLERS}.send_approval_notification",
    }

    assert page.send().status_code == 302
    workflow.refresh_from_db()
    assert workflow.name_en == "Renamed"
    assert list(WorkflowAction.objects.values()) == before


def test_a_version_can_be_looked_at_and_not_changed(client):
    workflow = make_workflow()
    version = attach_workflow_to_object(PurchaseRequestFactory.create(), workflow).workflow
    address = address_of(WorkFlow, "change", version.pk)

    response = client.get(address)

    assertContains(response, "It does not change.")
    assertContains(response, address_of(WorkFlow, "change", workflow.pk))
    assertNotContains(response, "data-wb-builder")
    assert client.post(address, {"name_en": "Mine"}).status_code == 403
    assert client.get(address_of(WorkFlow, "delete", version.pk)).status_code == 403


# The list


def test_the_list_has_templates_and_on_request_versions(client):
    """D-45."""
    workflow = make_workflow(name_en="Leave")
    attach_workflow_to_object(PurchaseRequestFactory.create(), workflow)
    address = address_of(WorkFlow, "changelist")

    templates = client.get(address).context["cl"].result_list
    versions = client.get(address, {"kind": "versions"}).context["cl"].result_list

    assert [row.name_en for row in templates] == ["Leave"]
    assert [row.name_en for row in versions] == ["Leave (Copy)"]
    assert templates[0].stages_count == 1


def test_the_list_takes_the_same_statements_for_any_number_of_workflows(client, statements):
    address = address_of(WorkFlow, "changelist")
    make_workflow(company=UserFactory.create())
    client.get(address)
    with statements() as few:
        client.get(address)
    for _number in range(10):
        make_workflow(company=UserFactory.create())
    with statements() as many:
        client.get(address)

    assert many.count == few.count, f"{few}\n\n{many}"


def test_a_workflow_on_which_nothing_runs_is_deleted_with_all_its_parts(client):
    workflow = make_workflow()
    current_snapshot(workflow)

    client.post(
        address_of(WorkFlow, "changelist"),
        {"action": "delete_selected", "_selected_action": [workflow.pk], "post": "yes"},
    )

    assert not WorkFlow.objects.exists()
    assert not Stage.objects.exists()


def test_a_workflow_that_objects_run_on_is_not_deleted(client):
    workflow = make_workflow()
    attach_workflow_to_object(PurchaseRequestFactory.create(), workflow)

    client.post(address_of(WorkFlow, "delete", workflow.pk), {"post": "yes"})

    assert WorkFlow.objects.filter(pk=workflow.pk).exists()


def test_people_are_searched_for_and_versions_are_not_offered(client):
    UserFactory.create(username="layla")
    workflow = make_workflow(name_en="Leave")
    attach_workflow_to_object(PurchaseRequestFactory.create(), workflow)

    def found(model, field, term):
        query = {
            "app_label": "django_workflow_engine",
            "model_name": model,
            "field_name": field,
            "term": term,
        }
        answer = client.get("/admin/autocomplete/", query).json()
        return [row["text"] for row in answer["results"]]

    assert found("workflow", "company", "layl") == ["layla"]
    assert found("workflowaction", "workflow", "Leave") == ["Leave"]
    assert found("workflowaction", "stage", "Stage") == ["Stage 1.1"]


@pytest.mark.parametrize("may_search", [True, False])
def test_people_are_named_by_key_for_those_who_may_not_search(may_search):
    user = UserFactory.create(is_staff=True)
    permissions = ["change_workflow", "view_workflow", *(["view_user"] if may_search else [])]
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    person = UserFactory.create()
    workflow = make_workflow([[by_user(UserFactory.create())]])
    page = page_of(client, workflow)

    searched = b"vForeignKeyRawIdAdminField" not in page.response.content
    page.row(APPROVAL, approval_user=person.pk)

    assert searched is may_search
    assert page.send().status_code == 302
    stored = stages_of(workflow)[0].stage_info
    assert stored["approvals"][0]["approval_user"] == person.pk
