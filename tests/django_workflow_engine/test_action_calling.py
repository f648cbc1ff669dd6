"""The two forms of functions, and what their results mean (D-89, D-90, D-91, K14)."""

import functools

import pytest

from django_workflow_engine.actions.calling import call
from django_workflow_engine.exceptions import ActionFailed

ATTACHMENT = object()
PARAMETERS = {"recipients": ["creator"]}
CONTEXT = {"attachment": ATTACHMENT, "user": "ann", "reason": "fine"}


def called(function):
    return call(function, ATTACHMENT, PARAMETERS, CONTEXT)


def form_a(context, parameters=None):
    return context["attachment"], context["user"], parameters


def form_a_without_parameters(context):
    return context["attachment"], context["user"]


def form_b(workflow_attachment, action_parameters, **context):
    return workflow_attachment, action_parameters, context


def form_b_with_names(workflow_attachment, action_parameters, user, reason="none", missing=None):
    return workflow_attachment, action_parameters, user, reason, missing


def form_b_calling_it_attachment(attachment, parameters, **context):
    return attachment, parameters, context


def form_b_short(workflow_attachment, action_parameters):
    return workflow_attachment, action_parameters


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (form_a, (ATTACHMENT, "ann", PARAMETERS)),
        (form_a_without_parameters, (ATTACHMENT, "ann")),
        (form_b, (ATTACHMENT, PARAMETERS, CONTEXT)),
        (form_b_with_names, (ATTACHMENT, PARAMETERS, "ann", "fine", None)),
        (
            form_b_calling_it_attachment,
            (ATTACHMENT, PARAMETERS, {"user": "ann", "reason": "fine"}),
        ),
        (form_b_short, (ATTACHMENT, PARAMETERS)),
        (lambda *given, **context: (given, context), ((ATTACHMENT, PARAMETERS), CONTEXT)),
    ],
)
def test_function_gets_what_its_signature_asks_for(function, expected):  # D-89, D-90
    assert called(function) == expected


def test_form_is_seen_through_a_decorator():
    @functools.wraps(form_a)
    def decorated(*args, **kwargs):
        return form_a(*args, **kwargs)

    assert called(decorated) == (ATTACHMENT, "ann", PARAMETERS)


@pytest.mark.parametrize("result", [None, True, 1, "sent", {"email_sent": True}, {}, 0, []])
def test_any_result_but_false_is_success(result):
    assert called(lambda *_given, **_context: result) == result


def test_false_is_failure():  # D-91
    with pytest.raises(ActionFailed, match="returned False") as caught:
        called(lambda *_given, **_context: False)
    assert caught.value.code == "action_failed"


def test_exception_is_passed_on():
    def fail(context):
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        called(fail)


def test_function_cannot_change_what_the_next_one_gets():
    def spoil(context, parameters=None):
        context.clear()
        parameters.clear()

    called(spoil)
    assert called(form_b) == (ATTACHMENT, PARAMETERS, CONTEXT)
    assert CONTEXT["user"] == "ann"
