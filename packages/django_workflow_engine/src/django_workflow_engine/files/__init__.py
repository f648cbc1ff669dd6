"""Workflows as files: written, read, compared, and kept under version control.

A file names everything by what people call it (slugs, names of roles, user names), never by the
keys of one database, as far as the models allow it. Its form is described by the JSON Schema in
`workflow-file.schema.json` beside this module.
"""

from django_workflow_engine.files.exporting import Export, export_workflows
from django_workflow_engine.files.importing import ImportedWorkflow, import_workflows
from django_workflow_engine.files.text import FileFormat, dump, load

__all__ = [
    "Export",
    "FileFormat",
    "ImportedWorkflow",
    "dump",
    "export_workflows",
    "import_workflows",
    "load",
]
