"""`verify_approval_history`: finds a row that was changed behind the package's back, and names it.

What counts as broken is tested with the history itself.
"""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from approval_workflow.management.commands import verify_approval_history
from approval_workflow.testing import FlowDriver, make_flow
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


def run(*arguments):
    """Run the command; return exit status, what it said and what it complained of."""
    said, complained = StringIO(), StringIO()
    try:
        call_command("verify_approval_history", *arguments, stdout=said, stderr=complained)
    except CommandError as error:
        return error.returncode, said.getvalue() + str(error), complained.getvalue()
    return 0, said.getvalue(), complained.getvalue()


def by_sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        assert cursor.rowcount == 1


def alter(flow, sequence, comment="nothing happened"):
    by_sql(
        "UPDATE approval_workflow_approvalevent SET comment = %s"
        " WHERE flow_id = %s AND sequence = %s",
        comment,
        flow.pk,
        sequence,
    )


@pytest.fixture
def flows(ann):
    """Three flows with four events each."""
    documents = [Document.objects.create(title=f"Contract {n}") for n in range(3)]
    return [make_flow(document, ann, status="completed") for document in documents]


def test_whole_histories_are_verified(flows):
    assert run() == (0, "3 flows verified.\n", "")


def test_nothing_to_verify():
    assert run() == (0, "0 flows verified.\n", "")


def test_row_changed_by_sql_is_named(flows):
    alter(flows[1], 3)
    status, said, complained = run()
    assert status == 1
    assert said == "1 of 3 flows have a history that was changed."
    assert complained == f"flow {flows[1].pk}, event 3: the row was altered\n"


def test_row_deleted_by_sql_is_named(flows):
    by_sql(
        "DELETE FROM approval_workflow_approvalevent WHERE flow_id = %s AND sequence = 2",
        flows[0].pk,
    )
    status, _said, complained = run()
    assert status == 1
    assert complained == f"flow {flows[0].pk}, event 2: the row is missing\n"


def test_first_bad_row_of_each_flow_is_named(flows):
    alter(flows[0], 4)
    alter(flows[2], 2)
    alter(flows[2], 3)
    status, said, complained = run()
    assert status == 1
    assert said.startswith("2 of 3 flows")
    assert complained.splitlines() == [
        f"flow {flows[0].pk}, event 4: the row was altered",
        f"flow {flows[2].pk}, event 2: the row was altered",
    ]


def test_flows_may_be_named(flows):
    alter(flows[0], 2)
    others = [f"--flow={flow.pk}" for flow in flows[1:]]
    assert run(*others) == (0, "2 flows verified.\n", "")
    assert run(f"--flow={flows[0].pk}")[0] == 1


def test_exit_status_reaches_the_shell(flows, monkeypatch, capsys):
    """What a cron job sees."""
    alter(flows[0], 2)
    command = verify_approval_history.Command()
    # It would close the connection of the test.
    monkeypatch.setattr("django.core.management.base.connections.close_all", lambda: None)
    with pytest.raises(SystemExit) as caught:
        command.run_from_argv(["manage.py", "verify_approval_history", "--skip-checks"])
    assert caught.value.code == 1
    assert f"flow {flows[0].pk}, event 2" in capsys.readouterr().err


def test_somebody_acting_meanwhile_breaks_nothing(document, ann, bob, monkeypatch):
    """The flow is read before its events: what is added between is looked at under the lock."""
    make_flow(document, ann, bob)
    verify = verify_approval_history.verify_flow
    seen = []

    def act_first(flow, events):
        if not seen:
            FlowDriver(document).as_user(ann).approve()
        seen.append(verify(flow, events))
        return seen[-1]

    monkeypatch.setattr(verify_approval_history, "verify_flow", act_first)
    assert run()[0] == 0
    assert [problem is None for problem in seen] == [False, True]


def test_it_takes_a_statement_for_each_flow_and_none_for_each_event(flows, statements, document):
    with statements() as seen:
        run()
    assert seen.count == 1 + len(flows), str(seen)
