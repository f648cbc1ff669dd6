"""Parsing, checking and answering expressions. CEL itself is a library's."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from approval_workflow.exceptions import nearest
from django_workflow_engine.exceptions import (
    ConditionFailed,
    InvalidExpression,
    WorkflowMisconfigured,
)

try:
    import cel
except ImportError:  # the extra [cel] is not installed
    cel = None  # type: ignore[assignment]

MAX_LENGTH = 2_000
# Macros go through a list for each item of another one: two of them, over lists of `MAX_ITEMS`,
# are a million steps.
MAX_MACROS = 2
MAX_ITEMS = 1_000

MACRO = re.compile(r"\.\s*(all|exists|exists_one|map|filter)\s*\(")
# The name that a macro gives to each item.
ITEM = re.compile(MACRO.pattern + r"\s*([A-Za-z_]\w*)\s*,")
LITERAL = re.compile(r'"""(?:\\.|[^\\])*?"""|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'', re.DOTALL)
PATH = re.compile(r"(?<![\w.])([A-Za-z_]\w*)((?:\s*\.\s*[A-Za-z_]\w*)+)(?![\w(]|\s*\()")
POSITION = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)")

# What the library raises where values do not fit.
FAILURES = (KeyError, RuntimeError, TypeError, ValueError, ZeroDivisionError, OverflowError)
# Functions of the language; the library lists operators among them too.
FUNCTIONS = frozenset(
    {
        *("size", "contains", "startsWith", "endsWith", "matches", "has"),
        *("int", "uint", "double", "string", "bytes", "timestamp", "duration", "type", "dyn"),
        *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
        *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
        *("all", "exists", "exists_one", "map", "filter", "max", "min"),
    }
)


@dataclass(frozen=True)
class Expression:
    """A parsed expression: its text, and what it names."""

    source: str
    program: Any
    # The variables that it names, sorted.
    names: Sequence[str]
    # {variable: paths below it}, as {"object": {"department.code"}}.
    paths: Mapping[str, Collection[str]]


@lru_cache(maxsize=1024)
def parse_expression(source: str) -> Expression:
    """Return the parsed expression; raise `InvalidExpression`, which names the position.

    Raises `WorkflowMisconfigured` where the extra [cel] is not installed.
    """
    if cel is None:
        raise WorkflowMisconfigured(
            "Conditions in CEL need common-expression-language: install"
            " django-dynamic-workflows[cel]."
        )
    if len(source) > MAX_LENGTH:
        raise InvalidExpression(
            _("Expected at most %(most)s characters.") % {"most": MAX_LENGTH}, source=source
        )
    text = LITERAL.sub('""', source)
    if len(MACRO.findall(text)) > MAX_MACROS:
        raise InvalidExpression(
            _("Expected at most %(most)s of: all, exists, exists_one, map, filter.")
            % {"most": MAX_MACROS},
            source=source,
        )
    try:
        program = cel.compile(source)
    except (ValueError, RuntimeError) as error:
        raise _syntax_error(source, str(error)) from None
    unknown = [name for name in program.functions() if name.isidentifier()]
    for name in unknown:
        if name not in FUNCTIONS:
            raise InvalidExpression(
                _("There is no function '%(name)s'.") % {"name": name} + nearest(name, FUNCTIONS),
                source=source,
            )
    items = {name for _macro, name in ITEM.findall(text)}
    names = sorted(set(program.variables()) - items)
    return Expression(source, program, names, _paths(text))


def check_expression(
    source: str, known: Collection[str] | None = None, sample: Mapping[str, Any] | None = None
) -> None:
    """Raise `InvalidExpression` for one that cannot be a condition.

    `known`: the names that it may use, where they are known. `sample`: values of the kinds that the
    names will have; the answer for them must be true or false.
    """
    expression = parse_expression(source)
    for name in expression.names:
        if known is not None and name not in known:
            raise InvalidExpression(
                _("There is no '%(name)s' here.") % {"name": name} + nearest(name, known),
                source=source,
            )
    if expression.names and sample is None:
        return
    try:
        answer = expression.program.execute(dict(sample or {}))
    except TypeError as error:
        raise InvalidExpression(_first_sentence(error), source=source) from None
    except FAILURES:
        return  # a matter of the values
    if not isinstance(answer, bool):
        raise _not_a_condition(source, answer)


def evaluate(source: str, values: Mapping[str, Any]) -> bool:
    """Return whether the condition holds; raise `ConditionFailed` where it cannot be answered.

    A wrong kind of value, a missing one, and an answer that is neither true nor false are errors.
    """
    answer = _answer(source, values)
    if not isinstance(answer, bool):
        raise ConditionFailed(_not_a_condition(source, answer).message, expression=source)
    return answer


def moment_of(source: str, values: Mapping[str, Any]) -> datetime:
    """Return the moment that the expression gives; raise `ConditionFailed` as `evaluate` does."""
    answer = _answer(source, values)
    if not isinstance(answer, datetime):
        raise ConditionFailed(
            _("Expected a moment; '%(source)s' gives %(kind)s.")
            % {"source": source, "kind": type(answer).__name__},
            expression=source,
        )
    return answer


def _answer(source: str, values: Mapping[str, Any]) -> Any:
    try:
        return parse_expression(source).program.execute(dict(values))
    except InvalidExpression as error:
        raise ConditionFailed(error.message, expression=source) from error
    except KeyError as error:
        raise ConditionFailed(
            _("Condition '%(source)s': there is no value for %(name)s.")
            % {"source": source, "name": error},
            expression=source,
        ) from error
    except FAILURES as error:
        raise ConditionFailed(
            _("Condition '%(source)s': %(error)s")
            % {"source": source, "error": _first_sentence(error)},
            expression=source,
        ) from error


def _paths(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, path in PATH.findall(text):
        parts = [part.strip() for part in path.split(".") if part.strip()]
        found.setdefault(name, set()).add(".".join(parts))
    # `has(a.b)` and `a.b.contains(…)` name what comes before the call.
    for name, path in re.findall(r"(?<![\w.])([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*)+)\.\w+\s*\(", text):
        found.setdefault(name, set()).add(path.lstrip("."))
    return found


def _syntax_error(source: str, text: str) -> InvalidExpression:
    found = POSITION.search(text)
    if found is None:
        return InvalidExpression(_first_sentence(text), source=source)
    line, column, message = found.groups()
    return InvalidExpression(
        _("Line %(line)s, column %(column)s: %(message)s")
        % {"line": line, "column": column, "message": message},
        source=source,
        line=int(line),
        column=int(column),
    )


def _not_a_condition(source: str, answer: Any) -> InvalidExpression:
    return InvalidExpression(
        _("Expected a condition, true or false; '%(source)s' gives %(kind)s.")
        % {"source": source, "kind": type(answer).__name__},
        source=source,
    )


def _first_sentence(error: Any) -> str:
    return str(error).partition(". ")[0].strip().rstrip(".") + "."
