"""Taking turns in a role."""

from collections.abc import Sequence
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, router, transaction
from django.utils.translation import gettext as _

from approval_workflow.exceptions import Conflict
from approval_workflow.models import RoleTurn
from approval_workflow.roles import RoleRef

# Each failed try means that somebody else's succeeded, so this many must have come in between.
MAX_TRIES = 100


def take_turn(role: RoleRef, candidates: Sequence[Any]) -> Any:
    """Return the candidate whose turn it is, and record that they have had it.

    Safe when several flows ask at once: a turn is claimed by a conditional update, and whoever
    loses the claim looks again.
    """
    for _try in range(MAX_TRIES):
        turns = dict(_turns(role).values_list("user_id", "turn"))
        chosen = min(candidates, key=lambda user: (turns.get(user.pk, 0), user.pk))
        following = max(turns.values(), default=0) + 1
        if _claim(role, chosen, seen=turns.get(chosen.pk), turn=following):
            return chosen
    raise Conflict(_("The turns in this role change too fast; try again."))


def _turns(role: RoleRef) -> Any:
    # Read where they are written: a replica would give the same turn twice.
    return RoleTurn.objects.using(router.db_for_write(RoleTurn)).filter(
        role_content_type=ContentType.objects.get_for_model(role.model), role_object_id=str(role.pk)
    )


def _claim(role: RoleRef, user: Any, *, seen: int | None, turn: int) -> bool:
    if seen is not None:
        return bool(_turns(role).filter(user=user, turn=seen).update(turn=turn))
    try:
        with transaction.atomic(using=router.db_for_write(RoleTurn)):
            RoleTurn.objects.create(
                role_content_type=ContentType.objects.get_for_model(role.model),
                role_object_id=str(role.pk),
                user=user,
                turn=turn,
            )
    except IntegrityError:
        return False
    return True
