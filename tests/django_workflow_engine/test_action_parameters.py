"""Actions with parameters or conditions that make no sense are refused, on save and when run."""

import pytest
from django.core.exceptions import ValidationError

from django_workflow_engine.action_parameters import action_parameters, parameter_errors
from django_workflow_engine.actions import runner
from django_workflow_engine.choices import ActionType
from django_workflow_engine.exceptions import ActionNotAllowed, InvalidConfiguration
from django_workflow_engine.models import ActionExecution, WorkflowAction
from django_workflow_engine.serializers import WorkflowActionSerializer, WorkFlowSerializer
from tests.django_workflow_engine.due_actions import Action, make_attachment, make_due
from tests.factories import make_workflow, stages_of

HANDLERS = "django_workflow_engine.action_handlers"
HOOK = {"url": "https://shop.example/hooks", "secret": "shop"}

# Function, parameters, and the path and part of the message of what is wrong.
MISTAKES = {
    "nobody to write to": ("send_email", {}, "recipients", "required"),
    "an empty list": ("send_email", {"recipients": []}, "recipients", "[]"),
    "an unknown word": ("send_email", {"recipients": ["craetor"]}, "recipients.0", "a word for"),
    "an unknown copy": ("send_email", {"recipients": 1, "cc": "all"}, "cc", "a word for"),
    "no such template": (
        "send_email",
        {"recipients": 1, "template": "no_such_email"},
        "template",
        "no template",
    ),
    "a template elsewhere": (
        "send_email",
        {"recipients": 1, "template": "../../secret"},
        "template",
        "does not match",
    ),
    "subject of a default": ("send_approval_notification", {"subject": 5}, "subject", "string"),
    "people of a default": (
        "send_rejection_notification",
        {"recipients": ["boss@"]},
        "recipients.0",
        "a word for",
    ),
    "no URL": ("call_webhook", {"secret": "shop"}, "url", "required"),
    "another scheme": ("call_webhook", {**HOOK, "url": "file:///etc/passwd"}, "url", "https://"),
    "no host": ("call_webhook", {**HOOK, "url": "https:///x"}, "url", "not a URL"),
    "no port": ("call_webhook", {**HOOK, "url": "https://a:b/"}, "url", "not a URL"),
    "line break": ("call_webhook", {**HOOK, "url": "https://a/\r\nX: y"}, "url", "not a URL"),
    "password in it": ("call_webhook", {**HOOK, "url": "https://u:p@a/"}, "url", "password"),
    "unknown secret": ("call_webhook", {**HOOK, "secret": "shpo"}, "secret", "Did you mean 'shop'"),
    "own header": (
        "call_webhook",
        {**HOOK, "headers": {"Host": "b"}},
        "headers.Host",
        "set by the engine",
    ),
    "header with a line break": (
        "call_webhook",
        {**HOOK, "headers": {"X-A": "1\r\nX-B: 2"}},
        "headers.X-A",
        "can be sent",
    ),
    "too patient": ("call_webhook", {**HOOK, "timeout": 31}, "timeout", "maximum"),
    "misspelt": ("call_webhook", {**HOOK, "time_out": 5}, "time_out", "Did you mean 'timeout'"),
    "no field": ("set_field", {"value": 1}, "field", "required"),
    "no value": ("set_field", {"field": "title"}, "value", "required"),
    "no function": ("call_function", {}, "function", "required"),
    "unregistered": ("call_function", {"function": "notte"}, "function", "Did you mean 'note'"),
    "a path": (
        "call_function",
        {"function": "tests.testapp.workflow_actions.note"},
        "function",
        "@workflow_action",
    ),
    "arguments in a list": (
        "call_function",
        {"function": "note", "kwargs": []},
        "kwargs",
        "object",
    ),
}


@pytest.fixture(autouse=True)
def secrets(settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"WEBHOOK_SECRETS": {"shop": "hush"}}


