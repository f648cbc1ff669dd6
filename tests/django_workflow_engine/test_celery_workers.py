"""Real workers on real brokers, both killed without warning while 500 approvals go through.

Every action is executed, in the order of its transition. What it does in the database happens once;
what it does elsewhere happens again only where its worker died inside it, with the same key.
"""

import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.db import connection, transaction

from approval_workflow.services import advance_flow
from django_workflow_engine import tasks
from django_workflow_engine.actions import runner
from django_workflow_engine.choices import AttachmentStatus, ExecutionStatus
from django_workflow_engine.models import ActionExecution, WorkflowAction, WorkflowAttachment
from django_workflow_engine.services import attach_workflow_to_object
from tests.brokers import Server, Workers, own_rabbitmq, own_redis
from tests.celery_actions import SETTINGS, Call, calls_in
from tests.factories import TicketFactory, UserFactory, by_user, make_large_workflow
from tests.testapp.models import Document

pytestmark = pytest.mark.services

OBJECTS = 10
STAGES = 50
TRANSITIONS = OBJECTS * STAGES
# What each transition makes due, in this order: the approval the first, the move or end the second.
ACTIONS = ("record", "write")
WORKERS = 2

# Kills at moments that chance chooses, and one inside each of these positions of ACTIONS.
KILLS = 4
KILLED_INSIDE = (0, 1)
TRY_TO_KILL_EVERY = 20
# The broker dies after the first of these transitions and comes back after the second.
BROKER_DIES, BROKER_RETURNS = 250, 260

# Far more than it takes, so that a busy machine does not fail the test.
STUCK_SECONDS = 60
# A sweep is asked for when nothing has been finished for so long.
STILL_SECONDS = 1.5

Broker = Callable[[Path], AbstractContextManager[Server]]


class Accidents:
    """What happens to the broker and the workers while people approve."""

    def __init__(self, broker: Server, workers: Workers, file: Path) -> None:
        self.broker = broker
        self.workers = workers
        self.file = file
        self.chance = Random(20)
        self.kills = set(self.chance.sample(range(50, TRANSITIONS), KILLS))
        self.to_die_inside = list(KILLED_INSIDE)

    def after(self, number: int) -> None:
        """Let happen what is planned after so many transitions."""
        if number in self.kills:
            self.workers.kill(self.chance.choice(self.workers.processes))
        if number == BROKER_DIES:
            self.broker.kill()
        elif number == BROKER_RETURNS:
            self.check_that_actions_wait()
            self.broker.start()
        elif self.to_die_inside and number % TRY_TO_KILL_EVERY == 0:
            self.try_to_kill_inside(self.to_die_inside[0])

    def check_that_actions_wait(self) -> None:
        since = (BROKER_RETURNS - BROKER_DIES) * len(ACTIONS)
        rows = ActionExecution.objects.order_by("-pk")[:since]
        assert {(row.status, row.attempts) for row in rows} == {(ExecutionStatus.PENDING, 0)}

    def try_to_kill_inside(self, position: int) -> None:
        """Kill a worker that is seen in an action of that position, unless none is seen soon."""
        start, until = self.file.stat().st_size, time.monotonic() + 1
        while time.monotonic() < until:
            calls = calls_in(self.file, start)
            if calls and calls[-1].position == position:
                self.workers.kill(calls[-1].process)
                self.note_how_it_died(calls[-1])
                return
            time.sleep(0.0005)

    def note_how_it_died(self, call: Call) -> None:
        transition_id, _colon, position = call.key.partition(":")
        with transaction.atomic():
            # Waits until the database has noticed the death.
            row = ActionExecution.objects.select_for_update().get(
                transition=transition_id, position=position
            )
        if row.status == ExecutionStatus.RUNNING:
            self.to_die_inside.remove(call.position)
            # Somebody else who takes the transition in hand now must keep to its order.
            runner.run_transition(row.transition)


