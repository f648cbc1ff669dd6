"""Real workers on real brokers: killed at random, the broker gone for a moment.

Every action is executed, in the order of its transition; what it does in the database happens once,
what it does elsewhere again only where its worker died inside it, with the same key.
"""

import random
import time
import uuid
from collections import defaultdict
from contextlib import closing

import pytest
from django.db import connection, transaction

from django_workflow_engine import tasks
from django_workflow_engine.actions import outbox
from django_workflow_engine.choices import ExecutionStatus
from django_workflow_engine.models import ActionExecution
from tests.brokers import Workers, line_to_rabbitmq, own_redis
from tests.django_workflow_engine.due_actions import Action, make_attachment, prepare
from tests.testapp.models import Document

pytestmark = [
    pytest.mark.services,
    # The workers need a database that several processes can open.
    pytest.mark.contention,
    pytest.mark.django_db(transaction=True),
]

TRANSITIONS = 500
WORKERS = 2
KILLS = 4
# Far more than it takes, so that a busy machine does not fail the test.
DEADLINE_SECONDS = 300
# A sweep is asked for when nothing has been finished for so long.
STILL_SECONDS = 1.5


def make_transition(attachment, number, file):
    """An effect outside the database and one inside, written as a transition writes them."""
    record = Action("record", {"file": str(file)}, execution="celery")
    write = Action("write_document", {"title": f"{number}"}, execution="celery")
    with transaction.atomic():
        outbox.enqueue(prepare(attachment, record, write))


def wait_for_the_end():
    """Wait until nothing is due any more, sweeping as beat would have it done."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    left, since = None, time.monotonic()
    while (now_left := ActionExecution.objects.unfinished().count()) > 0:
        assert time.monotonic() < deadline, f"{now_left} actions are not finished"
        if now_left != left:
            left, since = now_left, time.monotonic()
        elif time.monotonic() - since > STILL_SECONDS:
            tasks.run_workflow_actions.apply_async(retry=True)
            since = time.monotonic()
        time.sleep(0.05)


@pytest.mark.parametrize("make_broker", [own_redis, line_to_rabbitmq])
def test_every_action_is_executed_in_order_whatever_dies(make_broker, celery_app, tmp_path):
    chance = random.Random(20)
    attachment = make_attachment()
    file = tmp_path / "recorded"
    kills = set(chance.sample(range(50, TRANSITIONS), KILLS))
    queue = f"tests-{uuid.uuid4()}"
    with closing(make_broker()) as broker:
        celery_app(broker.url, queue)
        database = connection.settings_dict["NAME"]
        workers = Workers(WORKERS, broker=broker.url, queue=queue, database=database)
        with closing(workers):
            for number in range(TRANSITIONS):
                make_transition(attachment, number, file)
                if number in kills:
                    workers.kill(chance.randrange(WORKERS))
                if number == TRANSITIONS // 2:
                    broker.restart()
            wait_for_the_end()
    rows = list(ActionExecution.objects.order_by("transition", "position"))
    assert len(rows) == 2 * TRANSITIONS
    assert {row.status for row in rows} == {ExecutionStatus.DONE}
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        assert first.transition == second.transition
        assert first.finished_at <= second.started_at
    check_effects(file.read_text().splitlines(), workers.killed)


def check_effects(lines, killed):
    """`lines`: key and process, one for each call that had an effect outside the database."""
    titles = sorted(Document.objects.values_list("title", flat=True), key=int)
    assert titles == [str(number) for number in range(TRANSITIONS)]
    callers = defaultdict(list)
    for line in lines:
        key, process = line.split()
        callers[key].append(int(process))
    assert len(callers) == TRANSITIONS
    for key, processes in callers.items():
        assert set(processes[:-1]) <= set(killed), f"{key} was repeated though nobody died in it"
