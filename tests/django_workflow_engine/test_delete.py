"""Deleting a template: only where no object was ever on it."""

import pytest

from django_workflow_engine.exceptions import SnapshotIsImmutable, WorkflowInUse
from django_workflow_engine.models import Stage, WorkFlow
from django_workflow_engine.services import (
    attach_workflow_to_object,
    cancel_workflow,
    delete_workflow,
    publish_version,
)
from tests.factories import PurchaseRequestFactory, make_workflow

pytestmark = pytest.mark.django_db


def test_a_template_goes_with_its_parts_and_versions() -> None:
    workflow = make_workflow()
    publish_version(workflow)
    delete_workflow(workflow)
    assert not WorkFlow.objects.exists()
    assert not Stage.objects.exists()


def test_a_template_that_objects_run_on_stays_and_the_error_says_how_many() -> None:
    workflow = make_workflow()
    requests = PurchaseRequestFactory.create_batch(3)
    for request in requests:
        attach_workflow_to_object(request, workflow)
    cancel_workflow(requests[0])
    with pytest.raises(WorkflowInUse) as caught:
        delete_workflow(workflow)
    assert caught.value.details == {"running": 2, "ended": 1}
    assert WorkFlow.objects.filter(pk=workflow.pk).exists()


def test_a_version_is_not_deleted() -> None:
    version = publish_version(make_workflow())
    with pytest.raises(SnapshotIsImmutable):
        delete_workflow(version)
