"""Keys in JSON and in query strings, for models with every kind of key."""

import uuid
from typing import Any

import pytest
from django.db import models

from approval_workflow.api.keys import key_in_json, key_in_url, key_schema, model_name, shown_key
from purchasing.models import User
from tests.testapp.models import Document, SlugDocument, UuidDocument

UUID = "8f0e4a0e-6c55-4d3c-8f44-0d5b2c8f1a11"


@pytest.mark.parametrize(
    ("model", "value", "key"),
    [
        (Document, 5, 5),
        (Document, 2**63 - 1, 2**63 - 1),
        (UuidDocument, UUID, uuid.UUID(UUID)),
        (SlugDocument, "a b", "a b"),
    ],
)
def test_keys_are_read_from_json(model: type[models.Model], value: Any, key: Any) -> None:
    assert key_in_json(model, value) == key


@pytest.mark.parametrize(
    ("model", "value"),
    [
        *[(Document, value) for value in (0, -1, 2**63, "5", True, 1.0, None, [], {})],
        *[(UuidDocument, value) for value in ("", "x", 5, None, f"{UUID}\0")],
        *[(SlugDocument, value) for value in ("", "a\0", 5, None, True)],
    ],
)
def test_what_is_no_key_is_not_taken_for_one(model: type[models.Model], value: Any) -> None:
    with pytest.raises(ValueError, match=r".*"):
        key_in_json(model, value)


def test_keys_are_read_from_urls() -> None:
    assert key_in_url(Document, "5") == 5
    assert key_in_url(UuidDocument, UUID) == uuid.UUID(UUID)
    assert key_in_url(SlugDocument, "5") == "5"


@pytest.mark.parametrize("value", ["", "0", "-1", "x", "1.0", "1_0", "9" * 19, "9" * 5000, "٤"])
def test_what_is_no_key_in_a_url_is_not_taken_for_one(value: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        key_in_url(User, value)


def test_keys_are_described_as_the_model_has_them() -> None:
    assert key_schema(Document)["type"] == "integer"
    assert key_schema(UuidDocument) == {"type": "string", "format": "uuid"}
    assert key_schema(SlugDocument) == key_schema(None) == {"type": "string", "minLength": 1}


def test_keys_are_shown_as_json_has_them() -> None:
    assert (shown_key(5), shown_key(None), shown_key(uuid.UUID(UUID))) == (5, None, UUID)


def test_a_model_is_named_by_app_and_name() -> None:
    assert model_name("testapp.UuidDocument") == ("testapp", "uuiddocument")
    for name in ("testapp", "testapp.", ".document", "a.b.c", "a-b.c", "é.b", "a.b\n"):
        with pytest.raises(ValueError, match=r".*"):
            model_name(name)
