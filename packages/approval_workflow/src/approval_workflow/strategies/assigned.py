"""Steps that name one person and no role."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from approval_workflow.strategies.base import Selection, Strategy
from approval_workflow.types import StepRules


class Assigned(Strategy):
    """One named person decides."""

    value = ""
    label = _("The person named")

    def select(self, selection: Selection) -> Sequence[Any]:
        raise TypeError("A step with a person named has nobody to select.")

    def needed(self, electorate: int, rules: StepRules) -> int:
        return 1
