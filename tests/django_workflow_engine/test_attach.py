"""Attaching and starting: which version runs, who is refused, and what is there after it."""

import uuid

import pytest
from django.db import IntegrityError, connection, transaction

from approval_workflow.exceptions import FlowAlreadyOpen, InvalidInput, NobodyEligible
from approval_workflow.models import ApprovalInstance
from approval_workflow.services import start_flow
from django_workflow_engine.exceptions import (
    AlreadyAttached,
    ModelNotEnabled,
    NotAttached,
    WorkflowIncomplete,
    WorkflowNotActive,
    WorkflowPermissionDenied,
)
from django_workflow_engine.models import Stage, StageRun, WorkFlow, WorkflowAttachment
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    get_current_stage,
    get_workflow_attachment,
    get_workflow_progress,
    start_workflow_for_object,
)
from tests.factories.objects import PurchaseRequestFactory
from tests.factories.people import RoleFactory, UserFactory, make_role
from tests.factories.workflows import (
    by_role,
    by_user,
    make_large_workflow,
    make_workflow,
    stages_of,
)
from tests.testapp.models import SlugDocument, UuidDocument

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


@pytest.fixture
def bob():
    return UserFactory.create(username="bob")


@pytest.fixture
def template(ann, bob):
    return make_workflow([[by_user(ann), by_user(bob)], [by_user(ann)]])


def test_the_object_stands_at_the_first_stage_of_the_first_pipeline(template, ann):
    """D-23, D-24, D-30, D-31, D-120."""
    request = PurchaseRequestFactory.create()
    attachment = attach_workflow_to_object(
        obj=request, workflow=template, user=ann, auto_start=True, metadata={"priority": "high"}
    )
    assert attachment.target == request
    assert attachment.status == "in_progress"
    assert attachment.workflow.name_en == f"{template.name_en} (Copy)"
    assert attachment.current_stage.name_en == "Stage 1.1"
    assert attachment.current_pipeline.name_en == "Pipeline 1"
    assert attachment.next_stage.name_en == "Stage 1.2"
    assert attachment.started_by.username == "ann"
    assert attachment.started_at is not None
    assert attachment.metadata == {"priority": "high"}


def test_what_comes_first_is_said_by_the_order(ann):
    """D-31, D-54: not by what was made first."""
    template = make_workflow([[by_user(ann)], [by_user(ann), by_user(ann)]])
    template.pipelines.filter(name_en="Pipeline 2").update(order=0)
    Stage.objects.filter(name_en="Stage 2.2").update(order=0)
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, template)
    assert get_current_stage(request).name_en == "Stage 2.2"
    assert act_on_object(request, "approved", ann).current_stage.name_en == "Stage 2.1"
    assert act_on_object(request, "approved", ann).current_stage.name_en == "Stage 1.1"


def test_object_and_workflow_are_enough(template):
    """D-30."""
    attachment = attach_workflow_to_object(PurchaseRequestFactory.create(), template)
    assert attachment.status == "in_progress"
    assert attachment.started_by is None


def test_the_object_runs_on_a_copy_with_the_templates_name(template):
    """D-46, D-47, K19."""
    attachment = attach_workflow_to_object(PurchaseRequestFactory.create(), template)
    assert attachment.workflow.name_en == "Purchase approval (Copy)"
    assert attachment.workflow.cloned_from == template
    assert attachment.workflow.is_hidden


def test_the_template_itself_runs_when_cloning_is_disabled_with_a_warning(template):
    """D-30, D-49."""
    with pytest.warns(UserWarning, match="disable_clone"):
        attachment = attach_workflow_to_object(
            PurchaseRequestFactory.create(), template, disable_clone=True
        )
    assert attachment.workflow == template


def test_the_current_stage_has_a_current_row_for_whoever_is_asked(template, ann):
    """D-76, S0-13."""
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, template)
    rows = ApprovalInstance.objects.filter(
        assigned_to=ann, status="current", flow__object_id=str(request.pk)
    )
    assert rows.exists()


def test_attachment_and_stage_of_an_object_are_found(template):
    """D-32, D-33."""
    request = PurchaseRequestFactory.create()
    assert get_workflow_attachment(request) is None
    assert get_current_stage(request) is None
    attachment = attach_workflow_to_object(request, template)
    assert get_workflow_attachment(request) == attachment
    assert get_current_stage(request).name_en == "Stage 1.1"


