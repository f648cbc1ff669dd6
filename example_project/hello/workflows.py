"""Hello world: a request, an approval, a background job, and the end."""

from django_workflow_engine import workflows
from hello.jobs import send_hello


class HelloWorld(workflows.Workflow):
    """Somebody asks, somebody approves, and what is approved is sent in the background."""

    approve = workflows.Stage(
        "Approve",
        "الموافقة",
        color="#8e44ad",
        approvals=[workflows.role("Operations Manager")],
        routes=[
            workflows.Route("send", when="object.approved"),
            workflows.Route(workflows.END),
        ],
    )
    send = workflows.JobStage("Send", "الإرسال", color="#16a085", job=send_hello)

    class Meta:
        name_ar = "مرحبا بالعالم"
        company = "acme"
        department = "Operations"
