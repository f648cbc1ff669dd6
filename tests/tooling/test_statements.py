"""The counter that every budget relies on."""

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction


@pytest.mark.django_db
def test_reads_and_writes_count_and_transaction_frames_do_not(statements):
    with statements() as seen, transaction.atomic(), transaction.atomic():
        list(get_user_model().objects.all())
        get_user_model().objects.update(first_name="x")
    assert seen.count == 2
    assert seen.sql[0].startswith("SELECT")
    assert seen.sql[1].startswith("UPDATE")


@pytest.mark.django_db
def test_count_can_be_read_inside_the_block(statements):
    with statements() as seen:
        get_user_model().objects.exists()
        assert seen.count == 1
        get_user_model().objects.exists()
    assert seen.count == 2