def test_progress_counts_completed_stages_of_all(template, ann, bob):
    """D-34, L27."""
    request = PurchaseRequestFactory.create()
    assert get_workflow_progress(template, request)["status"] == "not_started"
    attach_workflow_to_object(request, template)
    percentages = [get_workflow_progress(template, request)["progress_percentage"]]
    for person in (ann, bob, ann):
        act_on_object(request, "approved", person)
        percentages.append(get_workflow_progress(template, request)["progress_percentage"])
    assert percentages == [0, 33, 66, 100]
    assert get_workflow_progress(template, request)["status"] == "completed"


def test_progress_in_another_workflow_is_not_started(template):
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, template)
    assert get_workflow_progress(make_workflow(), request)["status"] == "not_started"


def test_without_auto_start_the_object_waits_to_be_started(template, ann):
    """D-30, L14."""
    request = PurchaseRequestFactory.create()
    attachment = attach_workflow_to_object(request, template, auto_start=False)
    assert attachment.status == "not_started"
    assert attachment.current_stage is None
    started = start_workflow_for_object(request, ann)
    assert started.pk == attachment.pk
    assert started.current_stage.name_en == "Stage 1.1"


def test_starting_what_is_not_attached_is_an_error():
    with pytest.raises(NotAttached) as caught:
        start_workflow_for_object(PurchaseRequestFactory.create())
    assert caught.value.code == "not_attached"


@pytest.mark.parametrize("model", [UuidDocument, SlugDocument])
def test_objects_with_any_kind_of_key_can_be_attached(template, model):
    obj = model.objects.create(**({"slug": "a/b c"} if model is SlugDocument else {}))
    assert attach_workflow_to_object(obj, template).target == obj
    assert get_workflow_attachment(obj).object_id == str(obj.pk)


def test_an_unsaved_object_is_refused(template):
    with pytest.raises(InvalidInput):
        attach_workflow_to_object(PurchaseRequestFactory.build(requester=None), template)


@pytest.mark.parametrize("change", [{"is_active": False}, {"status": "draft"}])
def test_a_template_that_is_not_active_is_refused_and_leaves_nothing(template, change):
    """L27."""
    WorkFlow.objects.filter(pk=template.pk).update(**change)
    with pytest.raises(WorkflowNotActive):
        attach_workflow_to_object(PurchaseRequestFactory.create(), template)
    assert not WorkFlow.objects.snapshots().exists()
    assert not WorkflowAttachment.objects.exists()


def test_an_incomplete_template_is_refused_naming_what_is_missing(ann):
    """K20, L27."""
    template = make_workflow([[by_user(ann), []]])
    with pytest.raises(WorkflowIncomplete) as caught:
        attach_workflow_to_object(PurchaseRequestFactory.create(), template)
    assert caught.value.errors == {"Pipeline 1 / Stage 1.2": "The stage has no approvals."}


def test_a_person_who_is_gone_is_named(ann):
    template = make_workflow([[by_user(ann)]])
    ann.delete()
    with pytest.raises(WorkflowIncomplete) as caught:
        attach_workflow_to_object(PurchaseRequestFactory.create(), template)
    assert list(caught.value.errors) == ["Pipeline 1 / Stage 1.1, approvals[0]"]


def test_a_role_that_nobody_holds_is_an_error_and_leaves_nothing():
    template = make_workflow([[by_role(RoleFactory.create())]])
    with pytest.raises(NobodyEligible):
        attach_workflow_to_object(PurchaseRequestFactory.create(), template)
    assert not WorkflowAttachment.objects.exists()
    assert not StageRun.objects.exists()


def test_attaching_again_before_anybody_decided_merges_the_metadata(template):
    """L5."""
    request = PurchaseRequestFactory.create()
    first = attach_workflow_to_object(request, template, metadata={"a": 1})
    again = attach_workflow_to_object(request, template, metadata={"b": 2})
    assert again.pk == first.pk
    assert again.metadata == {"a": 1, "b": 2}
    assert WorkflowAttachment.objects.count() == 1


def test_attaching_again_starts_what_was_not_started(template):
    """L5."""
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, template, auto_start=False)
    assert attach_workflow_to_object(request, template).status == "in_progress"


