"""Bringing objects that the caller holds up to date without another statement."""

from django.db.models import Model


def bring_up_to_date(stale: Model, fresh: Model) -> None:
    """Copy all stored fields of `fresh` to the caller's object of the same row."""
    for field in fresh._meta.concrete_fields:
        setattr(stale, field.attname, getattr(fresh, field.attname))
    cached = {**stale._state.fields_cache, **fresh._state.fields_cache}
    stale._state.fields_cache = cached
    stale.__dict__.pop("delegated_to", None)
