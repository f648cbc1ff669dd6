"""What cannot be understood is a 400 (or, in a path, a 404), whatever it is: never a 500."""

import json
from typing import Any

import pytest
from django.urls import reverse

from tests.approval_workflow.api.calls import act, client_of, get
from tests.approval_workflow.flows import make_flow, statuses, the_current

pytestmark = pytest.mark.django_db

HUGE = "9" * 400


def send(user: Any, step: Any, body: bytes | str, content_type: str = "application/json") -> Any:
    url = reverse("approval_workflow:approval-approve", args=[step.pk])
    return client_of(user).post(url, body, content_type=content_type)


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("flow-list", "page", "0"),
        ("flow-list", "page", "-1"),
        ("flow-list", "page", "last"),
        ("flow-list", "page", ""),
        ("flow-list", "page", HUGE),
        ("flow-list", "page", "1\x00"),
        ("flow-list", "page", "٤"),
        ("flow-list", "page_size", "0"),
        ("flow-list", "page_size", "201"),
        ("flow-list", "page_size", "many"),
        ("flow-list", "status", "open"),
        ("flow-list", "status", ""),
        ("flow-list", "object_type", "document"),
        ("flow-list", "object_type", "a.b.c"),
        ("flow-list", "object_type", "testapp.docu\x00ment"),
        ("flow-list", "object_id", ""),
        ("flow-list", "object_id", "1\x00"),
        ("flow-list", "object_id", "x" * 256),
        ("flow-list", "started_by", "ann"),
        ("flow-list", "started_by", "-1"),
        ("flow-list", "started_by", "1.0"),
        ("flow-list", "started_by", "1_0"),
        ("flow-list", "started_by", HUGE),
        ("flow-list", "created_after", "yesterday"),
        ("flow-list", "created_after", "2026-01-01"),
        ("flow-list", "created_after", "2026-01-01T00:00:00"),
        ("flow-list", "created_before", "2026-99-01T00:00:00Z"),
        ("flow-list", "ordering", "password"),
        ("flow-list", "ordering", "--id"),
        ("approval-list", "flow", "x"),
        ("approval-list", "flow", HUGE),
        ("approval-list", "assigned_to", "0"),
        ("approval-list", "ordering", "flow__target"),
        ("approval-waiting", "status", "now"),
        ("approval-waiting", "due_before", "soon"),
        ("approval-waiting", "page_size", "-5"),
        ("substitution-list", "page", "x"),
    ],
)
def test_a_parameter_that_cannot_be_read(name: str, parameter: str, value: str, ann: Any) -> None:
    make_flow(ann)
    response = get(ann, name, **{parameter: value})
    assert response.status_code == 400, response.content
    assert response.json()["code"] == "invalid_input"
    assert set(response.json()["errors"]) == {parameter}


@pytest.mark.parametrize("key", ["0", "-1", "x", "1.5", "1_0", HUGE, "%00", "1%00", "٣", "1e2"])
@pytest.mark.parametrize("resource", ["flows", "approvals", "substitutions"])
def test_a_key_in_a_path_that_nothing_has(resource: str, key: str, ann: Any) -> None:
    make_flow(ann)
    response = client_of(ann).get(f"/api/{resource}/{key}/")
    assert response.status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b'{"comment": "\xff"}',
        b'{"form_data": {"a": NaN}}',
        b'{"form_data": {"a": Infinity}}',
        b'{"form_data": {"a": 1e999}}',
        b'{"form_data": {"a": "\\u0000"}}',
        b'{"form_data": {"\\u0000": 1}}',
        b'{"form_data": {"a": "\\ud800"}}',
        b'{"form_data": [1]}',
        b'{"form_data": "text"}',
        b'{"form_data": {"a": %s}}' % (b"9" * 5000),
        b'{"form_data": {"a": %s1%s}}' % (b"[" * 40, b"]" * 40),
        b'{"form_data": {"a": %s}}' % (b"[" * 100_000),
        b"[]",
        b"[1]",
        b'"approve"',
        b"null",
        b"5",
        b"true",
    ],
    ids=lambda body: body[:30],
)
def test_a_body_that_cannot_be_read(body: bytes, ann: Any) -> None:
    flow = make_flow(ann)
    response = send(ann, the_current(flow), body)
    assert response.status_code == 400, response.content
    assert {"code", "detail"} <= set(response.json())
    assert statuses(flow) == [(1, "current")]


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]
)
def test_a_body_that_is_not_json(content_type: str, ann: Any) -> None:
    flow = make_flow(ann)
    response = send(ann, the_current(flow), "comment=yes", content_type)
    assert response.status_code == 415
    assert response.json()["code"] == "unsupported_media_type"
    assert statuses(flow) == [(1, "current")]


def test_a_body_may_be_left_out_where_nothing_is_needed(ann: Any) -> None:
    url = reverse("approval_workflow:approval-approve", args=[the_current(make_flow(ann)).pk])
    assert client_of(ann).post(url).status_code == 200


def test_unusual_and_right_is_kept_as_it_is(ann: Any) -> None:
    flow = make_flow(ann)
    comment = "  نعم 🎉\r\n\t\\u0000 'quoted' "
    data = {"صفر": [0, -0.5, 10**30, None, {"": ""}]}
    response = act(ann, "approve", the_current(flow), comment=comment, form_data=data)
    assert response.status_code == 200
    shown = response.json()["approval"]
    assert (shown["comment"], shown["form_data"]) == (comment, data)


def test_other_methods_are_not_there(ann: Any) -> None:
    flow = make_flow(ann)
    client = client_of(ann)
    for path in (f"flows/{flow.pk}/", "flows/", f"approvals/{the_current(flow).pk}/"):
        for method in ("put", "patch", "delete", "options"):
            response = getattr(client, method)(f"/api/{path}")
            assert response.status_code == 405, (method, path)
            assert response.json()["code"] == "method_not_allowed"
    assert client.post("/api/flows/", {}, format="json").status_code == 405


@pytest.mark.parametrize("accept", ["text/html", "text/csv", "application/xml", "*/*", "nonsense"])
def test_answers_are_json_whatever_is_asked_for(accept: str, ann: Any) -> None:
    make_flow(ann)
    response = client_of(ann).get("/api/flows/?format=html", headers={"Accept": accept})
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert json.loads(response.content)["count"] == 1
