"""Workflow templates, versions and actions on top of approval_workflow."""

__version__ = "2.0.0.dev0"
