"""Configuration of Sphinx."""

from importlib.metadata import version as installed_version

project = "Approval suite for Django"
author = "The contributors"
project_copyright = "The contributors"
release = installed_version("django-approval-workflow")
version = ".".join(release.split(".")[:2])

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"{project} {release}"