def make_action(function, parameters, **fields):
    return WorkflowAction(
        workflow=make_workflow(),
        action_type=ActionType.AFTER_APPROVE,
        function_path=function if "." in function else f"{HANDLERS}.{function}",
        parameters=parameters,
        **fields,
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("function", "parameters", "path", "message"), MISTAKES.values(), ids=MISTAKES
)
def test_mistake_is_refused_on_save_and_in_forms(function, parameters, path, message):
    action = make_action(function, parameters)
    with pytest.raises(InvalidConfiguration) as caught:
        action.save()
    assert list(caught.value.errors) == [f"parameters.{path}"]
    assert message in caught.value.errors[f"parameters.{path}"]
    with pytest.raises(ValidationError) as in_a_form:
        action.full_clean()
    assert list(in_a_form.value.message_dict) == ["parameters"]
    assert in_a_form.value.message_dict["parameters"][0].startswith(f"{path}: ")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("function", "parameters", "path", "message"), MISTAKES.values(), ids=MISTAKES
)
def test_mistake_written_past_the_check_is_dead_at_once(function, parameters, path, message):
    (row,) = make_due(make_attachment(), Action(f"{HANDLERS}.{function}", parameters))
    assert runner.run_due()["dead"] == 1
    row.refresh_from_db()
    assert f"parameters.{path}: " in row.error
    assert row.attempts == 1


RIGHT = {
    "send_email": {"recipients": ["creator", "a@example.org", 5], "note": "for the template"},
    "call_webhook": {**HOOK, "headers": {"X-Token": "1"}, "timeout": 5},
    "set_field": {"field": "status", "value": None},
    "call_function": {"function": "note", "kwargs": {"a": 1}},
    "send_approval_notification": {},
}


@pytest.mark.django_db
@pytest.mark.parametrize(("function", "parameters"), RIGHT.items(), ids=RIGHT)
def test_what_makes_sense_is_saved(function, parameters):
    action = make_action(function, parameters)
    action.full_clean()
    action.save()
    assert WorkflowAction.objects.get(pk=action.pk).parameters == parameters


@pytest.mark.django_db
@pytest.mark.parametrize("parameters", [[], "text", None, {"a": float("nan")}, {"a": "\x00"}])
def test_parameters_of_any_function_are_an_object_that_json_knows(parameters):
    with pytest.raises(InvalidConfiguration, match="parameters: Expected an object"):
        make_action("tests.testapp.workflow_actions.note", parameters).save()


@pytest.mark.django_db
def test_parameters_are_judged_when_they_alone_are_saved():
    action = make_action("send_email", {"recipients": "creator"})
    action.save()
    action.parameters = {}
    with pytest.raises(InvalidConfiguration):
        action.save(update_fields=["parameters"])


def test_functions_of_a_project_say_what_they_take():
    def check(parameters):
        return {"colour": "Too dark."} if parameters["colour"] == "black" else {}

    @action_parameters(
        {"type": "object", "required": ["colour"], "properties": {"colour": {"type": "string"}}},
        check,
    )
    def paint(workflow_attachment, parameters, **context):
        """Paint something."""

    assert parameter_errors(paint, {}) == {"colour": "'colour' is a required property"}
    assert parameter_errors(paint, {"colour": "black"}) == {"colour": "Too dark."}
    assert parameter_errors(paint, {"colour": "red", "more": 1}) == {}


# Conditions


@pytest.mark.django_db
@pytest.mark.parametrize("conditions", [[], "x", None, {"a": float("nan")}])
def test_conditions_are_an_object(conditions):
    with pytest.raises(InvalidConfiguration, match="conditions: Expected an object"):
        make_action("send_approval_notification", {}, conditions=conditions).save()


# Where the settings say what runs on the workflow called "mended".
KNOWN = {
    "MODEL_WORKFLOW_MAPPINGS": {"support.Ticket": ["mended"]},
    "AUTO_START_WORKFLOWS": {"support.Ticket": {"workflow_slug": "mended"}},
    "ENABLED_MODELS": ["support.Ticket"],
}


def action_with(conditions):
    workflow = make_workflow(slug="mended")
    action = make_action("send_approval_notification", {}, conditions=conditions)
    action.workflow, action.stage = None, stages_of(workflow)[0]
    return action


@pytest.mark.django_db
@pytest.mark.parametrize("key", KNOWN)
def test_look_ups_that_the_known_model_cannot_answer_are_refused(key, settings):
    settings.DJANGO_WORKFLOW_ENGINE = {key: KNOWN[key]}
    action = action_with({"amount__gte": 5})
    with pytest.raises(InvalidConfiguration, match=r"conditions: support\.Ticket cannot be asked"):
        action.save()
    action.conditions = {"title__startswith": "x"}
    action.save()


@pytest.mark.django_db
def test_look_ups_that_one_of_the_known_models_answers_are_taken(settings):
    models = ["support.Ticket", "testapp.Document", "shop.Gone"]
    settings.DJANGO_WORKFLOW_ENGINE = {"ENABLED_MODELS": models}
    action_with({"priority": "low"}).save()
    with pytest.raises(InvalidConfiguration):
        make_action("send_approval_notification", {}, conditions={"amount": 1}).save()


