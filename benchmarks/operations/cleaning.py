"""Clean-up of ended workflows: time, the longest transaction, memory."""

import tempfile
from collections.abc import Iterator
from time import perf_counter

from benchmarks.children import in_a_fresh_process
from benchmarks.copies import copy_workflow
from benchmarks.memory import peak_megabytes
from benchmarks.operations.people import approver, new_object
from benchmarks.single import Single
from benchmarks.transactions import watched
from django_workflow_engine.cleanup import cleanup_completed_workflow_attachments
from django_workflow_engine.models import Pipeline, Stage, WorkFlow, WorkflowAttachment
from django_workflow_engine.services import act_on_object, attach_workflow_to_object

DELETED = f"DELETE FROM {WorkflowAttachment._meta.db_table}"


def singles() -> Iterator[Single]:
    yield Single("clean-up", _cleaning_up)


def _cleaning_up(quick: bool) -> Iterator[tuple[str, str]]:
    few, many = (1_000, 3_000) if quick else (10_000, 100_000)
    # An archive takes its time, and as long for each workflow however many there are.
    for archived, sizes in ((False, (few, many)), (True, (few,))):
        # One process for all sizes: the second adds to the peak only what the number adds.
        for number, found in in_a_fresh_process(clean_up, sizes, archived):
            name = f"clean-up of {number:,} ended workflows"
            yield (f"{name}, archived first" if archived else name), found


def clean_up(sizes: list[int], archived: bool) -> list[tuple[int, str]]:
    """Fill and clean up, one size after the other; return what each took."""
    template = _template()
    found = [_clean_up(template, number, archived) for number in (1, *sizes)]
    return list(zip(sizes, found[1:], strict=True))


def _template() -> WorkFlow:
    """A template of one stage with one approval."""
    template = WorkFlow.objects.create(name_en="Purchase", slug=f"purchase-{new_object().pk}")
    pipeline = Pipeline.objects.create(workflow=template, name_en="Finance", order=1)
    approvals = [{"approval_type": "USER", "approval_user": approver().pk}]
    Stage.objects.create(
        pipeline=pipeline, name_en="Check", order=1, stage_info={"approvals": approvals}
    )
    return template


def _clean_up(template: WorkFlow, number: int, archived: bool) -> str:
    obj = new_object()
    attachment = attach_workflow_to_object(obj, template, user=approver())
    act_on_object(obj, "approved", approver())
    attachment.refresh_from_db()
    if number > 1:
        copy_workflow(attachment, number - 1)
    before, begun = peak_megabytes(), perf_counter()
    with tempfile.TemporaryDirectory() as directory, watched() as transactions:
        counts = cleanup_completed_workflow_attachments(0, archive=directory if archived else None)
        seconds = perf_counter() - begun
    rows = sum(n for name, n in counts.items() if name.endswith("_deleted"))
    batches = [one for one in transactions if one.rows[DELETED]]
    longest = max(batches, key=lambda one: one.seconds)
    return (
        f"{seconds:.1f} s, {number / seconds:,.0f} workflows ({rows / seconds:,.0f} rows) a second;"
        f" {len(batches)} transactions, the longest {longest.seconds:.2f} s"
        f" with {longest.rows[DELETED]:,} workflows and {longest.statements} statements;"
        f" peak of memory {peak_megabytes()} MB, {peak_megabytes() - before} MB more than before"
    )
