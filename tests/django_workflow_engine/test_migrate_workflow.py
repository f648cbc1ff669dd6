"""The command that moves objects to another version."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from django_workflow_engine.services import attach_workflow_to_object, versions_of
from tests.approval_workflow.flows import last_event
from tests.factories import PurchaseRequestFactory, UserFactory, by_user, make_workflow, stages_of
from tests.faults import dump

pytestmark = pytest.mark.django_db


@pytest.fixture
def template(settings):
    """A template with the slug "purchases", changed since an object runs on it."""
    settings.WORKFLOW_AUTO_CREATE_ACTIONS = False
    ann, bob = UserFactory.create(username="ann"), UserFactory.create(username="bob")
    template = make_workflow([[by_user(ann), by_user(bob)]], slug="purchases")
    attach_workflow_to_object(PurchaseRequestFactory.create(), template)
    return template


def run(*arguments, **options):
    out = StringIO()
    call_command("migrate_workflow", *arguments, stdout=out, **options)
    return out.getvalue().splitlines()


def test_moves_to_the_template_as_it_is_now_and_tells_each_object(template):
    template.save()
    attachment = versions_of(template)[0].workflow.attachments.get()
    assert run("purchases") == [
        (
            f"{attachment.pk} (object {attachment.object_id}), version 1, Pipeline 1 / Stage 1.1 ->"
            " Pipeline 1 / Stage 1.1: steps kept 1, approved before 0, cancelled 0, new 0"
        ),
        "Moved to version 2: 1",
        "Left alone: 0",
    ]


def test_dry_run_tells_the_same_and_does_nothing(template):
    template.save()
    before = dump()
    dry = run("purchases", "--dry-run")
    assert dump() == before
    assert dry[1:] == ["Would move to version 2: 1", "Left alone: 0"]
    assert run("purchases")[0] == dry[0]


def test_takes_a_version_a_mapping_and_a_reason(template):
    stages_of(template)[0].delete()
    run("purchases", "--map", "Stage 1.1 = Stage 1.2", "--reason", "New law")
    newest, _oldest = versions_of(template)
    assert newest.running == 1
    event = last_event(newest.workflow.attachments.get().flow, "steps_replaced")
    assert event.comment == "New law"
    run("purchases", "--to", "1")
    assert [row.running for row in versions_of(template)] == [0, 1]


@pytest.mark.parametrize("auto_start", [True, False])
def test_tells_why_an_object_is_left_alone_or_has_no_steps(template, auto_start):
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, template, auto_start=auto_start)
    gone = UserFactory.create()
    stage = stages_of(template)[0]
    stage.stage_info = {"approvals": [by_user(gone)]}
    stage.save()
    gone.delete()
    lines = run("purchases")
    if auto_start:
        assert lines[0].endswith("approvals[0]: The role, user or form is gone.")
        assert lines[2:] == ["Moved to version 2: 0", "Left alone: 2"]
    else:
        assert ", version 1, not started: steps kept 0" in lines[1]
        assert lines[2:] == ["Moved to version 2: 1", "Left alone: 1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "There is no workflow 'nowhere'."),
        (["purchases", "--to", "9"], "has no such version; it has: 1"),
        (["purchases", "--map", "nonsense"], "--map nonsense: expected OLD=NEW."),
        (["purchases", "--map", "=Stage 1.2"], "expected OLD=NEW."),
        (["purchases", "--map", "Nowhere=Stage 1.2"], "no object runs on a version"),
    ],
)
def test_what_cannot_be_done_is_an_error_that_says_why(template, arguments, message):
    template.save()
    before = dump()
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    assert message in str(caught.value)
    assert dump() == before


def test_places_that_are_gone_are_named(template):
    stages_of(template)[0].delete()
    with pytest.raises(CommandError, match=r"version 1, Pipeline 1 / Stage 1.1: Objects here: 1"):
        run("purchases")
