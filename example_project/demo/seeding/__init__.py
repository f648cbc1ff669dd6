"""Idempotent creation of the people, forms and templates that the cases need."""

from demo.seeding.everything import seed_everything

__all__ = ["seed_everything"]
