"""Objects on workflows over HTTP: lists, details, putting them on one, deciding, calling off."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_workflow_engine.models import WorkflowAttachment
from django_workflow_engine.services import attach_workflow_to_object, cancel_workflow
from tests.django_workflow_engine.api.calls import (
    attached,
    client_of,
    get,
    grant,
    ids,
    post,
)
from tests.factories import (
    DynamicFormFactory,
    PurchaseRequestFactory,
    TicketFactory,
    UserFactory,
    by_user,
    make_workflow,
    stages_of,
)

pytestmark = pytest.mark.django_db

LIST = "attachment-list"
MAPPED = {"MODEL_WORKFLOW_MAPPINGS": {"purchasing.PurchaseRequest": ["offered"]}}


@pytest.fixture
def clerk(db: None) -> Any:
    """Somebody who may view purchase requests and all templates."""
    return grant(UserFactory.create(username="clerk"), "view_purchaserequest", "view_workflow")


def create(user: Any, workflow: Any, obj: Any, /, **body: Any) -> Any:
    label = obj._meta.label_lower
    names = {"workflow": workflow.pk, "object_type": label, "object_id": str(obj.pk)}
    return post(user, LIST, **{**names, **body})


def act(user: Any, attachment: Any, action: str, headers: Any = None, **body: Any) -> Any:
    return post(user, "attachment-act", attachment.pk, headers=headers, action=action, **body)


# Lists


def test_a_list_has_what_the_person_may_see_latest_first(ann: Any, bob: Any) -> None:
    first, _foreign, last = attached(ann), attached(bob), attached(ann)
    assert ids(get(ann, LIST)) == [last.pk, first.pk]


def test_a_row_shows_where_the_object_stands(ann: Any, bob: Any) -> None:
    attachment = attached(ann, ann, user=bob, metadata={"priority": "high"})
    (row,) = get(ann, LIST).json()["results"]
    stages = attachment.workflow.pipelines.get().stages.all()
    here, after = (
        {"id": stage.pk, "template_id": stage.cloned_from_id, "name_en": stage.name_en}
        for stage in stages
    )
    assert row["target"]["label"] == str(attachment.target)
    assert row["workflow"]["id"] == attachment.workflow.cloned_from_id
    assert (row["workflow"]["name_en"], row["workflow"]["version"]) == ("Purchase approval", 1)
    assert row["current_stage"] == {**here, "name_ar": ""}
    assert row["next_stage"] == {**after, "name_ar": ""}
    assert row["current_pipeline"]["name_en"] == "Pipeline 1"
    assert row["started_by"]["username"] == "bob"
    assert (row["status"], row["metadata"]) == ("in_progress", {"priority": "high"})
    assert row["flow"] == attachment.flow_id


def test_lists_are_narrowed_down_by_status(ann: Any) -> None:
    running, ended = attached(ann), attached(ann)
    cancel_workflow(ended.target)
    assert ids(get(ann, LIST, status="in_progress")) == [running.pk]
    assert ids(get(ann, LIST, status="cancelled")) == [ended.pk]


def test_a_template_stands_for_all_its_versions(ann: Any) -> None:
    workflow = make_workflow([[by_user(ann)]])
    grant(ann, "view_purchaserequest", "view_workflow")
    old = create(ann, workflow, PurchaseRequestFactory.create()).json()["id"]
    workflow.save()
    new = create(ann, workflow, PurchaseRequestFactory.create()).json()["id"]
    attached(ann)
    assert ids(get(ann, LIST, workflow=workflow.pk)) == [new, old]
    version = WorkflowAttachment.objects.get(pk=old).workflow_id
    assert ids(get(ann, LIST, workflow=version)) == [old]


def test_lists_are_narrowed_down_by_object_and_by_who_started(ann: Any, bob: Any) -> None:
    attachment, other = attached(ann, user=ann), attached(ann, user=bob)
    of_object = {"object_type": "purchasing.PurchaseRequest", "object_id": attachment.object_id}
    assert ids(get(ann, LIST, **of_object)) == [attachment.pk]
    assert ids(get(ann, LIST, object_type="support.ticket")) == []
    assert ids(get(ann, LIST, started_by=bob.pk)) == [other.pk]


def test_lists_are_narrowed_down_to_what_waits_for_the_person(ann: Any, bob: Any) -> None:
    mine, others = attached(ann), attached(bob, user=ann)
    waiting_to_start = attached(ann, user=ann, auto_start=False)
    assert ids(get(ann, LIST, waiting_for_me="true")) == [mine.pk]
    assert ids(get(ann, LIST, waiting_for_me="false")) == [waiting_to_start.pk, others.pk]


def test_lists_are_narrowed_down_by_time_and_put_in_order(ann: Any) -> None:
    old, new = attached(ann), attached(ann)
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    WorkflowAttachment.objects.filter(pk=old.pk).update(created_at=moment)
    after = (moment + timedelta(seconds=1)).isoformat()
    assert ids(get(ann, LIST, created_after=after)) == [new.pk]
    assert ids(get(ann, LIST, created_before=after)) == [old.pk]
    assert ids(get(ann, LIST, ordering="created_at")) == [old.pk, new.pk]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("status", "open"),
        ("workflow", "x"),
        ("object_type", "document"),
        ("object_id", ""),
        ("started_by", "ann"),
        ("waiting_for_me", "yes"),
        ("created_after", "yesterday"),
        ("ordering", "metadata"),
        ("page", "0"),
    ],
)
def test_a_parameter_that_cannot_be_read(parameter: str, value: str, ann: Any) -> None:
    response = get(ann, LIST, **{parameter: value})
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {parameter}


@pytest.mark.parametrize("runs", [2, 20])
def test_a_list_keeps_to_the_budget(runs: int, ann: Any, statements: Any) -> None:
    for number in range(runs):
        attached(ann, metadata={"number": number})
    client = client_of(ann)
    with statements() as seen:
        assert get(client, LIST).json()["count"] == runs
    # Session, person, permissions (2), roles (2), count, page, objects.
    assert seen.count <= 9, seen


# Details


def test_a_detail_tells_progress_and_whether_the_person_can_act(ann: Any, bob: Any) -> None:
    attachment = attached(ann, user=bob)
    shown = get(ann, "attachment-detail", attachment.pk)
    assert shown.json()["progress"]["total_stages"] == 1
    assert shown.json()["can_act"] is True
    assert shown["ETag"] == f'"{attachment.flow.version}"'
    assert get(bob, "attachment-detail", attachment.pk).json()["can_act"] is False


def test_progress_is_that_of_the_run_not_of_the_object(ann: Any) -> None:
    first = attached(ann, ann)
    act(ann, first, "approve")
    act(ann, first, "approve")
    template = first.workflow.cloned_from
    grant(ann, "view_purchaserequest", "view_workflow")
    # Permissions are remembered by the user in memory.
    second = create(get_user_model().objects.get(pk=ann.pk), template, first.target).json()
    progress = [get(ann, "attachment-progress", key).json() for key in (first.pk, second["id"])]
    assert [found["status"] for found in progress] == ["completed", "in_progress"]
    assert [found["progress_percentage"] for found in progress] == [100, 0]


def test_the_timeline_has_visits_and_history_in_order(ann: Any) -> None:
    attachment = attached(ann, ann)
    act(ann, attachment, "approve", reason="Fine")
    told = get(ann, "attachment-timeline", attachment.pk).json()
    visits = [(visit["stage"]["name_en"], visit["outcome"]) for visit in told["visits"]]
    assert visits == [("Stage 1.1", "approved"), ("Stage 1.2", "")]
    assert [event["sequence"] for event in told["history"]] == list(
        range(1, len(told["history"]) + 1)
    )
    assert "Fine" in [event["comment"] for event in told["history"]]


def test_the_timeline_of_a_run_that_waits_is_empty(ann: Any) -> None:
    attachment = attached(ann, user=ann, auto_start=False)
    told = get(ann, "attachment-timeline", attachment.pk).json()
    assert told == {"visits": [], "history": []}
    assert "ETag" not in get(ann, "attachment-detail", attachment.pk)


@pytest.mark.parametrize("stages", [2, 12])
def test_a_timeline_keeps_to_the_budget(stages: int, ann: Any, statements: Any) -> None:
    attachment = attached(*[ann] * stages)
    for _number in range(stages - 1):
        act(ann, attachment, "approve")
    client = client_of(ann)
    with statements() as seen:
        assert get(client, "attachment-timeline", attachment.pk).status_code == 200
    assert seen.count <= 9, seen


# Putting an object on a workflow


def test_an_object_is_put_on_a_workflow_and_started(clerk: Any) -> None:
    made = create(clerk, make_workflow(), PurchaseRequestFactory.create(), metadata={"a": 1})
    assert made.status_code == 201, made.content
    assert (made.json()["status"], made.json()["metadata"]) == ("in_progress", {"a": 1})
    assert made.json()["started_by"]["username"] == "clerk"
    assert made["ETag"]


def test_a_run_can_wait_to_be_started_and_is_started_once(clerk: Any) -> None:
    made = create(clerk, make_workflow(), PurchaseRequestFactory.create(), auto_start=False).json()
    assert made["status"] == "not_started"
    started = post(clerk, "attachment-start", made["id"])
    assert (started.status_code, started.json()["status"]) == (200, "in_progress")
    again = post(clerk, "attachment-start", made["id"])
    assert (again.status_code, again.json()["code"]) == (409, "not_attached")
    assert again.json()["status"] == "in_progress"


def test_the_same_request_again_changes_nothing(clerk: Any) -> None:
    workflow, obj = make_workflow(), PurchaseRequestFactory.create()
    first, second = create(clerk, workflow, obj), create(clerk, workflow, obj)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    other = create(clerk, make_workflow(), obj)
    assert (other.status_code, other.json()["code"]) == (409, "already_attached")


def test_who_may_not_view_objects_of_the_model_is_not_told_which_there_are(ann: Any) -> None:
    grant(ann, "view_workflow")
    workflow, obj = make_workflow(), PurchaseRequestFactory.create()
    answers = [create(ann, workflow, obj), create(ann, workflow, obj, object_id="999999")]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].json() == answers[1].json()
    assert not WorkflowAttachment.objects.exists()


def test_a_template_that_is_not_to_be_seen_cannot_be_used_unless_the_settings_offer_it(
    ann: Any, settings: Any
) -> None:
    grant(ann, "view_purchaserequest", "view_ticket")
    workflow, obj = make_workflow(slug="offered"), PurchaseRequestFactory.create()
    refused = create(ann, workflow, obj)
    assert (refused.status_code, set(refused.json()["errors"])) == (400, {"workflow"})
    settings.DJANGO_WORKFLOW_ENGINE = MAPPED
    assert create(ann, workflow, TicketFactory.create()).status_code == 400
    assert create(ann, workflow, obj).status_code == 201


def test_a_version_is_no_template(clerk: Any, ann: Any) -> None:
    version = attached(ann).workflow
    assert create(clerk, version, PurchaseRequestFactory.create()).status_code == 400


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"object_id": "x"}, "object_id"),
        ({"object_id": "999999"}, "object_id"),
        ({"object_id": 1}, "object_id"),
        ({"object_type": "no.model"}, "object_type"),
        ({"object_type": "model"}, "object_type"),
        ({"workflow": 999999}, "workflow"),
        ({"workflow": "1"}, "workflow"),
        ({"auto_start": "no"}, "auto_start"),
        ({"metadata": []}, "metadata"),
        ({"meta": {}}, "meta"),
    ],
)
def test_what_is_wrong_is_named(wrong: dict[str, Any], place: str, clerk: Any) -> None:
    response = create(clerk, make_workflow(), PurchaseRequestFactory.create(), **wrong)
    assert (response.status_code, set(response.json()["errors"])) == (400, {place})
    assert not WorkflowAttachment.objects.exists()


def test_an_incomplete_template_is_422_by_place_and_an_inactive_one_409(clerk: Any) -> None:
    empty = create(clerk, make_workflow([[[]]]), PurchaseRequestFactory.create())
    assert (empty.status_code, empty.json()["code"]) == (422, "workflow_incomplete")
    assert list(empty.json()["errors"]) == ["Pipeline 1 / Stage 1.1"]
    inactive = make_workflow(is_active=False)
    refused = create(clerk, inactive, PurchaseRequestFactory.create())
    assert (refused.status_code, refused.json()["code"]) == (409, "workflow_not_active")


def test_the_settings_limit_models_and_people(clerk: Any, settings: Any) -> None:
    """D-5, D-10."""
    workflow, obj = make_workflow(), PurchaseRequestFactory.create()
    settings.DJANGO_WORKFLOW_ENGINE = {"ENABLED_MODELS": ["support.Ticket"]}
    assert create(clerk, workflow, obj).json()["code"] == "model_not_enabled"
    settings.DJANGO_WORKFLOW_ENGINE = {"PERMISSIONS": {"REQUIRE_PERMISSION_TO_START": True}}
    refused = create(clerk, workflow, obj)
    assert (refused.status_code, refused.json()["code"]) == (403, "workflow_permission_denied")
    assert refused.json()["reason"] == "missing_permission"
    grant(clerk, "start_workflow")
    starter = get_user_model().objects.get(pk=clerk.pk)
    assert create(starter, workflow, obj).status_code == 201


def test_starting_takes_the_permission_to_view_the_object(ann: Any) -> None:
    attachment = attached(user=ann, auto_start=False)
    assert post(ann, "attachment-start", attachment.pk).status_code == 403


# Deciding


@pytest.mark.parametrize("word", ["approve", "APPROVED", "approved"])
def test_a_decision_moves_the_object_and_answers_with_where_it_stands(word: str, ann: Any) -> None:
    attachment = attached(ann, ann)
    response = act(ann, attachment, word, reason="Fine")
    assert response.status_code == 200, response.content
    assert response.json()["current_stage"]["name_en"] == "Stage 1.2"
    attachment.flow.refresh_from_db()
    assert response["ETag"] == f'"{attachment.flow.version}"'


def test_rejection_ends_the_run(ann: Any) -> None:
    assert act(ann, attached(ann), "rejected").json()["status"] == "rejected"


@pytest.mark.parametrize("of", ["template", "version"])
def test_resubmission_goes_back_to_a_stage(of: str, ann: Any) -> None:
    attachment = attached(ann, ann)
    act(ann, attachment, "approve")
    runs_on = attachment.workflow
    stage = stages_of(runs_on.cloned_from if of == "template" else runs_on)[0]
    back = act(ann, attachment, "resubmission", stage_id=stage.pk)
    assert back.status_code == 200, back.content
    assert back.json()["current_stage"]["name_en"] == "Stage 1.1"


def test_delegation_lets_somebody_else_act(ann: Any, bob: Any) -> None:
    attachment = attached(ann, user=ann)
    assert act(ann, attachment, "delegate", user_id=bob.pk).json()["can_act"] is False
    assert act(bob, attachment, "approve").json()["status"] == "completed"


def test_the_same_key_again_changes_nothing_also_at_the_end(ann: Any) -> None:
    attachment = attached(ann, ann)
    headers = [{"Idempotency-Key": "first"}, {"Idempotency-Key": "last"}]
    for key in (headers[0], headers[0], headers[1], headers[1]):
        assert act(ann, attachment, "approve", headers=key).status_code == 200
    attachment.refresh_from_db()
    assert attachment.status == "completed"
    assert attachment.flow.instances.filter(status="approved").count() == 2


def test_what_has_changed_since_it_was_read_is_not_acted_on(ann: Any) -> None:
    attachment = attached(ann, ann)
    seen = get(ann, "attachment-detail", attachment.pk)["ETag"]
    assert act(ann, attachment, "approve", headers={"If-Match": seen}).status_code == 200
    stale = act(ann, attachment, "approve", headers={"If-Match": seen})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")


def test_who_is_not_asked_is_refused_with_the_reason(ann: Any, bob: Any) -> None:
    refused = act(ann, attached(bob, user=ann), "approve")
    assert (refused.status_code, refused.json()["reason"]) == (403, "not_assigned")


def test_forms_are_checked_by_path(ann: Any) -> None:
    form = DynamicFormFactory.create()
    workflow = make_workflow([[by_user(ann, required_form=form.pk, step_approval_type="submit")]])
    grant(ann, "view_purchaserequest", "view_workflow")
    made = create(ann, workflow, PurchaseRequestFactory.create()).json()
    attachment = WorkflowAttachment.objects.get(pk=made["id"])
    wrong = act(ann, attachment, "approve", form_data={"note": 5})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_form_data")
    assert set(wrong.json()["errors"]) == {"form_data.note"}
    assert act(ann, attachment, "approve", form_data={"note": "x"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"action": "approve it"}, 400, "invalid_input"),
        ({"action": "approve", "note": "x"}, 400, "invalid_input"),
        ({"action": "resubmission"}, 400, "invalid_input"),
        ({"action": "resubmission", "stage_id": 999999}, 400, "unknown_stage"),
        ({"action": "resubmission", "stage_id": "1"}, 400, "invalid_input"),
        ({"action": "delegate"}, 422, "invalid_delegate"),
        ({"action": "delegate", "user_id": 999999}, 422, "invalid_delegate"),
    ],
)
def test_a_decision_that_cannot_be_taken(
    body: dict[str, Any], status: int, code: str, ann: Any
) -> None:
    attachment = attached(ann)
    response = act(ann, attachment, **body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert attachment.flow.instances.get().status == "current"


def test_deciding_on_an_ended_run_does_not_touch_the_next_one(ann: Any) -> None:
    grant(ann, "view_purchaserequest", "view_workflow")
    first = attached(ann)
    cancel_workflow(first.target)
    second = create(ann, make_workflow([[by_user(ann)]]), first.target).json()
    refused = act(ann, first, "approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_current_step")
    assert refused.json()["status"] == "cancelled"
    assert WorkflowAttachment.objects.get(pk=second["id"]).status == "in_progress"


def test_a_run_that_is_replaced_before_it_is_locked_is_not_mixed_up_with_the_next_one(
    ann: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request is read while the first run is open, and takes the lock when it has ended."""
    first, replaced = attached(ann), []

    def replace_the_run(_request: Any) -> None:
        cancel_workflow(first.target)
        replaced.append(attach_workflow_to_object(first.target, make_workflow([[by_user(ann)]])))

    monkeypatch.setattr("django_workflow_engine.views.attachments.idempotency_key", replace_the_run)
    refused = act(ann, first, "approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_current_step")
    assert WorkflowAttachment.objects.get(pk=replaced[0].pk).status == "in_progress"


