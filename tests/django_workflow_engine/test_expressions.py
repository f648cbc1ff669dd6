"""Conditions in CEL: what is refused when they are saved, and what they answer (T-5, T-6)."""

import time
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from django_workflow_engine.exceptions import (
    ConditionFailed,
    InvalidConfiguration,
    InvalidExpression,
)
from django_workflow_engine.expressions import (
    MAX_ITEMS,
    MAX_LENGTH,
    Facts,
    WhoAndWhat,
    check_condition,
    check_moment,
    evaluate,
)
from django_workflow_engine.models import WorkflowAction
from django_workflow_engine.services import validate_completeness
from purchasing.models import PurchaseRequest
from tests.factories import PurchaseRequestFactory, UserFactory, by_user, make_workflow
from tests.factories.workflows import asking, make_staged

MAPPED = {"MODEL_WORKFLOW_MAPPINGS": {"purchasing.PurchaseRequest": ["orders"]}}
FUNCTION = "tests.testapp.workflow_actions.score"


def answer(text: str, target: Any = None, user: Any = None, **given: Any) -> bool:
    facts = Facts(WhoAndWhat(target=lambda: target, user=lambda: user, given=given))
    return evaluate(text, facts.values(text))


# What is refused when it is saved


def test_wrong_syntax_is_told_with_its_position() -> None:
    with pytest.raises(InvalidExpression) as found:
        check_condition("metadata.urgent &&\n  metadata.amount >")
    assert (found.value.details["line"], found.value.details["column"]) == (2, 20)
    assert found.value.message.startswith("Line 2, column 20: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("objct.amount > 1", "There is no 'objct' here. Did you mean 'object'?"),
        ("object.amuont > 1", "purchasing.PurchaseRequest has no field 'amuont'."),
        ("object.requester.usrname == 'a'", "purchasing.User has no field 'usrname'."),
        ("sise(object.title) > 1", "There is no function 'sise'. Did you mean 'size'?"),
        ("object.title > 3", "No such overload"),
        ("object.title", "Expected a condition, true or false"),
        ("1 + 1", "Expected a condition, true or false"),
        ("opportunity.size > 1", "There is no 'opportunity' here."),
    ],
)
def test_what_cannot_be_a_condition_on_a_model_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidExpression) as found:
        check_condition(text, [PurchaseRequest])
    assert found.value.message.startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        "object.amount > 1000",
        "purchaserequest.amount > 1000.5",
        "object.requester.username == 'ann'",
        "object.workflow_status == 'x' && metadata.urgent",
        "results.credit_check.score < 500",
        "metadata.items.exists(item, item.price > 10)",
        "has(metadata.urgent) ? metadata.urgent : false",
    ],
)
def test_what_can_be_one_is_taken(text: str) -> None:
    check_condition(text, [PurchaseRequest])


def test_names_that_callers_give_are_known_by_the_settings(settings: Any) -> None:
    with pytest.raises(InvalidExpression):
        check_condition("offer.amount > 1000", [PurchaseRequest])
    settings.DJANGO_WORKFLOW_ENGINE = {"CONDITION_NAMES": ["offer"]}
    check_condition("offer.amount > 1000", [PurchaseRequest])


def test_a_moment_is_judged_by_its_names_alone() -> None:
    check_moment("object.created_at + duration('72h')", [])
    with pytest.raises(InvalidExpression):
        check_moment("objct.created_at", [])


@pytest.mark.django_db
def test_actions_are_judged_when_they_are_saved(settings: Any) -> None:
    settings.DJANGO_WORKFLOW_ENGINE = MAPPED
    workflow = make_workflow(slug="orders")
    values = {"workflow": workflow, "action_type": "after_approve", "function_path": FUNCTION}
    WorkflowAction.objects.create(**values, when="object.amount > 1000")
    with pytest.raises(InvalidConfiguration) as found:
        WorkflowAction.objects.create(**values, when="object.amuont > 1000")
    assert list(found.value.errors) == ["when"]
    with pytest.raises(InvalidConfiguration) as found:
        WorkflowAction.objects.create(**values, compensation="os.system")
    assert list(found.value.errors) == ["compensation"]


@pytest.mark.django_db
def test_a_template_whose_conditions_do_not_fit_its_model_is_not_complete(settings: Any) -> None:
    ann = UserFactory.create()
    stages = {"check": asking(by_user(ann), skip_when="object.amuont < 5")}
    workflow = make_staged(stages, slug="orders")
    assert validate_completeness(workflow) == {}
    settings.DJANGO_WORKFLOW_ENGINE = MAPPED
    assert validate_completeness(workflow) == {
        "Pipeline 1 / Check": "'object.amuont < 5': purchasing.PurchaseRequest has no field"
        " 'amuont'."
    }


@pytest.mark.django_db
def test_conditions_of_actions_are_judged_with_the_template(settings: Any) -> None:
    workflow = make_workflow(slug="orders")
    values = {"action_type": "after_approve", "function_path": FUNCTION}
    WorkflowAction.objects.create(workflow=workflow, when="object.amuont > 5", **values)
    assert validate_completeness(workflow) == {}
    settings.DJANGO_WORKFLOW_ENGINE = MAPPED
    assert list(validate_completeness(workflow)) == ["Purchase approval"]


