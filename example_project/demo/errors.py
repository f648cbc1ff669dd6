"""What can go wrong in a case of the demo."""


class CaseFailed(Exception):
    """A case did not end as the demo promises."""
