"""Parameters as people write them, and the values that they mean."""

import pytest
from django import forms

from django_workflow_engine.admin.builder.parameters import Kind, initial_of, read, write

VALUES = [
    "text",
    "",
    " with spaces around ",
    "a, b",
    "3",
    "yes",
    "عربي",
    0,
    3,
    -2,
    1.5,
    1e300,
    True,
    False,
    None,
    [],
    ["one"],
    ["one", "two"],
    ["with, comma"],
    ["", "empty"],
    [1, 2],
    [" spaces "],
    {"deep": {"list": [1, None]}},
    {},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_is_read_as_it_was_written(value):
    kind, text = write(value)

    read_again = read(Kind(kind), text)

    assert read_again == value
    assert type(read_again) is type(value)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.TEXT, "3", "3"),
        (Kind.NUMBER, " 3 ", 3),
        (Kind.NUMBER, "-0.5", -0.5),
        (Kind.YES_NO, "Yes", True),
        (Kind.YES_NO, "no", False),
        (Kind.LIST, " a ,, b ", ["a", "b"]),
        (Kind.LIST, "", []),
        (Kind.STRUCTURE, '{"a": [1]}', {"a": [1]}),
    ],
)
def test_kinds_say_how_text_is_read(kind, text, value):
    assert read(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.NUMBER, ""),
        (Kind.NUMBER, "three"),
        (Kind.NUMBER, "nan"),
        (Kind.NUMBER, "inf"),
        (Kind.YES_NO, ""),
        (Kind.YES_NO, "maybe"),
        (Kind.STRUCTURE, ""),
        (Kind.STRUCTURE, "{"),
        (Kind.STRUCTURE, "NaN"),
    ],
)
def test_text_that_is_none_of_its_kind_is_refused(kind, text):
    with pytest.raises(forms.ValidationError):
        read(kind, text)


def test_rows_leave_out_what_has_fields_of_its_own():
    rows = initial_of({"cc": ["a@example.org"], "retries": 3}, apart_from=["cc"])

    assert rows == [{"name": "retries", "kind": "number", "value": "3"}]
