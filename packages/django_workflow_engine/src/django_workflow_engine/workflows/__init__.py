"""Workflows in code: classes that `sync_workflows` makes templates of.

    from django_workflow_engine import workflows


    class Hello(workflows.Workflow):
        approve = workflows.Stage(
            "Approve",
            approvals=[workflows.role("Managers")],
            routes=[workflows.Route("send", when="hello.approved"), workflows.Route(workflows.END)],
        )
        send = workflows.JobStage("Send", job=send_hello)


    Hello.start(hello, user)

Put the classes into a module `workflows` of an installed app. The attribute is the code of its
stage; the class says everything about its workflow, as a workflow file does.
"""

from django_workflow_engine.schemas.places import END
from django_workflow_engine.workflows.approvals import (
    Approval,
    assigned,
    department_head,
    person,
    requester,
    role,
    team_head,
)
from django_workflow_engine.workflows.declaration import Pipeline, Workflow
from django_workflow_engine.workflows.discovery import installed_workflows
from django_workflow_engine.workflows.parts import (
    Action,
    Group,
    JobStage,
    Route,
    Stage,
    Status,
    StatusStage,
    TimerStage,
)
from django_workflow_engine.workflows.synchronising import sync_workflows

__all__ = [
    "END",
    "Action",
    "Approval",
    "Group",
    "JobStage",
    "Pipeline",
    "Route",
    "Stage",
    "Status",
    "StatusStage",
    "TimerStage",
    "Workflow",
    "assigned",
    "department_head",
    "installed_workflows",
    "person",
    "requester",
    "role",
    "sync_workflows",
    "team_head",
]
