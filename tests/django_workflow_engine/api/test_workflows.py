"""Templates over HTTP: whole trees in one request, each company its own."""

from typing import Any

import pytest

from django_workflow_engine.models import Pipeline, Stage, WorkFlow, WorkflowAction
from django_workflow_engine.services import attach_workflow_to_object, cancel_workflow
from tests.django_workflow_engine.api.calls import (
    attached,
    call,
    client_of,
    get,
    grant,
    ids,
    post,
)
from tests.factories import (
    PurchaseRequestFactory,
    UserFactory,
    by_user,
    make_large_workflow,
    make_workflow,
)

pytestmark = pytest.mark.django_db

LIST, DETAIL = "workflow-list", "workflow-detail"
ACTION = {
    "action_type": "after_approve",
    "function_path": "django_workflow_engine.action_handlers.send_approval_notification",
}


@pytest.fixture
def own_builder(company: Any) -> Any:
    """A company that builds workflows for itself."""
    return grant(company, "add_workflow", "change_workflow", "delete_workflow")


def tree(user: Any, **fields: Any) -> dict[str, Any]:
    """A workflow of two pipelines with stages, approvals and actions."""
    stage = {"name_en": "Check", "stage_info": {"approvals": [by_user(user)]}}
    finance = {"name_en": "Finance", "stages": [{**stage, "actions": [ACTION]}, stage]}
    legal = {"name_en": "Legal", "number_of_stages": 3}
    return {"name_en": "Purchases", "pipelines": [finance, legal], "actions": [ACTION], **fields}


# Lists


def test_a_list_has_the_templates_by_name_and_no_versions(builder: Any, ann: Any) -> None:
    """D-45."""
    attach_workflow_to_object(PurchaseRequestFactory.create(), make_workflow(name_en="B"))
    make_workflow(name_en="A")
    rows = get(builder, LIST).json()["results"]
    assert [row["name_en"] for row in rows] == ["A", "B"]


def test_a_company_sees_its_own(company: Any) -> None:
    own, other = make_workflow(company=company), make_workflow()
    assert ids(get(company, LIST)) == [own.pk]
    assert get(company, DETAIL, own.pk).status_code == 200
    assert get(company, DETAIL, other.pk).status_code == 404


def test_lists_are_narrowed_down(builder: Any, company: Any) -> None:
    one = make_workflow(name_en="Leave", name_ar="إجازة", slug="leave", company=company)
    two = make_workflow(name_en="Travel", status="draft", is_active=False)
    for parameter, value in {
        "company": company.pk,
        "status": "active",
        "is_active": "true",
        "slug": "leave",
        "search": "جاز",
    }.items():
        assert ids(get(builder, LIST, **{parameter: value})) == [one.pk], parameter
    assert ids(get(builder, LIST, search="RAV")) == [two.pk]
    assert ids(get(builder, LIST, strategy="pipeline")) == []
    assert ids(get(builder, LIST, ordering="-name_en")) == [two.pk, one.pk]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("company", "acme"),
        ("status", "live"),
        ("strategy", ""),
        ("is_active", "1"),
        ("slug", ""),
        ("search", "x\0"),
        ("search", "x" * 201),
        ("ordering", "company__password"),
        ("page_size", "201"),
    ],
)
def test_a_parameter_that_cannot_be_read(parameter: str, value: str, builder: Any) -> None:
    response = get(builder, LIST, **{parameter: value})
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {parameter}


@pytest.mark.parametrize("workflows", [2, 12])
def test_a_list_keeps_to_the_budget(workflows: int, builder: Any, statements: Any) -> None:
    for _number in range(workflows):
        make_workflow([[by_user(builder)] * 3] * 2)
    client = client_of(builder)
    with statements() as seen:
        assert get(client, LIST).json()["count"] == workflows
    # Session, person, permissions (2), count, page, pipelines, stages, actions of three levels.
    assert seen.count <= 11, seen


@pytest.mark.parametrize("stages", [6, 100])
def test_a_detail_keeps_to_the_budget(stages: int, builder: Any, statements: Any) -> None:
    workflow = make_large_workflow(stages)
    client = client_of(builder)
    with statements() as seen:
        assert get(client, DETAIL, workflow.pk).status_code == 200
    assert seen.count <= 11, seen


# Writing


def test_a_whole_workflow_is_made_in_one_request(builder: Any, ann: Any) -> None:
    """D-100."""
    made = post(builder, LIST, **tree(ann))
    assert made.status_code == 201, made.content
    workflow = WorkFlow.objects.get(pk=made.json()["id"])
    assert (workflow.company, workflow.changed_by) == (None, builder)
    assert [pipeline.stages.count() for pipeline in workflow.pipelines.all()] == [2, 3]
    assert WorkflowAction.objects.filter(is_default=False).count() == 2


def test_making_and_showing_give_the_same(builder: Any, ann: Any) -> None:
    made = post(builder, LIST, **tree(ann)).json()
    assert get(builder, DETAIL, made["id"]).json() == made


