"""Back-fill: workflows for objects that were there before (`start_workflows`)."""

import tracemalloc
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from django_workflow_engine.models import WorkflowAttachment
from django_workflow_engine.services import (
    attach,
    attach_workflow_to_object,
    get_workflow_attachment,
    start_workflow_for_object,
)
from django_workflow_engine.services import start as start_module
from django_workflow_engine.services.backfill import start_existing_objects
from purchasing.models import PurchaseRequest
from tests.factories import PurchaseRequestFactory, UserFactory, by_user, make_workflow
from tests.testapp.models import Document, SlugDocument, UuidDocument

pytestmark = pytest.mark.django_db

MODEL = "purchasing.PurchaseRequest"


@pytest.fixture
def approver():
    return UserFactory.create()


@pytest.fixture
def template(approver):
    return make_workflow([[by_user(approver)]], slug="large")


@pytest.fixture
def rule(settings, template):
    """Requests of 1,000 and more start on "large"."""
    rule = {"workflow_slug": "large", "conditions": {"amount__gte": 1000}}
    settings.DJANGO_WORKFLOW_ENGINE = {"AUTO_START_WORKFLOWS": {MODEL: rule}}


def requests_of(*amounts):
    return [PurchaseRequestFactory.create(amount=Decimal(amount)) for amount in amounts]


def run(*args, **options):
    out, err = StringIO(), StringIO()
    code = 0
    try:
        call_command("start_workflows", *args, stdout=out, stderr=err, **options)
    except CommandError as error:
        code = error.returncode
        err.write(str(error))
    return out.getvalue(), err.getvalue(), code


def attached():
    return {attachment.target for attachment in WorkflowAttachment.objects.all()}


def test_objects_that_satisfy_the_conditions_start_in_the_name_of_their_creators(rule):
    _small, large, largest = requests_of(10, 1000, 9000)
    out, err, code = run(MODEL)
    assert (out, err, code) == ("Started: 2\n  large: 2\n", "", 0)
    assert attached() == {large, largest}
    assert get_workflow_attachment(large).started_by == large.requester


def test_a_dry_run_tells_the_same_objects_and_starts_nothing(rule):
    requests_of(10, 1000, 9000)
    told = list(start_existing_objects(PurchaseRequest, dry_run=True))
    assert not WorkflowAttachment.objects.exists()
    assert run(MODEL, "--dry-run")[0] == "Would start: 2\n  large: 2\n"
    assert list(start_existing_objects(PurchaseRequest)) == told


def test_it_can_be_repeated(rule, template):
    ended, waiting, new = requests_of(1000, 1000, 1000)
    attach_workflow_to_object(waiting, template, auto_start=False)
    WorkflowAttachment.objects.create(
        workflow=template, target=ended, status="completed", is_open=None
    )
    assert [result.key for result in start_existing_objects(PurchaseRequest)] == [new.pk]
    assert run(MODEL)[0] == "Started: 0\n"
    assert start_workflow_for_object(waiting).status == "in_progress"


def test_each_object_goes_to_the_first_rule_that_holds(settings, template, approver):
    make_workflow([[by_user(approver)]], slug="medium")
    make_workflow([[by_user(approver)]], slug="never")
    settings.DJANGO_WORKFLOW_ENGINE = {
        "AUTO_START_WORKFLOWS": {
            MODEL: [
                {"workflow_slug": "large", "conditions": {"amount__gte": 1000}},
                {"workflow_slug": "medium"},
                {"workflow_slug": "never"},
            ]
        }
    }
    requests_of(10, 20, 1000)
    assert run(MODEL, "--dry-run")[0] == "Would start: 3\n  large: 1\n  medium: 2\n"
    assert run(MODEL, "--workflow", "medium")[0] == "Started: 2\n  medium: 2\n"
    assert run(MODEL)[0] == "Started: 1\n  large: 1\n"


def test_conditions_in_cel_choose_among_the_rules(settings, template, approver):
    make_workflow([[by_user(approver)]], slug="medium")
    settings.DJANGO_WORKFLOW_ENGINE = {
        "AUTO_START_WORKFLOWS": {
            MODEL: [
                {
                    "workflow_slug": "large",
                    "conditions": {"amount__gte": 100},
                    "when": "object.amount >= 1000 && object.requester.username == 'ann'",
                },
                {"workflow_slug": "medium", "conditions": {"amount__gte": 100}},
            ]
        }
    }
    ann = UserFactory.create(username="ann")
    PurchaseRequestFactory.create(amount=Decimal(5000), requester=ann)
    requests_of(10, 200, 5000)
    assert run(MODEL, "--dry-run")[0] == "Would start: 3\n  large: 1\n  medium: 2\n"
    assert run(MODEL)[0] == "Started: 3\n  large: 1\n  medium: 2\n"


