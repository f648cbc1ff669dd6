"""How the tests of the engine's API speak to it, and what they make again and again."""

import json
from typing import Any

from django.contrib.auth.models import Permission
from django.urls import reverse
from rest_framework.response import Response

from django_workflow_engine.models import WorkflowAttachment
from django_workflow_engine.services import attach_workflow_to_object
from tests.approval_workflow.api.calls import client_of, ids
from tests.factories import PurchaseRequestFactory, UserFactory, by_user, make_workflow

__all__ = ["attached", "call", "client_of", "get", "grant", "ids", "post", "url"]


def url(name: str, *args: Any) -> str:
    """Return the address of the end point of this name, as `workflow-detail`."""
    return reverse(f"django_workflow_engine:{name}", args=args)


def call(user: Any, method: str, name: str, *args: Any, headers: Any = None, **body: Any) -> Any:
    """Send a JSON body, made of the arguments."""
    send = getattr(client_of(user), method)
    text = json.dumps(body)
    return send(url(name, *args), text, content_type="application/json", headers=headers)


def get(user: Any, name: str, *args: Any, **parameters: Any) -> Response:
    return client_of(user).get(url(name, *args), parameters)


def post(user: Any, name: str, *args: Any, headers: Any = None, **body: Any) -> Response:
    response: Response = call(user, "post", name, *args, headers=headers, **body)
    return response


def grant(user: Any, *codenames: str) -> Any:
    """Give the person model permissions; return the person as read anew, who knows of them."""
    found = Permission.objects.filter(codename__in=codenames)
    assert len(found) == len(codenames)
    user.user_permissions.add(*found)
    return type(user).objects.get(pk=user.pk)


def attached(*people: Any, user: Any = None, **options: Any) -> WorkflowAttachment:
    """Put a new purchase request on a new workflow in which these people are asked in turn."""
    fields = {name: options.pop(name) for name in ("company",) if name in options}
    people = people or (UserFactory.create(),)
    workflow = make_workflow([[by_user(person) for person in people]], **fields)
    return attach_workflow_to_object(PurchaseRequestFactory.create(), workflow, user, **options)
