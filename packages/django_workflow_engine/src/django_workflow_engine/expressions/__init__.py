"""Conditions in CEL, the Common Expression Language (https://cel.dev).

    object.amount > 1000.0 && object.department.code == "LEGAL"
    results.credit_check.score < 500 || metadata.urgent
    now - object.created_at > duration("72h")

What an expression may name: `object` (fields and relations of the object, also by the name of its
model, as `claim.amount`), `metadata` of the attachment, `form` (data of the decision that brought
the object here), `results` of jobs by the code of their stage, `user` (who decided), `now`, and
what the caller gave as context. A value that is missing, or of a kind that cannot be compared, is
an error and never an answer.

CEL has no loops but its macros, and expressions here are short: how much an expression can do is
bounded by `MAX_LENGTH`, `MAX_MACROS` and `MAX_ITEMS`, which keeps hostile ones below a second.
"""

from django_workflow_engine.expressions.context import (
    NAMES,
    Facts,
    WhoAndWhat,
    check_condition,
    check_moment,
)
from django_workflow_engine.expressions.language import (
    MAX_ITEMS,
    MAX_LENGTH,
    MAX_MACROS,
    check_expression,
    evaluate,
    parse_expression,
)

__all__ = [
    "MAX_ITEMS",
    "MAX_LENGTH",
    "MAX_MACROS",
    "NAMES",
    "Facts",
    "WhoAndWhat",
    "check_condition",
    "check_expression",
    "check_moment",
    "evaluate",
    "parse_expression",
]