@pytest.mark.parametrize("stages", [6, 60])
def test_making_a_workflow_keeps_to_the_budget(stages: int, builder: Any, statements: Any) -> None:
    client = client_of(builder)
    stage = {"name_en": "Check", "stage_info": {"approvals": [by_user(builder)]}}
    with statements() as seen:
        made = post(
            client, LIST, name_en="X", pipelines=[{"name_en": "P", "stages": [stage] * stages}]
        )
    assert made.status_code == 201
    assert seen.count <= 25, seen


def test_an_error_anywhere_leaves_nothing_and_is_named_by_path(builder: Any, ann: Any) -> None:
    wrong = tree(ann)
    wrong["pipelines"][0]["stages"][1] = {
        "name_en": "Check",
        "stage_info": {"approvals": [{"approval_type": "USER", "approval_user": 999999}]},
    }
    refused = post(builder, LIST, **wrong)
    assert refused.status_code == 400
    (path,) = refused.json()["errors"]
    assert path.startswith("pipelines[0].stages[1].stage_info")
    assert not WorkFlow.objects.exists()
    assert not Stage.objects.exists()


def test_a_function_that_may_not_be_called_is_a_field_error(builder: Any) -> None:
    action = {"action_type": "after_approve", "function_path": "os.system"}
    refused = post(builder, LIST, name_en="X", actions=[action])
    assert refused.status_code == 400
    assert set(refused.json()["errors"]) == {"actions[0].function_path"}


def test_parts_are_changed_and_what_is_not_given_stays(builder: Any, ann: Any) -> None:
    made = post(builder, LIST, **tree(ann)).json()
    changed = call(builder, "patch", DETAIL, made["id"], name_en="Buying")
    assert changed.status_code == 200, changed.content
    assert changed.json() == {
        **made,
        "name_en": "Buying",
        "updated_at": changed.json()["updated_at"],
    }
    legal = {"id": made["pipelines"][1]["id"], "name_en": "Law"}
    changed = call(builder, "patch", DETAIL, made["id"], pipelines=[legal]).json()
    assert [pipeline["name_en"] for pipeline in changed["pipelines"]] == ["Law"]
    assert Pipeline.objects.get().stages.count() == 3


def test_a_workflow_is_written_anew(builder: Any) -> None:
    workflow = make_workflow()
    assert call(builder, "put", DETAIL, workflow.pk).status_code == 400
    written = call(builder, "put", DETAIL, workflow.pk, name_en="Anew", pipelines=[])
    assert (written.status_code, written.json()["pipelines"]) == (200, [])
    workflow.refresh_from_db()
    assert workflow.changed_by == builder


def test_writing_needs_the_permission_for_each(company: Any) -> None:
    workflow = make_workflow(company=company)
    assert post(company, LIST, name_en="X").status_code == 403
    for method in ("put", "patch", "delete"):
        assert call(company, method, DETAIL, workflow.pk, name_en="X").status_code == 403
    workflow.refresh_from_db()
    assert workflow.name_en == "Purchase approval"


def test_a_company_writes_for_itself_alone(own_builder: Any) -> None:
    made = post(own_builder, LIST, name_en="Ours")
    assert made.json()["company"] == own_builder.pk
    assert post(own_builder, LIST, name_en="Ours", company=own_builder.pk).status_code == 201
    other = UserFactory.create()
    # Whether that account is there or not makes no difference.
    for key in (other.pk, 999999, None):
        refused = post(own_builder, LIST, name_en="Theirs", company=key)
        assert (refused.status_code, set(refused.json()["errors"])) == (400, {"company"})
        pk = made.json()["id"]
        assert call(own_builder, "patch", DETAIL, pk, company=key).status_code == 400
    assert not WorkFlow.objects.exclude(company=own_builder).exists()


def test_a_company_does_not_reach_the_workflows_of_others(own_builder: Any) -> None:
    other = make_workflow()
    for method in ("put", "patch", "delete"):
        assert call(own_builder, method, DETAIL, other.pk, name_en="X").status_code == 404
    stage = Stage.objects.get(pipeline__workflow=other)
    stolen = {"id": stage.pipeline_id, "stages": [{"id": stage.pk, "name_en": "Mine"}]}
    refused = post(own_builder, LIST, name_en="X", pipelines=[stolen])
    assert refused.status_code == 400
    stage.refresh_from_db()
    assert stage.name_en == "Stage 1.1"


@pytest.mark.parametrize("text", ["a\\u0000b", "\\ud800"])
def test_text_that_no_database_keeps_is_refused(text: str, builder: Any) -> None:
    parameters = '{"action_type": "after_approve", "function_path": "x", "parameters": {"a": "%s"}}'
    body = '{"name_en": "X", "actions": [%s]}' % (parameters % text)
    response = client_of(builder).post("/api/workflows/", body, content_type="application/json")
    assert (response.status_code, set(response.json()["errors"])) == (400, {"body"})


@pytest.mark.parametrize("body", ["[]", "5", '"x"', "null", "{", '{"name_en": NaN}'])
def test_what_is_no_workflow_is_a_400(body: str, builder: Any) -> None:
    response = client_of(builder).post("/api/workflows/", body, content_type="application/json")
    assert response.status_code == 400, response.content


