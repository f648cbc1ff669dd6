"""People and objects, made without the suite."""

import os
from decimal import Decimal
from functools import cache
from itertools import count

from purchasing.models import PurchaseRequest, User

_numbers = count(1)


@cache
def approver() -> User:
    """One person who is asked wherever it does not matter who is."""
    return new_person()


def new_person() -> User:
    """A new person who can act."""
    return User.objects.create(username=f"person{next(_numbers)} of {os.getpid()}")


def new_object() -> PurchaseRequest:
    """A new object that needs to be approved."""
    return PurchaseRequest.objects.create(
        title="Paper", amount=Decimal("12.50"), requester=approver()
    )