@pytest.fixture
def by_celery(settings: Any) -> None:
    settings.DJANGO_WORKFLOW_ENGINE = SETTINGS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where actions tell that they have been called."""
    path = tmp_path / "calls"
    path.touch()
    return path


# The workers need a database that several processes can open.
@pytest.mark.contention
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("by_celery")
@pytest.mark.parametrize("own_broker", [own_redis, own_rabbitmq])
def test_every_action_is_executed_in_order_whatever_dies(
    own_broker: Broker, celery_app: Callable[..., Any], tmp_path: Path, file: Path
) -> None:
    person = UserFactory.create()
    objects = attached_objects(person, file)
    queue = f"tests-{uuid.uuid4()}"
    with own_broker(tmp_path) as broker:
        celery_app(broker.url, queue)
        place = {"queue": queue, "database": connection.settings_dict["NAME"]}
        workers = Workers(WORKERS, broker=broker.url, log=tmp_path / "workers.log", **place)
        with closing(workers):
            accidents = Accidents(broker, workers, file)
            for number in range(1, TRANSITIONS + 1):
                advance_flow(objects[number % OBJECTS], "approved", person)
                accidents.after(number)
            wait_for_the_end()
    assert not accidents.to_die_inside, "no worker was killed inside these actions"
    assert set(statuses_of(WorkflowAttachment)) == {AttachmentStatus.COMPLETED}
    check_rows()
    check_calls(calls_in(file), workers.killed)


@pytest.mark.parametrize(
    ("own_broker", "package"), [(own_redis, "redis-server"), (own_rabbitmq, "rabbitmq-server")]
)
def test_missing_broker_is_an_error_that_says_what_to_install(
    own_broker: Broker, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("tests.brokers.RABBITMQ_SCRIPTS", "")
    with pytest.raises(RuntimeError, match=f"apt-get install {package}$"):
        own_broker(tmp_path).__enter__()


def attached_objects(person: Any, file: Path) -> list[Any]:
    """Objects at the first stage of a workflow with actions that tell of themselves."""
    workflow = make_large_workflow(STAGES, pipelines=1, approval=by_user(person))
    parameters = {"file": str(file)}
    for place, (event, name) in enumerate(
        [
            ("after_approve", ACTIONS[0]),
            ("after_move_stage", ACTIONS[1]),
            ("on_workflow_complete", ACTIONS[1]),
        ]
    ):
        WorkflowAction.objects.create(
            workflow=workflow,
            action_type=event,
            function_path=f"tests.celery_actions.{name}",
            parameters=parameters,
            order=place,
        )
    objects = TicketFactory.create_batch(OBJECTS)
    for obj in objects:
        attach_workflow_to_object(obj, workflow, user=person)
    return objects


def wait_for_the_end() -> None:
    """Wait until nothing is due any more, sweeping as beat would have it done."""
    left, since, swept = None, time.monotonic(), time.monotonic()
    while (now_left := ActionExecution.objects.unfinished().count()) > 0:
        now = time.monotonic()
        if now_left != left:
            left, since = now_left, now
        assert now - since < STUCK_SECONDS, f"{now_left} actions are not finished"
        if now - max(since, swept) > STILL_SECONDS:
            tasks.run_workflow_actions.apply_async(retry=True)
            swept = now
        time.sleep(0.05)


def statuses_of(model: Any) -> list[str]:
    return list(model.objects.values_list("status", flat=True))


def check_rows() -> None:
    """All actions of all transitions are done, and nothing but death had them tried again."""
    rows = ActionExecution.objects.order_by("transition", "position")
    assert [row.position for row in rows] == list(range(len(ACTIONS))) * TRANSITIONS
    assert {row.status for row in rows} == {ExecutionStatus.DONE}
    for row in rows:
        outcomes = [entry["outcome"] for entry in row.log]
        assert outcomes == ["killed"] * (row.attempts - 1) + ["done"]


def check_calls(calls: list[Call], killed: set[int]) -> None:
    keys = {f"{row.transition}:{row.position}" for row in ActionExecution.objects.all()}
    assert {call.key for call in calls} == keys
    written = Document.objects.values_list("title", flat=True)
    assert sorted(written) == sorted(key for key in keys if key.endswith(":1"))

    of_transition, of_key = defaultdict(list), defaultdict(list)
    last_of = {call.process: call for call in calls}
    for call in calls:
        of_transition[call.key.partition(":")[0]].append(call.position)
        of_key[call.key].append(call)
    for positions in of_transition.values():
        assert positions == sorted(positions), "an action ran before its turn"
    for key, called in of_key.items():
        for call in called[:-1]:
            died_inside = call.process in killed and last_of[call.process] is call
            assert died_inside, f"{key} was repeated though its worker did not die in it"