def test_a_race_for_a_slug_is_a_conflict(builder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make_workflow(slug="taken")
    monkeypatch.setattr(WorkFlow, "_free_slug", lambda self: "taken")
    refused = post(builder, LIST, name_en="X")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


# Deleting


def test_a_template_that_nothing_was_on_is_deleted(builder: Any) -> None:
    workflow = make_workflow()
    assert call(builder, "delete", DETAIL, workflow.pk).status_code == 204
    assert not WorkFlow.objects.exists()


def test_a_template_that_objects_are_on_is_kept_and_says_how_many(builder: Any) -> None:
    attachment = attached()
    template = attachment.workflow.cloned_from
    for ended in (False, True):
        refused = call(builder, "delete", DETAIL, template.pk)
        assert (refused.status_code, refused.json()["code"]) == (409, "workflow_in_use")
        numbers = ("run on it: 0", "ended on it: 1") if ended else ("run on it: 1", "on it: 0")
        assert all(number in refused.json()["detail"] for number in numbers)
        if not ended:
            cancel_workflow(attachment.target)


# What is known of a template


def test_what_is_missing_is_told_by_place(builder: Any) -> None:
    complete = get(builder, "workflow-validate", make_workflow().pk).json()
    assert complete == {"complete": True, "errors": {}}
    missing = get(builder, "workflow-validate", make_workflow([[[]]]).pk).json()
    assert (missing["complete"], list(missing["errors"])) == (False, ["Pipeline 1 / Stage 1.1"])


def test_structure_and_summary(builder: Any, ann: Any) -> None:
    """D-41, D-42."""
    workflow = make_workflow([[by_user(ann), [by_user(ann)] * 2]])
    structure = get(builder, "workflow-structure", workflow.pk).json()
    stages = structure["pipelines"][0]["stages"]
    assert [stage["approvals_count"] for stage in stages] == [1, 2]
    summary = get(builder, "workflow-summary", workflow.pk).json()
    assert (summary["total_approvals"], summary["by_type"]["USER"]) == (3, 3)


def test_statistics_are_those_of_what_the_person_may_see(builder: Any, company: Any) -> None:
    """D-43."""
    make_workflow(company=company)
    make_workflow()
    assert get(builder, "workflow-statistics").json()["overview"]["total_workflows"] == 2
    own = get(company, "workflow-statistics").json()
    assert own["overview"]["total_workflows"] == 1
    narrowed = get(builder, "workflow-statistics", company=company.pk).json()
    assert narrowed == own
    # Asking for another company's does not help.
    assert get(company, "workflow-statistics", company=builder.pk).json() == own
    assert get(builder, "workflow-statistics", company="x").status_code == 400


def test_versions_are_listed_with_what_runs(builder: Any) -> None:
    attachment = attached()
    (version,) = get(builder, "workflow-versions", attachment.workflow.cloned_from_id).json()
    assert version == {
        "number": 1,
        "id": attachment.workflow_id,
        "created_at": version["created_at"],
        "changed_by": None,
        "is_current": True,
        "running": 1,
        "attachments": 1,
    }


def test_a_preview_tells_who_would_be_asked_and_writes_nothing(ann: Any, builder: Any) -> None:
    workflow, obj = make_workflow([[by_user(ann)]]), PurchaseRequestFactory.create()
    named = {"object_type": "purchasing.purchaserequest", "object_id": str(obj.pk)}
    assert get(builder, "workflow-preview", workflow.pk, **named).status_code == 403
    viewer = grant(builder, "view_purchaserequest")
    (shown,) = get(viewer, "workflow-preview", workflow.pk, **named).json()
    stage = Stage.objects.get()
    assert (shown["level"], shown["id"], shown["needed"]) == ("stage", stage.pk, 1)
    assert [person["username"] for person in shown["people"]] == ["ann"]
    missing = get(viewer, "workflow-preview", workflow.pk)
    assert (missing.status_code, set(missing.json()["errors"])) == (400, set(named))


def test_run_statistics_are_those_of_the_company(builder: Any, company: Any) -> None:
    own, other = attached(company=company), attached()
    assert get(builder, "workflow-run-statistics").json()["overview"]["running"] == 2
    found = get(company, "workflow-run-statistics").json()
    assert (found["overview"]["running"], len(found["people"])) == (1, 1)
    template = other.workflow.cloned_from_id
    assert get(builder, "workflow-run-statistics", workflow_id=template).status_code == 200
    assert get(company, "workflow-run-statistics", workflow_id=template).status_code == 404
    assert own.workflow.cloned_from_id in {stage["workflow_id"] for stage in found["stages"]}


@pytest.mark.parametrize(("name", "value"), [("workflow_id", "x"), ("since", "1"), ("until", "")])
def test_a_parameter_of_the_statistics_that_cannot_be_read(
    name: str, value: str, builder: Any
) -> None:
    response = get(builder, "workflow-run-statistics", **{name: value})
    assert (response.status_code, set(response.json()["errors"])) == (400, {name})
