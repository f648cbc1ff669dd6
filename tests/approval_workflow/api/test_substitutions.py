"""One's own stand-ins over HTTP."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from approval_workflow.models import Substitution
from approval_workflow.services import substitute
from tests.approval_workflow.api.calls import client_of, get, ids, post
from tests.approval_workflow.flows import make_flow
from tests.factories import UserFactory
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


def later(**time: Any) -> str:
    return (timezone.now() + timedelta(**time)).isoformat()


def delete(user: Any, key: Any) -> Any:
    return client_of(user).delete(reverse("approval_workflow:substitution-detail", args=[key]))


def test_a_person_names_a_stand_in(ann: Any, bob: Any) -> None:
    flow = make_flow(ann)
    response = post(ann, "substitution-list", substitute=bob.pk, ends_at=later(days=3))
    assert response.status_code == 201
    shown = response.json()
    assert shown["substitute"]["username"] == "bob"
    assert (shown["for_all_models"], shown["models"]) == (True, [])
    assert Substitution.objects.get().person == ann
    assert get(bob, "flow-detail", flow.pk).status_code == 200


def test_a_stand_in_may_be_for_some_models_and_later(ann: Any, bob: Any) -> None:
    body = {
        "substitute": bob.pk,
        "starts_at": later(days=1),
        "ends_at": later(days=2),
        "models": ["testapp.Document", "purchasing.purchaserequest"],
    }
    shown = post(ann, "substitution-list", **body).json()
    assert shown["models"] == ["purchasing.purchaserequest", "testapp.document"]
    assert shown["for_all_models"] is False
    made = Substitution.objects.get()
    assert made.starts_at.isoformat() == body["starts_at"]


def test_a_substitution_may_be_for_ever(ann: Any, bob: Any) -> None:
    for ends_at in ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"):
        response = post(ann, "substitution-list", substitute=bob.pk, ends_at=ends_at)
        assert response.status_code == 201
        assert response.json()["ends_at"] == "9999-12-30T00:00:00Z"
    assert len(ids(get(ann, "substitution-list"))) == 2


def test_nobody_names_a_stand_in_for_somebody_else(ann: Any, bob: Any) -> None:
    response = post(
        ann, "substitution-list", person=bob.pk, substitute=ann.pk, ends_at=later(days=1)
    )
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"person"}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"substitute": None}, "substitute"),
        ({"substitute": 10**9}, "substitute"),
        ({"substitute": "bob"}, "substitute"),
        ({"ends_at": None}, "ends_at"),
        ({"ends_at": "tomorrow"}, "ends_at"),
        ({"ends_at": "2026-12-01T10:00:00"}, "ends_at"),
        ({"ends_at": "2026-13-01T10:00:00Z"}, "ends_at"),
        ({"ends_at": 1800000000}, "ends_at"),
        ({"starts_at": "now"}, "starts_at"),
        ({"models": "testapp.document"}, "models"),
        ({"models": ["testapp"]}, "models[0]"),
        ({"models": ["testapp.document\n"]}, "models[0]"),
        ({"models": ["testapp.document", "testapp.nothing"]}, "models[1]"),
        ({"models": ["retired.thing"]}, "models[0]"),
        ({"models": [5]}, "models[0]"),
    ],
)
def test_what_cannot_be_read_is_told_by_path(
    change: Any, path: str, ann: Any, bob: Any, retired_type: Any
) -> None:
    body = {"substitute": bob.pk, "ends_at": later(days=3), **change}
    response = post(ann, "substitution-list", **body)
    assert response.status_code == 400, response.content
    assert set(response.json()["errors"]) == {path}
    assert not Substitution.objects.exists()


def test_what_makes_no_sense_is_refused(ann: Any, bob: Any) -> None:
    gone = UserFactory.create(is_active=False)
    bodies: list[dict[str, Any]] = [
        {"substitute": ann.pk, "ends_at": later(days=1)},
        {"substitute": gone.pk, "ends_at": later(days=1)},
        {"substitute": bob.pk, "ends_at": later(days=-1)},
        {"substitute": bob.pk, "ends_at": "0001-01-01T00:00:00+14:00"},
        {"substitute": bob.pk, "starts_at": later(days=2), "ends_at": later(days=1)},
    ]
    for body in bodies:
        response = post(ann, "substitution-list", **body)
        assert response.status_code == 422
        assert response.json()["code"] == "invalid_substitution"
    assert not Substitution.objects.exists()


def test_a_person_sees_their_own_stand_ins_latest_first(ann: Any, bob: Any, cid: Any) -> None:
    now = timezone.now()
    first = substitute(ann, bob, ends_at=now + timedelta(days=1))
    second = substitute(
        ann, cid, starts_at=now + timedelta(days=2), ends_at=now + timedelta(days=3)
    )
    substitute(bob, cid, ends_at=now + timedelta(days=1))
    assert ids(get(ann, "substitution-list")) == [second.pk, first.pk]
    assert get(ann, "substitution-detail", first.pk).json()["id"] == first.pk


def test_foreign_stand_ins_are_not_there(ann: Any, bob: Any, manager: Any) -> None:
    made = substitute(ann, bob, ends_at=timezone.now() + timedelta(days=1))
    for user in (bob, manager):
        assert get(user, "substitution-detail", made.pk).status_code == 404
        assert delete(user, made.pk).status_code == 404
    made.refresh_from_db()
    assert made.holds_at(timezone.now())


def test_a_substitution_is_ended(ann: Any, bob: Any) -> None:
    flow = make_flow(ann)
    made = substitute(ann, bob, ends_at=timezone.now() + timedelta(days=1))
    response = delete(ann, made.pk)
    assert (response.status_code, response.content) == (204, b"")
    assert get(bob, "flow-detail", flow.pk).status_code == 404
    made.refresh_from_db()
    assert not made.holds_at(timezone.now())


def test_one_that_has_not_begun_goes_away(ann: Any, bob: Any) -> None:
    now = timezone.now()
    made = substitute(ann, bob, starts_at=now + timedelta(days=1), ends_at=now + timedelta(days=2))
    assert delete(ann, made.pk).status_code == 204
    assert delete(ann, made.pk).status_code == 404


@pytest.mark.parametrize("rows", [2, 20])
def test_the_list_keeps_to_the_budget(rows: int, ann: Any, statements: Any) -> None:
    ends_at = timezone.now() + timedelta(days=1)
    for _number in range(rows):
        substitute(ann, UserFactory.create(), ends_at=ends_at, models=[Document])
    client = client_of(ann)
    with statements() as seen:
        assert len(ids(get(client, "substitution-list"))) == rows
    # Session and user; count, page and models.
    assert seen.count <= 5, str(seen)
