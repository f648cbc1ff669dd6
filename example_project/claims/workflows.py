"""Claim processing: steps with statuses of their own, and a condition between them."""

from django_workflow_engine import workflows


class ClaimProcessing(workflows.Workflow):
    """A claim is submitted and reviewed; a large one is decided on once more."""

    submit = workflows.StatusStage(
        "Submit Claim",
        "تقديم المطالبة",
        color="#2980b9",
        statuses=[workflows.Status("Submitted", completes=True)],
    )
    review = workflows.StatusStage(
        "Review Claim",
        "مراجعة المطالبة",
        color="#f39c12",
        statuses=[
            workflows.Status("Under Review", default=True),
            workflows.Status("Approved", completes=True),
            workflows.Status("Rejected", rejects=True),
        ],
        routes=[
            workflows.Route("decide", when="claim.amount > 1000"),
            workflows.Route(workflows.END),
        ],
    )
    decide = workflows.StatusStage(
        "Approve/Reject",
        "الموافقة أو الرفض",
        color="#27ae60",
        statuses=[
            workflows.Status("Approved", completes=True),
            workflows.Status("Rejected", rejects=True),
        ],
    )

    class Meta:
        name_en = "Claim Processing"
        name_ar = "معالجة المطالبات"
        company = "acme"
        department = "Support"
