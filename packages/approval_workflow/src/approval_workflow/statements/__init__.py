"""Statements whose SQL is written once in a process.

Where every approval asks the same, Django takes several times longer to build the query and to
write its SQL than the database takes to answer. A statement here is a query set like any other,
said once with parameters in place of values; a call fills them in.

    @Select
    def open_steps(flow: Any) -> QuerySet[ApprovalInstance]:
        return ApprovalInstance.objects.filter(flow=flow).current()

    rows = open_steps(using, flow=flow.pk)

Arguments are keys and values, not objects; nothing equals None, as in SQL.
"""

from approval_workflow.statements.insert import MOST_ROWS, Insert
from approval_workflow.statements.select import Select, reads_all_rows
from approval_workflow.statements.update import Update

__all__ = ["MOST_ROWS", "Insert", "Select", "Update", "reads_all_rows"]