def test_a_key_that_was_used_for_the_run_before_is_refused(ann: Any) -> None:
    first, key = attached(ann), {"Idempotency-Key": "once"}
    act(ann, first, "approve", headers=key)
    second = attach_workflow_to_object(first.target, make_workflow([[by_user(ann)]]))
    refused = act(ann, second, "approve", headers=key)
    assert refused.json()["code"] == "idempotency_key_reused"
    assert WorkflowAttachment.objects.get(pk=second.pk).status == "in_progress"
    assert act(ann, first, "approve", headers=key).json()["status"] == "completed"


def test_a_run_whose_object_is_gone_is_a_conflict_and_can_be_called_off(ann: Any) -> None:
    attachment = attached(ann, user=ann)
    attachment.target.delete()
    assert act(ann, attachment, "approve").status_code == 409
    assert post(ann, "attachment-start", attachment.pk).status_code == 409
    cancelled = post(ann, "attachment-cancel", attachment.pk, reason="Gone")
    assert cancelled.json()["status"] == "cancelled"
    assert cancelled.json()["target"]["label"] is None


def test_deciding_needs_the_permission_where_the_settings_say_so(ann: Any, settings: Any) -> None:
    attachment = attached(ann)
    settings.DJANGO_WORKFLOW_ENGINE = {"PERMISSIONS": {"REQUIRE_PERMISSION_TO_APPROVE": True}}
    refused = act(ann, attachment, "approve")
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert refused.json()["reason"] == "missing_permission"


