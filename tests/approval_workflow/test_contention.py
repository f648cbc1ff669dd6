"""Two people at once, with real connections: exactly one decision, no half-done state."""

import pytest

from tests.approval_workflow.collisions import CROWD, FURTHER, MAIN, People
from tests.approval_workflow.crowd import a_crowd_of

pytestmark = [pytest.mark.contention, pytest.mark.django_db(transaction=True)]


def collide_often(collide, rounds):
    people = People()
    with a_crowd_of(CROWD) as crowd:
        for _round in range(rounds):
            collide(crowd, people)


@pytest.mark.parametrize("collide", MAIN, ids=lambda collide: collide.__name__)
def test_main_collision_two_hundred_times(collide):
    collide_often(collide, 200)


@pytest.mark.parametrize("collide", FURTHER, ids=lambda collide: collide.__name__)
def test_further_collision_fifty_times(collide):
    collide_often(collide, 50)