@pytest.mark.django_db
def test_look_ups_are_taken_where_no_model_is_known():
    action_with({"amount__gte": 5}).save()


@pytest.mark.django_db
def test_action_without_conditions_costs_no_statement_more(statements, settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"ENABLED_MODELS": ["support.Ticket"]}
    plain, conditional = action_with({}), make_action("send_email", {"recipients": 1})
    conditional.conditions = {"title": "x"}
    with statements() as without:
        plain.save()
    with statements() as with_conditions:
        conditional.save()
    assert with_conditions.count - without.count == 1


# The serializer


def action_data(**values):
    return {
        "action_type": "after_approve",
        "function_path": f"{HANDLERS}.call_webhook",
        "parameters": HOOK,
        **values,
    }


@pytest.mark.django_db
def test_serializer_writes_all_that_an_action_has():
    """D-26, D-55: conditions, place and policy besides what the documentation prints."""
    values = {"conditions": {"title": "x"}, "execution": "celery", "failure_policy": "stop"}
    serializer = WorkFlowSerializer(data={"name_en": "Mended", "actions": [action_data(**values)]})
    assert serializer.is_valid(), serializer.errors
    workflow = serializer.save()
    action = WorkflowAction.objects.get(workflow=workflow, is_default=False)
    assert {name: getattr(action, name) for name in values} == values
    shown = WorkFlowSerializer(workflow).data["actions"][0]
    assert {name: shown[name] for name in values} == values


SERIALIZER_MISTAKES = {
    "function_path": {"function_path": "os.system"},
    "parameters": {"parameters": {**HOOK, "url": "ftp://shop.example"}},
    "conditions": {"conditions": ["x"]},
    "execution": {"execution": "later"},
    "failure_policy": {"failure_policy": "panic"},
}


@pytest.mark.django_db
@pytest.mark.parametrize(("field", "values"), SERIALIZER_MISTAKES.items())
def test_serializer_tells_the_mistake_at_its_place(field, values):
    good, bad = action_data(), action_data(**values)
    serializer = WorkFlowSerializer(data={"name_en": "Mended", "actions": [good, bad]})
    assert not serializer.is_valid()
    # A list, or a dictionary by position in newer versions.
    assert list(serializer.errors["actions"][1]) == [field]


@pytest.mark.django_db
def test_serializer_judges_a_change_with_what_is_stored():
    action = make_action("send_email", {"recipients": "creator"})
    action.save()
    data = {"function_path": f"{HANDLERS}.call_webhook"}
    serializer = WorkflowActionSerializer(action, data=data, partial=True)
    assert not serializer.is_valid()
    assert set(serializer.errors["parameters"]) == {"recipients"}


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, 10])
def test_any_number_of_changed_actions_is_judged_with_the_same_statements(size, statements):
    workflow = make_workflow()
    for order in range(size):
        WorkflowAction.objects.create(
            workflow=workflow, action_type="after_reject", function_path="note", order=order
        )
    rows = WorkflowAction.objects.filter(workflow=workflow, is_default=False)
    changes = [{"id": row.pk, "parameters": {"note": "x"}} for row in rows]
    serializer = WorkFlowSerializer(workflow, data={"actions": changes}, partial=True)
    with statements() as seen:
        assert serializer.is_valid(), serializer.errors
    # Whether it is a template, the rows as parts of the tree, the rows as what is changed.
    assert seen.count == 3, str(seen)


# Functions that nobody may call (issue: field error; a row put by SQL is dead)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["os.system", "subprocess.run", "builtins.eval", "not_installed.actions.send"]
)
def test_dangerous_function_is_refused_by_every_way_in(path):
    """The admin's way is in test_admin_actions, the row put by SQL in test_runner."""
    with pytest.raises(ActionNotAllowed):
        make_action(path, {}).save()
    with pytest.raises(ValidationError) as in_a_form:
        make_action(path, {}).full_clean()
    assert list(in_a_form.value.message_dict) == ["function_path"]
    serializer = WorkFlowSerializer(
        data={"name_en": "Mended", "actions": [action_data(function_path=path)]}
    )
    assert not serializer.is_valid()
    assert not WorkflowAction.objects.filter(function_path=path).exists()
    assert not ActionExecution.objects.exists()