def test_a_condition_without_an_answer_is_told_and_nothing_started(settings, template):
    rule = {"workflow_slug": "large", "when": "metadata.urgent"}
    settings.DJANGO_WORKFLOW_ENGINE = {"AUTO_START_WORKFLOWS": {MODEL: rule}}
    requests_of(10)
    (result,) = start_existing_objects(PurchaseRequest)
    assert result.error.code == "condition_failed"
    assert not WorkflowAttachment.objects.exists()


def test_a_workflow_that_no_rule_names_starts_on_all(template):
    requests_of(10, 1000)
    assert run(MODEL)[0] == "Started: 0\n"
    assert run(MODEL, "--workflow", "large")[0] == "Started: 2\n  large: 2\n"


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
@pytest.mark.parametrize("model", [Document, UuidDocument, SlugDocument])
def test_batches_and_keys_of_any_kind_leave_nobody_out(template, model, batch_size):
    values = {SlugDocument: "slug", Document: "title"}.get(model)
    for number in range(5):
        model.objects.create(**({values: f"Object {number}"} if values else {}))
    attach_workflow_to_object(model.objects.order_by("pk")[2], template)
    found = start_existing_objects(model, slug="large", batch_size=batch_size)
    keys = [result.key for result in found]
    assert len(keys) == len(set(keys)) == 4
    assert WorkflowAttachment.objects.count() == 5


def test_what_cannot_start_is_told_and_the_others_follow(rule, monkeypatch):
    first, bad, last = requests_of(1000, 2000, 3000)
    monkeypatch.setattr(attach, "begin", failing_for(bad))
    out, err, code = run(MODEL)
    assert out == "Started: 2\n  large: 2\n"
    assert f"{MODEL} {bad.pk} on large: RuntimeError: no luck" in err
    assert (code, attached()) == (1, {first, last})


def failing_for(bad):
    """Return a `begin` that fails for one object when all has been written."""

    def start(run, obj, user):
        start_module.begin(run, obj, user)
        if obj == bad:
            raise RuntimeError("no luck")

    return start


def test_somebody_else_may_attach_in_the_meantime(rule, approver):
    _first, second = requests_of(1000, 2000)
    results = start_existing_objects(PurchaseRequest)
    next(results)
    attach_workflow_to_object(second, make_workflow([[by_user(approver)]]))
    assert list(results) == []


def test_the_starter_can_be_named(rule):
    (request,) = requests_of(1000)
    UserFactory.create(username="importer")
    run(MODEL, "--user", "importer")
    assert get_workflow_attachment(request).started_by.username == "importer"


def test_who_is_named_needs_the_permission(rule, settings):  # D-10
    requests_of(1000)
    UserFactory.create(username="importer")
    settings.DJANGO_WORKFLOW_ENGINE["PERMISSIONS"] = {"REQUIRE_PERMISSION_TO_START": True}
    _out, err, code = run(MODEL, "--user", "importer")
    assert (code, "start_workflow" in err) == (1, True)
    assert not WorkflowAttachment.objects.exists()
    assert run(MODEL)[0] == "Started: 1\n  large: 1\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["purchasing.Nothing"], "expected app.Model"),
        (["nodots"], "expected app.Model"),
        ([MODEL, "--workflow", "gone"], "no active workflow 'gone'"),
        ([MODEL, "--user", "nobody"], "no user 'nobody'"),
        ([MODEL, "--batch-size", "0"], "at least 1"),
        (["testapp.Document"], "ENABLED_MODELS does not name testapp.Document"),
    ],
)
def test_what_makes_no_sense_is_refused(settings, template, args, message):
    settings.DJANGO_WORKFLOW_ENGINE = {"ENABLED_MODELS": [MODEL]}
    _out, err, code = run(*args)
    assert (message in err, code) == (True, 1)


def test_conditions_that_the_model_cannot_be_asked_start_nothing(settings, template):
    rule = {"workflow_slug": "large", "conditions": {"size__gte": 1}}
    settings.DJANGO_WORKFLOW_ENGINE = {"AUTO_START_WORKFLOWS": {MODEL: rule}}
    assert "cannot be asked" in run(MODEL)[1]


def test_reading_takes_two_statements_a_batch(statements, rule):
    requests_of(*([1000] * 6))
    counts = []
    for batch_size in (2, 4):
        with statements() as seen:
            list(start_existing_objects(PurchaseRequest, batch_size=batch_size, dry_run=True))
        counts.append(seen.count)
    # The rule's workflow, then rows and attachments of each batch; a full one may not be the last.
    assert counts == [1 + 2 * 3 + 1, 1 + 2 * 2]


def test_memory_does_not_grow_with_the_number_of_objects(template):
    def peak(number):
        Document.objects.all().delete()
        Document.objects.bulk_create(Document(title="x" * 100) for _index in range(number))
        tracemalloc.start()
        for _result in start_existing_objects(Document, slug="large", batch_size=50, dry_run=True):
            pass
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(100)
    assert peak(2000) < 2 * peak(200)


def test_a_model_without_rules_starts_nothing():
    requests_of(1000)
    assert run(MODEL) == ("Started: 0\n", "", 0)
