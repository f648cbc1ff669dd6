"""Approval flows on any Django model."""

__version__ = "2.0.0.dev0"