# What they answer


@pytest.mark.parametrize(
    ("text", "amount", "holds"),
    [
        ("object.amount > 1000", "1000.00", False),
        ("object.amount > 1000", "1000.01", True),
        ("object.amount == 0.1", "0.10", True),
        ("object.amount >= 1000 && object.amount < 2000", "1999.99", True),
    ],
)
def test_money_compares_exactly(text: str, amount: str, holds: bool) -> None:
    assert answer(text, PurchaseRequest(amount=Decimal(amount))) is holds


def test_money_of_more_digits_than_can_be_exact_is_an_error() -> None:
    with pytest.raises(ConditionFailed):
        answer("object.amount > 1", PurchaseRequest(amount=Decimal("12345678901234567.89")))


def test_dates_and_moments_compare() -> None:
    day = date(2026, 3, 1)
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert answer("due == timestamp('2026-03-01T00:00:00Z')", due=day)
    assert answer("due < moment", due=day, moment=moment)
    assert answer("moment - due == duration('12h')", due=day, moment=moment)
    assert answer("now > past", past=datetime(2020, 1, 1, tzinfo=UTC))
    assert answer("wait > duration('1h')", wait=timedelta(hours=2))


@pytest.mark.parametrize(
    "text",
    [
        "metadata.urgent",
        "object.amount > 5",
        "object.requester.username == 'ann'",
        "offer.amount > 5",
        "results.check.score > 5",
        "user.username == 'ann'",
    ],
)
def test_a_missing_value_is_an_error_and_never_a_branch(text: str) -> None:
    with pytest.raises(ConditionFailed):
        answer(text, PurchaseRequest(amount=None))


def test_kinds_that_do_not_compare_are_an_error() -> None:
    with pytest.raises(ConditionFailed):
        answer("amount > 'much'", amount=5)


# T-6
def test_what_the_caller_gives_is_seen_by_its_name() -> None:
    assert answer("claim.amount > 1000", claim={"amount": 1500})
    assert not answer("claim.amount > 1000", claim={"amount": Decimal("999.99")})


@pytest.mark.django_db
def test_relations_and_the_name_of_the_model_lead_to_values() -> None:
    obj = PurchaseRequestFactory.create(requester=UserFactory.create(username="ann"))
    assert answer("object.requester.username == 'ann'", obj)
    assert answer("purchaserequest.requester.username == 'ann'", obj)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text",
    [
        "object.requester.password != ''",
        "user.password.size() > 0",
        "object.requester.password.startsWith('pbkdf2')",
        "has(user._password) || user._state.db == 'default'",
    ],
)
def test_passwords_and_what_is_private_are_never_shown(text: str) -> None:
    user = UserFactory.create()
    user.set_password("secret")
    with pytest.raises(ConditionFailed):
        answer(text, PurchaseRequestFactory.create(requester=user), user)


@pytest.mark.django_db
def test_only_the_values_that_are_named_are_read() -> None:
    obj = PurchaseRequestFactory.create(amount=Decimal(5))
    facts = Facts(WhoAndWhat(target=lambda: obj))
    assert facts.values("object.amount > 1") == {"object": {"amount": 5.0}}


# Hostile ones


@pytest.mark.parametrize(
    "text",
    [
        "x" * (MAX_LENGTH + 1),
        "a.all(x, a.all(y, a.all(z, true)))",
        "[1].map(x, [1].map(y, [1].map(z, x)))[0] == 1",
    ],
)
def test_what_could_go_on_for_ever_is_refused(text: str) -> None:
    with pytest.raises(InvalidExpression):
        check_condition(text)


@pytest.mark.parametrize(
    "text",
    [
        "a.all(x, a.all(y, x + y >= 0))",
        "name.matches('^(a+)+$')",
        "(" * 300 + "true" + ")" * 300,
        "!" * 500 + "true",
        "+".join(["'aaaaaaaaaa'"] * 140) + " == ''",
    ],
)
def test_what_is_left_is_bounded_in_work(text: str) -> None:
    begun = time.monotonic()
    # Refused or without an answer: it is the time that counts.
    with suppress(InvalidExpression, ConditionFailed):
        answer(text, a=list(range(MAX_ITEMS)), name="a" * 5_000 + "!")
    assert time.monotonic() - begun < 10


def test_lists_longer_than_the_limit_are_an_error() -> None:
    with pytest.raises(ConditionFailed):
        answer("a.all(x, x > 0)", a=list(range(MAX_ITEMS + 1)))


@pytest.mark.parametrize(
    "text", ["__import__('os')", "object.delete()", "object.__class__.__name__ == 'x'"]
)
@pytest.mark.django_db
def test_nothing_of_python_is_reached(text: str) -> None:
    obj = PurchaseRequestFactory.create()
    with pytest.raises((InvalidExpression, ConditionFailed)):
        answer(text, obj)
    assert PurchaseRequest.objects.filter(pk=obj.pk).exists()
