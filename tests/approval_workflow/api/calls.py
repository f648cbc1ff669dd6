"""How the tests of the API speak to it."""

import json
from typing import Any

from django.urls import reverse
from rest_framework.response import Response
from rest_framework.test import APIClient


def client_of(user: Any) -> APIClient:
    """Return a client for this user, for nobody when there is none; a client is returned as it is.

    What the API does not answer itself is raised in the test.
    """
    if isinstance(user, APIClient):
        return user
    client = APIClient(raise_request_exception=True)
    if user is not None:
        client.force_login(user)
    return client


def get(user: Any, name: str, *args: Any, **parameters: Any) -> Response:
    """GET the end point of this name, as `flow-detail`."""
    return client_of(user).get(reverse(f"approval_workflow:{name}", args=args), parameters)


def post(user: Any, name: str, *args: Any, headers: Any = None, **body: Any) -> Response:
    """POST a JSON body, made of the arguments, to the end point of this name."""
    url = reverse(f"approval_workflow:{name}", args=args)
    # The client's own encoder cannot send everything that others can.
    text = json.dumps(body)
    return client_of(user).post(url, text, content_type="application/json", headers=headers)


def act(user: Any, verb: str, step: Any, headers: Any = None, **body: Any) -> Response:
    """POST to an action of a step."""
    return post(user, f"approval-{verb}", step.pk, headers=headers, **body)


def ids(response: Response) -> list[int]:
    """Return the keys of the rows on a page."""
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]
