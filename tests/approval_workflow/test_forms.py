"""Forms: where the JSON Schema is found, and what is said about data that does not fit."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from approval_workflow import forms
from approval_workflow.exceptions import ApprovalMisconfigured, InvalidFormData
from approval_workflow.forms import is_json, schema_field, schema_of, validate_against_schema
from approval_workflow.services import advance_flow
from purchasing.models import DynamicForm
from tests.approval_workflow.flows import make_flow, the_current
from tests.factories import DynamicFormFactory
from tests.testapp.models import Document, Questionnaire

ORDER = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2},
        "amount": {"type": "number", "minimum": 0},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"price": {"type": "number"}},
                "required": ["price"],
            },
        },
        "address": {
            "type": "object",
            "properties": {"street": {"type": "string"}},
            "required": ["street", "town"],
        },
    },
    "required": ["name"],
    "additionalProperties": False,
}


def nested(levels):
    """Return lists in lists, so many levels deep."""
    return [nested(levels - 1)] if levels > 1 else []


def errors_of(schema, data):
    with pytest.raises(InvalidFormData) as caught:
        validate_against_schema(schema, data)
    return caught.value.errors


# Errors by path


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        ({}, {"name"}),
        ({"name": "x"}, {"name"}),
        ({"name": "ok", "amount": "1"}, {"amount"}),
        ({"name": "ok", "amount": -1}, {"amount"}),
        ({"name": "ok", "items": [{"price": 1}, {}]}, {"items.1.price"}),
        ({"name": "ok", "items": [{"price": "1"}]}, {"items.0.price"}),
        ({"name": "ok", "address": {}}, {"address.street", "address.town"}),
        ({"name": "ok", "surprise": 1}, {"form_data"}),
        ({"amount": -1, "items": {}}, {"name", "amount", "items"}),
    ],
)
def test_errors_come_by_path(data, paths):
    """DESIGN 4"""
    errors = errors_of(ORDER, data)
    assert set(errors) == paths
    assert all(isinstance(messages, list) and all(messages) for messages in errors.values())


def test_several_errors_of_one_field_come_together():
    schema = {"properties": {"code": {"minLength": 5, "pattern": "^[0-9]+$"}}}
    assert len(errors_of(schema, {"code": "ab"})["code"]) == 2


def test_data_that_fits_is_accepted():
    validate_against_schema(ORDER, {"name": "ok", "amount": 1.5, "items": [{"price": 2}]})


@pytest.mark.parametrize("schema", [None, {}, ""])
def test_empty_schema_accepts_everything(schema):
    validate_against_schema(schema, {"anything": [1]})


def test_draft_2020_12_is_the_dialect_unless_the_schema_says_otherwise():
    """DESIGN 4: `prefixItems` is of 2020-12; in draft 7 it means nothing."""
    schema = {"properties": {"pair": {"prefixItems": [{"type": "string"}]}}}
    assert set(errors_of(schema, {"pair": [1]})) == {"pair.0"}
    old = {"$schema": "http://json-schema.org/draft-07/schema#", **schema}
    validate_against_schema(old, {"pair": [1]})


@pytest.mark.parametrize(
    "schema",
    [
        "text",
        5,
        [1],
        {"type": "no such type"},
        {"required": "name"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "https://example.org/schema.json"},
    ],
)
def test_schema_that_cannot_be_used_is_a_misconfiguration(schema):
    """Nothing is fetched from elsewhere, either."""
    with pytest.raises(ApprovalMisconfigured) as caught:
        validate_against_schema(schema, {"name": "ok"})
    assert caught.value.code == "misconfigured"


def test_references_inside_the_schema_are_followed():
    schema = {"$defs": {"n": {"type": "number"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}
    assert set(errors_of(schema, {"a": "x"})) == {"a"}


def test_form_without_jsonschema_installed_says_what_to_install(monkeypatch):
    monkeypatch.setattr(forms, "jsonschema", None)
    with pytest.raises(ApprovalMisconfigured, match=r"django-approval-workflow\[forms\]"):
        validate_against_schema(ORDER, {})


# Where the schema is found (S0-7, K8)


def test_usual_names_are_tried_in_order():
    form = Questionnaire(schema={"a": 1}, form_schema={"b": 1}, form_info={"c": 1})
    assert schema_of(form) == {"a": 1}


def test_form_schema_is_found_where_there_is_no_schema():
    assert schema_field(DynamicForm) == "form_schema"


def test_configured_name_wins(settings):
    settings.APPROVAL_FORM_SCHEMA_FIELD = "layout"
    form = Questionnaire(schema={"a": 1}, layout={"d": 1})
    assert schema_of(form) == {"d": 1}


def test_configured_name_that_the_model_lacks_is_not_replaced(settings):
    settings.APPROVAL_FORM_SCHEMA_FIELD = "blueprint"
    assert schema_field(Questionnaire) is None


def test_model_without_a_schema_is_misconfigured():
    with pytest.raises(ApprovalMisconfigured, match="schema, form_schema, form_info"):
        schema_of(Document())


# In a flow


@pytest.mark.django_db
def test_data_that_does_not_fit_is_refused_by_path_and_nothing_is_decided(ann):
    """S0-7, S0-28"""
    flow = make_flow({"assigned_to": ann, "form": DynamicFormFactory.create(form_schema=ORDER)})
    with pytest.raises(InvalidFormData) as caught:
        advance_flow(flow.target, "approved", ann, form_data={"amount": -1})
    assert set(caught.value.errors) == {"name", "amount"}
    assert isinstance(caught.value, ValueError)
    assert the_current(flow).status == "current"


@pytest.mark.django_db
def test_form_of_any_model_with_a_schema_serves(ann):
    """S0-7: its schema is what the data is held against."""
    form = Questionnaire.objects.create(schema=ORDER)
    flow = make_flow({"assigned_to": ann, "form": form})
    with pytest.raises(InvalidFormData):
        advance_flow(flow.target, "approved", ann, form_data={})
    assert advance_flow(flow.target, "approved", ann, form_data={"name": "ok"}) is None


@pytest.mark.django_db
def test_form_that_is_gone_is_a_clear_error(ann):
    form = DynamicFormFactory.create()
    flow = make_flow({"assigned_to": ann, "form": form})
    form.delete()
    with pytest.raises(ApprovalMisconfigured, match="form"):
        advance_flow(flow.target, "approved", ann, form_data={"note": "x"})
    assert the_current(flow).status == "current"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "data",
    [
        [],
        "text",
        5,
        [("note", "x")],
        {"note": datetime(2026, 1, 1, tzinfo=UTC)},
        {"note": Decimal("1.5")},
        {"note": uuid.UUID(int=1)},
        {"note": {1, 2}},
        {"note": float("nan")},
        {"note": float("inf")},
        {"note": "a\x00b"},
        {"note\x00": "b"},
        {"note": "\ud800"},
        {"note": nested(31)},
    ],
    ids=lambda value: type(value).__name__,
)
def test_data_that_no_database_keeps_is_refused(ann, data):
    flow = make_flow(ann)
    with pytest.raises(InvalidFormData) as caught:
        advance_flow(flow.target, "approved", ann, form_data=data)
    assert set(caught.value.errors) == {"form_data"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, True),
        (None, True),
        ({"a": [1, 2.5, None, True, "✓ 🎉"]}, True),
        ("\\u0000 written out", True),
        ("\\\\u0000", True),
        ("\x00", False),
        ("\\\x00", False),
        ({"a": object()}, False),
        (float("-inf"), False),
        ("\udfff", False),
        (nested(31), True),
        (nested(32), False),
        ({"a": [{}, nested(30)]}, False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_fits_into_json_is_known(value, expected):
    assert is_json(value) is expected


def test_what_is_nested_as_deeply_as_may_be_is_kept(ann):
    flow = make_flow(ann)
    row = the_current(flow)
    advance_flow(row, "approved", ann, form_data={"note": nested(30)})
    row.refresh_from_db()
    assert row.form_data == {"note": nested(30)}