def test_what_clean_up_deletes_at_once_is_shown_as_it_was(
    ann: Any, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.WORKFLOW_AUTO_CLEANUP_COMPLETED = True
    settings.WORKFLOW_AUTO_CREATE_ACTIONS = False
    attachment = attached(ann)
    with django_capture_on_commit_callbacks(execute=True):
        response = act(ann, attachment, "approve")
    assert response.status_code == 200


# Calling off


def test_who_started_calls_a_run_off_and_says_why(ann: Any, bob: Any) -> None:
    attachment = attached(bob, user=ann)
    assert post(ann, "attachment-cancel", attachment.pk).status_code == 400
    cancelled = post(ann, "attachment-cancel", attachment.pk, reason="Not needed")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    again = post(ann, "attachment-cancel", attachment.pk, reason="Not needed")
    assert (again.status_code, again.json()["code"]) == (409, "flow_ended")


def test_who_is_asked_may_not_call_off_and_who_may_change_attachments_may(ann: Any) -> None:
    attachment = attached(ann)
    assert post(ann, "attachment-cancel", attachment.pk, reason="No").status_code == 403
    manager = grant(UserFactory.create(), "view_workflowattachment", "change_workflowattachment")
    assert post(manager, "attachment-cancel", attachment.pk, reason="No").status_code == 200


def test_calling_off_heeds_what_was_seen(ann: Any) -> None:
    attachment = attached(user=ann)
    headers = {"If-Match": f'"{attachment.flow.version + 1}"'}
    stale = post(ann, "attachment-cancel", attachment.pk, headers=headers, reason="No")
    assert stale.status_code == 412


def test_what_has_not_been_started_has_no_version_to_match(ann: Any) -> None:
    attachment = attached(user=ann, auto_start=False)
    for tag, status in (('"1"', 412), ("", 400), ("*", 200)):
        headers = {"If-Match": tag}
        response = post(ann, "attachment-cancel", attachment.pk, headers=headers, reason="No")
        assert response.status_code == status, tag
