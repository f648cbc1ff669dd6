"""Every URL there is, as nobody and as somebody who has no part in anything: never any data."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.urls import URLResolver, get_resolver
from django.utils import timezone

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance, Substitution
from approval_workflow.services import advance_flow, start_flow, substitute
from crm.models import Opportunity
from django_workflow_engine.models import (
    ActionExecution,
    WorkFlow,
    WorkflowAction,
    WorkflowAttachment,
)
from django_workflow_engine.services import attach_workflow_to_object
from purchasing.models import PurchaseRequest
from support.models import Ticket
from tests.factories import (
    DepartmentFactory,
    DynamicFormFactory,
    OpportunityFactory,
    PurchaseRequestFactory,
    TicketFactory,
    UserFactory,
    by_user,
    make_role,
    make_workflow,
)
from tests.integration.example_site import use_example

pytestmark = pytest.mark.django_db

# What no answer may hold.
SECRET = "zq7secret"
METHODS = ("get", "post", "put", "patch", "delete", "options", "head")
REFUSALS = {401, 403, 404, 405}
# The example's front page shows what runs and prints the passwords: it is there to be tried out.
DEMONSTRATION = {""}
# Pages for everybody; they show nothing of anybody.
PUBLIC = {
    "sign-in/",
    "sign-out/",
    "language/setlang/",
    "api/session/login/",
    "api/session/logout/",
    "admin/login/",
    "admin/logout/",
    "admin/jsi18n/",
}
# What the key in a URL of the API is the key of, by the name before it.
RESOURCES: dict[str, type[Model]] = {
    "flows": ApprovalFlow,
    "approvals": ApprovalInstance,
    "substitutions": Substitution,
    "attachments": WorkflowAttachment,
    "executions": ActionExecution,
    "purchase-requests": PurchaseRequest,
    "opportunities": Opportunity,
    "tickets": Ticket,
    "workflows": WorkFlow,
}
# Parameters that are no keys.
WORDS = {"format": "json", "kind": "request", "app_label": "approval_workflow", "url": "else"}
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")


@pytest.fixture(params=["tests.urls", "config.urls"])
def routes(request: Any, settings: Any, tmp_path: Path) -> list[str]:
    """Every route of a URL configuration, which is the one in force."""
    if request.param == "config.urls":
        use_example(settings, tmp_path)
    settings.ROOT_URLCONF = request.param
    return list(_routes(get_resolver(request.param).url_patterns))


@pytest.fixture
def secrets(db: None) -> dict[str, Any]:
    """One of everything, each with the secret in it, between people who are no strangers."""
    owner = UserFactory.create(username=f"{SECRET}owner", is_superuser=True)
    other = UserFactory.create(username=f"{SECRET}other")
    make_role(1, name=f"{SECRET} role")
    DepartmentFactory.create(name=f"{SECRET} department")
    DynamicFormFactory.create(name=f"{SECRET} form")
    workflow = make_workflow([[by_user(owner), by_user(other)]], name_en=SECRET, company=owner)
    objects = [
        PurchaseRequestFactory.create(title=SECRET, requester=owner),
        OpportunityFactory.create(name=SECRET, owner=owner),
        TicketFactory.create(title=SECRET, created_by=owner),
    ]
    for obj in objects[1:]:
        start_flow(obj, [{"assigned_to": owner}, {"assigned_to": other}], owner)
        advance_flow(obj, "approved", owner, comment=SECRET)
    attach_workflow_to_object(objects[0], workflow, owner)
    substitute(owner, other, ends_at=timezone.now() + timedelta(days=1))
    return {"owner": owner}


def test_nobody_gets_anything(routes: list[str], secrets: Any) -> None:
    before = stored()
    for path, method, response in answers(Client(), routes):
        assert response.status_code in REFUSALS or leads_to_sign_in(response), (method, path)
        assert SECRET not in text_of(response), (method, path)
    assert stored() == before


def test_a_stranger_gets_nothing_of_others(routes: list[str], secrets: Any) -> None:
    client = Client()
    client.force_login(UserFactory.create(username="stranger"))
    before = stored()
    for path, method, response in answers(client, routes):
        assert response.status_code < 500, (method, path)
        assert SECRET not in text_of(response), (method, path)
        # Lists are there, and empty; what REST framework says to OPTIONS is no data.
        if method != "options" and any(character.isdigit() for character in path):
            refused = response.status_code in REFUSALS or leads_to_sign_in(response)
            assert refused, (method, path, response.status_code)
    assert stored() == before


def test_being_staff_alone_changes_nothing(routes: list[str], secrets: Any) -> None:
    client = Client()
    client.force_login(UserFactory.create(username="stranger", is_staff=True))
    api = [route for route in routes if route.startswith("api/")]
    for path, method, response in answers(client, api):
        assert SECRET not in text_of(response), (method, path)


def test_pages_for_everybody_show_nothing_of_anybody(routes: list[str], secrets: Any) -> None:
    for route in PUBLIC & set(routes):
        assert SECRET not in text_of(Client().get(f"/{route}")), route


def test_the_owner_sees_the_secret_so_that_its_absence_means_something(
    routes: list[str], secrets: Any
) -> None:
    client = Client()
    client.force_login(secrets["owner"])
    api = [route for route in routes if "^flows" in route or "^approvals" in route]
    shown = [
        path
        for path, method, response in answers(client, api)
        if method == "get" and SECRET in text_of(response)
    ]
    assert len(shown) >= 8, shown


def answers(client: Client, routes: list[str]) -> Iterator[tuple[str, str, Any]]:
    for route in routes:
        if route in PUBLIC | DEMONSTRATION:
            continue
        path = filled_in(route)
        for method in METHODS:
            call = getattr(client, method)
            sent = {} if method in {"get", "head"} else {"content_type": "application/json"}
            body = {"data": "{}"} if sent else {}
            yield path, method, call(f"/{path}", **body, **sent)


def text_of(response: Any) -> str:
    content = response.getvalue() if response.streaming else response.content
    return str(content.decode(errors="replace"))


def leads_to_sign_in(response: Any) -> bool:
    target = response.headers.get("Location", "")
    pages = ("/admin/login/", f"/{django_settings.LOGIN_URL}/", django_settings.LOGIN_URL)
    return response.status_code == 302 and target.startswith(pages)


def stored() -> list[Any]:
    """What requests could have changed."""
    models = (
        *(ApprovalFlow, ApprovalInstance, ApprovalEvent, Substitution),
        *(WorkflowAttachment, WorkflowAction, ActionExecution, *RESOURCES.values()),
    )
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def filled_in(route: str) -> str:
    """Return a path that the route matches and that names something that is there."""
    plain = re.sub(r"[\^$?]", "", PARAMETER.sub(_mark, route)).replace("\\.", ".")
    return re.sub("{(\\w+)}", lambda found: _value(found[1], plain), plain)


def _mark(found: "re.Match[str]") -> str:
    return "{%s}" % (found[1] or found[2])


def _value(name: str, plain: str) -> str:
    if name in WORDS:
        return WORDS[name]
    model = _model(plain.split("/"))
    latest = model._default_manager.order_by("pk").last()
    # Of what there is none of, there is none to be seen.
    return str(latest.pk if latest is not None else 1)


def _model(pieces: list[str]) -> type[Model]:
    """What the path is about; a new resource has to be given a line in `RESOURCES`."""
    if pieces[:2] == ["admin", "r"]:
        return ContentType
    if pieces[0] == "admin":
        return apps.get_model(pieces[1], pieces[2])
    return RESOURCES[pieces[1]] if pieces[0] == "api" else PurchaseRequest


def _routes(patterns: Any, prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        else:
            yield route