def test_attaching_again_after_a_decision_is_an_error(template, ann):
    """L5."""
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, template)
    act_on_object(request, "approved", ann)
    with pytest.raises(AlreadyAttached) as caught:
        attach_workflow_to_object(request, template)
    assert caught.value.code == "already_attached"


def test_attaching_another_template_is_an_error(template):
    """L5."""
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, template)
    with pytest.raises(AlreadyAttached):
        attach_workflow_to_object(request, make_workflow())


def test_an_object_with_a_flow_of_its_own_is_refused(template, ann):
    request = PurchaseRequestFactory.create()
    start_flow(request, [{"assigned_to": ann}])
    with pytest.raises(FlowAlreadyOpen):
        attach_workflow_to_object(request, template)
    assert not WorkflowAttachment.objects.exists()


def test_an_object_can_be_attached_again_after_its_end(template, ann):
    """D-32: until then, the one that ended is found."""
    request = PurchaseRequestFactory.create()
    first = attach_workflow_to_object(request, template)
    act_on_object(request, "rejected", ann)
    assert get_workflow_attachment(request) == first
    second = attach_workflow_to_object(request, template)
    assert second.pk != first.pk
    assert get_workflow_attachment(request).pk == second.pk


def test_models_that_are_not_enabled_are_refused(template, settings):
    """D-5, L12."""
    settings.DJANGO_WORKFLOW_ENGINE = {"ENABLED_MODELS": ["support.Ticket"]}
    with pytest.raises(ModelNotEnabled):
        attach_workflow_to_object(PurchaseRequestFactory.create(), template)
    settings.DJANGO_WORKFLOW_ENGINE = {"ENABLED_MODELS": ["purchasing.PurchaseRequest"]}
    assert attach_workflow_to_object(PurchaseRequestFactory.create(), template)


def test_starting_needs_the_permission_where_the_settings_say_so(template, ann, settings):
    """D-10, L12."""
    settings.DJANGO_WORKFLOW_ENGINE = {"PERMISSIONS": {"REQUIRE_PERMISSION_TO_START": True}}
    with pytest.raises(WorkflowPermissionDenied) as caught:
        attach_workflow_to_object(PurchaseRequestFactory.create(), template, user=ann)
    assert caught.value.details["permission"] == "django_workflow_engine.start_workflow"
    ann.is_superuser = True
    assert attach_workflow_to_object(PurchaseRequestFactory.create(), template, user=ann)


def test_1000_attachments_of_an_unchanged_template_share_one_snapshot(template):
    for request in PurchaseRequestFactory.create_batch(1000, requester=UserFactory.create()):
        attach_workflow_to_object(request, template)
    assert WorkFlow.objects.snapshots().count() == 1
    assert Stage.objects.filter(pipeline__workflow__is_hidden=True).count() == 3


@pytest.mark.parametrize("stages", [6, 100])
def test_attaching_to_an_unchanged_template_keeps_to_the_budget(stages, statements):
    template = make_large_workflow(stages, approval=by_role(make_role(3), "consensus"))
    attach_workflow_to_object(PurchaseRequestFactory.create(), template)
    request = PurchaseRequestFactory.create()
    with statements() as seen:
        attach_workflow_to_object(request, template, user=request.requester)
    assert seen.count <= BUDGET + sqlite_lock(), str(seen)


BUDGET = 14


def sqlite_lock() -> int:
    """The budget is PostgreSQL's; SQLite takes its lock by a statement."""
    return 0 if connection.features.has_select_for_update else 1


def test_stages_of_the_running_version_keep_their_names(template):
    """L15."""
    attachment = attach_workflow_to_object(PurchaseRequestFactory.create(), template)
    names = [stage.name_en for stage in stages_of(attachment.workflow)]
    assert names == [stage.name_en for stage in stages_of(template)]


def test_the_database_refuses_a_run_that_is_neither_open_nor_ended(template):
    attachment = attach_workflow_to_object(PurchaseRequestFactory.create(), template)
    rows = WorkflowAttachment.objects.filter(pk=attachment.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(is_open=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(status="completed")


def test_object_is_found_however_its_key_was_spelt(db):
    """A UUID may be given without its hyphens; read again, it has them."""
    document = UuidDocument(pk=uuid.uuid4().hex)
    document.save()
    attachment = attach_workflow_to_object(document, make_workflow())
    stored = UuidDocument.objects.get()
    assert get_workflow_attachment(document) == get_workflow_attachment(stored) == attachment
