"""The forms that finance fills in, as JSON Schema."""

from typing import Any

from demo.seeding.tally import Tally
from purchasing.models import DynamicForm

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

INITIAL_REVIEW = "Initial Review Form"
BUDGET_APPROVAL = "Budget Approval Form"
FINAL_APPROVAL = "Final Approval Form"


def _schema(properties: dict[str, dict[str, str | int]]) -> dict[str, Any]:
    return {
        "$schema": SCHEMA_DIALECT,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _text(title: str) -> dict[str, str | int]:
    return {"type": "string", "title": title, "minLength": 1}


def _pattern(title: str, pattern: str, example: str) -> dict[str, str | int]:
    description = f"For example {example}"
    return {"type": "string", "title": title, "description": description, "pattern": pattern}


FORMS: dict[str, dict[str, Any]] = {
    INITIAL_REVIEW: _schema(
        {
            "reviewer_comment": _text("Comment of the reviewer"),
            "budget_code": _pattern("Budget code", r"^BDG-\d{4}-\d{3}$", "BDG-2026-001"),
        }
    ),
    BUDGET_APPROVAL: _schema(
        {
            "budget_manager_comment": _text("Comment of the budget manager"),
            "allocated_budget": _pattern("Allocated budget", r"^\d+\.\d{2}$", "50000.00"),
        }
    ),
    FINAL_APPROVAL: _schema(
        {
            "cfo_comment": _text("Comment of the CFO"),
            "finance_ref": _pattern(
                "Finance reference", r"^FIN-\d{4}-PR-\d{3}$", "FIN-2026-PR-001"
            ),
        }
    ),
}


def seed_forms(tally: Tally) -> None:
    """Make the forms that are missing."""
    for name, schema in FORMS.items():
        _, created = DynamicForm.objects.get_or_create(name=name, defaults={"form_schema": schema})
        tally.add("forms", created)
