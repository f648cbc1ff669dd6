"""Two people who save the same workflow at the same moment."""

import pytest
from django.test import Client

from django_workflow_engine.models import WorkFlow
from tests.contention import at_once
from tests.django_workflow_engine.admin_pages import Page, address_of
from tests.factories import UserFactory, by_user, make_workflow, stages_of

pytestmark = [pytest.mark.contention, pytest.mark.django_db(transaction=True)]

ROUNDS = 20


def test_one_of_two_who_save_at_once_is_told_to_look_again():
    user = UserFactory.create(is_staff=True, is_superuser=True)
    workflow = make_workflow([[by_user(user)]])

    def page(name):
        client = Client()
        client.force_login(user)
        address = address_of(WorkFlow, "change", workflow.pk)
        return Page(client, address, "workflow_form").row("pipelines-0-stages-0", name_en=name)

    for number in range(ROUNDS):
        names = [f"First {number}", f"Second {number}"]

        answers = at_once(*(page(name).send for name in names))

        assert sorted(answer.status_code for answer in answers) == [200, 302], answers
        stored = names[[answer.status_code for answer in answers].index(302)]
        assert [stage.name_en for stage in stages_of(workflow)] == [stored]
