"""Django signals of the engine."""

from django.dispatch import Signal

# Templates were created in bulk, for which Django sends no `post_save`. Receivers get `workflows`
# (saved rows) and `using`, inside the transaction.
templates_created = Signal()

# An action is done, or has failed for good. Receivers get `attachment_id` and `using`.
action_finished = Signal()
