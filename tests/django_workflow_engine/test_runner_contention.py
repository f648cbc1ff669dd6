"""Several runners at once, each with a connection of its own: no action is run twice."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from django_workflow_engine.actions import runner
from django_workflow_engine.actions.claims import claim, mark
from django_workflow_engine.choices import ExecutionStatus
from django_workflow_engine.models import ActionExecution
from tests.django_workflow_engine.due_actions import Action, make_attachment, make_due, statuses
from tests.testapp.models import Document

pytestmark = [pytest.mark.contention, pytest.mark.django_db(transaction=True)]

RUNNERS = 4
ROUNDS = 100


def at_once(*functions):
    """Call the functions at the same moment, each in a thread and connection of its own."""
    barrier = threading.Barrier(len(functions))

    def run(function):
        try:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            return function()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [future.result() for future in [pool.submit(run, each) for each in functions]]


def write_due(attachment, count, prefix="effect"):
    actions = [Action("write_document", {"title": f"{prefix} {n}"}) for n in range(count)]
    return make_due(attachment, *actions)


def test_runners_share_the_rows_and_none_is_run_twice():
    attachment = make_attachment()
    for number in range(ROUNDS):
        rows = write_due(attachment, 1, f"{number} a") + write_due(attachment, 2, f"{number} b")
        tallies = at_once(*[runner.run_due] * RUNNERS)
        # A row whose turn comes while another runner has the one before it is left for next time.
        tallies.append(runner.run_due())
        assert statuses(rows) == ["done"] * 3
        assert sum(tally["done"] for tally in tallies) == 3
        assert Document.objects.filter(title__startswith=f"{number} ").count() == 3
    assert set(ActionExecution.objects.values_list("attempts", flat=True)) == {1}


def test_order_of_a_transition_is_kept_among_runners():
    attachment = make_attachment()
    for number in range(ROUNDS):
        Document.objects.all().delete()
        rows = write_due(attachment, 4)
        transition = rows[0].transition
        at_once(*[lambda key=transition: runner.run_transition(key)] * RUNNERS)
        runner.run_due()
        titles = list(Document.objects.order_by("pk").values_list("title", flat=True))
        assert titles == [f"effect {n}" for n in range(4)], number


def test_abandoned_row_is_picked_up_by_one_runner():
    attachment = make_attachment()
    for number in range(ROUNDS):
        rows = write_due(attachment, 1, str(number))
        long_ago = timezone.now() - timedelta(hours=1)
        ActionExecution.objects.filter(pk=rows[0].pk).update(
            status=ExecutionStatus.RUNNING, attempts=1, started_at=long_ago
        )
        tallies = at_once(*[runner.run_due] * RUNNERS)
        assert sum(tally["done"] for tally in tallies) == 1
        assert Document.objects.count() == number + 1


def test_row_that_a_slow_runner_still_has_locked_is_passed_over():
    """The grace period is over, but the lock shows that the runner is alive."""
    attachment = make_attachment()
    slow, other = write_due(attachment, 1, "slow")[0], write_due(attachment, 1, "other")[0]
    claimed = claim(slow.pk, "default")
    ActionExecution.objects.filter(pk=slow.pk).update(
        started_at=timezone.now() - timedelta(hours=1)
    )
    with transaction.atomic():
        assert mark(claimed, "default", started_at=timezone.now())
        (tally,) = at_once(runner.run_due)
    assert tally == {"done": 1, "failed": 0, "dead": 0, "skipped": 0}
    assert statuses([slow, other]) == ["running", "done"]
