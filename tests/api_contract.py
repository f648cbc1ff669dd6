"""What the tests have in common that let schemathesis try out an API by its own description."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import schemathesis
from django.conf import settings as django_settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, assume, settings
from schemathesis.config import SchemathesisConfig

CSRF = "x" * 32

# How a test function is run that is given one case after another.
trying_out = settings(deadline=None, suppress_health_check=list(HealthCheck))


def described_by(
    generator: SchemaGenerator,
    *,
    examples: int,
    expected: Sequence[str | int],
    operations: Sequence[Mapping[str, Any]] = (),
) -> Any:
    """Return what the API says of itself, to be tried out.

    `examples`: for each end point. `expected`: the statuses that answer what is right by the
    description, and may still not be what can be done. `operations`: what is different for some.
    """
    config = SchemathesisConfig.from_dict(
        {
            "generation": {
                "max-examples": examples,
                "deterministic": True,
                # What a text may hold is not for JSON Schema to say.
                "allow-x00": False,
                "with-security-parameters": False,
            },
            "checks": {
                # It cannot take away a session; another test walks all of this as nobody.
                "ignored_auth": {"enabled": False},
                "positive_data_acceptance": {"expected-statuses": list(expected)},
                "negative_data_rejection": {"expected-statuses": ["4xx"]},
            },
            "operations": list(operations),
        }
    )
    schema = schemathesis.openapi.from_dict(generator.get_schema(public=True), config=config)
    schema.app = get_wsgi_application()
    return schema


class Requests:
    """Sends the cases as one person, with keys of what there is.

    `keys` are those of each kind; `references` tells of which kind a name in a body is.
    """

    references: Mapping[str, str]

    def __init__(self, client: Client, user: Any, keys: Mapping[str, Sequence[Any]]) -> None:
        self.keys = keys
        client.force_login(user)
        session = client.cookies[django_settings.SESSION_COOKIE_NAME].value
        self.cookies = {django_settings.SESSION_COOKIE_NAME: session, "csrftoken": CSRF}
        self.headers = {"X-CSRFToken": CSRF}

    def try_out(self, case: Any) -> None:
        """Send a case, and hold the answer against the description."""
        # No bytes at all are no body, which may be left out.
        assume(case.body != b"")
        self._put_keys(case)
        case.call_and_validate(cookies=self.cookies, headers=self.headers)

    def text(self, name: str, value: str) -> str:
        """Return what stands for a text in a body."""
        return value

    def _put_keys(self, case: Any) -> None:
        """Let the numbers that stand for something stand for what is there."""
        kind = case.path.split("/")[2]
        if "id" in case.path_parameters:
            case.path_parameters["id"] = self._key(kind, case.path_parameters["id"])
        if isinstance(case.body, dict):
            case.body = self._with_keys(case.body)

    def _with_keys(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._with_keys(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self._with_keys(item, name) for item in value]
        if isinstance(value, str):
            return self.text(name, value)
        return self._key(self.references[name], value) if name in self.references else value

    def _key(self, kind: str, value: Any) -> Any:
        is_key = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63
        return self.keys[kind][value % len(self.keys[kind])] if is_key else value


@contextmanager
def connection_stays_open() -> Iterator[None]:
    """As with Django's own client, a request leaves the connection of the test open."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)
