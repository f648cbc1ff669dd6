"""Formats of dates and numbers, one module a language."""
