"""What the levels of a workflow store in JSON, and the check of it.

A stage has `stage_info` and `form_info`; a pipeline has `pipeline_info` and a workflow
`workflow_info`, which count where the workflow's strategy says that people are asked there:

    stage_info = {
        "color": "#rrggbb",           # may be left out
        "approvals": [approval, ...],
        # and what `django_workflow_engine.schemas.places` describes
    }
    form_info = {"required_form": key of a form}   # of approvals that name no form of their own
    pipeline_info = workflow_info = {"approvals": [approval, ...]}

What an approval can hold is described in `django_workflow_engine.schemas.approvals`. Words are
taken in any case and stored in theirs; empty values are left out. A place that asks nobody yet is
not an error here: it cannot be run, which is checked when the workflow is attached.
"""

from django_workflow_engine.schemas.infos import (
    parse_approvals_info,
    parse_form_info,
    parse_pipeline_info,
    parse_stage_info,
    validate_approvals_info,
    validate_pipeline_info,
    validate_stage,
    validate_stage_info,
)
from django_workflow_engine.schemas.references import (
    REFERENCE_KEYS,
    existing_keys,
    reference_errors,
)

__all__ = [
    "REFERENCE_KEYS",
    "existing_keys",
    "parse_approvals_info",
    "parse_form_info",
    "parse_pipeline_info",
    "parse_stage_info",
    "reference_errors",
    "validate_approvals_info",
    "validate_pipeline_info",
    "validate_stage",
    "validate_stage_info",
]
