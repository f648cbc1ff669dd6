"""Django signals of the engine."""

from django.dispatch import Signal

# Templates were created in bulk, for which Django sends no `post_save`. Receivers get `workflows`
# (saved rows) and `using`, inside the transaction.
templates_created = Signal()

# A job or a timer of a visit is done. Receivers get `execution` and `using`, inside the transaction
# in which it is marked as done.
task_done = Signal()

# An action is done, or has failed for good. Receivers get `attachment_id` and `using`.
action_finished = Signal()
