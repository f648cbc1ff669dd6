"""The text of a file: YAML or JSON."""

import json
from collections.abc import Iterable
from enum import Enum
from pathlib import PurePath
from typing import Any

from django.utils.translation import gettext as _

from django_workflow_engine.exceptions import InvalidWorkflowFile

try:
    import yaml
except ImportError:  # the extra [yaml] is not installed
    yaml = None  # type: ignore[assignment]

LINE_WIDTH = 100
# What the libraries raise for text that is none of theirs.
UNREADABLE = (ValueError,) if yaml is None else (ValueError, yaml.YAMLError)


class FileFormat(Enum):
    YAML = "yaml"
    JSON = "json"

    @classmethod
    def of(cls, path: str) -> "FileFormat":
        """Return the format that the end of a file's name stands for."""
        suffix = PurePath(path).suffix.lower()
        known = {".yaml": cls.YAML, ".yml": cls.YAML, ".json": cls.JSON}
        if suffix not in known:
            raise InvalidWorkflowFile(
                {path: _("Expected a name that ends in .yaml, .yml or .json.")}
            )
        return known[suffix]


def dump(content: Any, file_format: FileFormat) -> str:
    """Return the text of a file; the same content is always the same text."""
    if file_format is FileFormat.JSON:
        return f"{json.dumps(content, ensure_ascii=False, indent=2)}\n"
    _require_yaml()
    text: str = yaml.dump(
        content, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=LINE_WIDTH
    )
    return text


def load(text: str, file_format: FileFormat) -> Any:
    """Return the content of a file; raise `InvalidWorkflowFile` for what cannot be read."""
    try:
        if file_format is FileFormat.JSON:
            return json.loads(text, object_pairs_hook=_each_key_once)
        _require_yaml()
        return yaml.load(text, Loader=_loader())  # a loader of plain values
    except _Repeated as error:
        raise _unreadable(
            _("The key '%(key)s' is given twice in one place.") % {"key": error}
        ) from error
    except UNREADABLE as error:
        raise _unreadable(str(error)) from error
    except RecursionError as error:
        raise _unreadable(_("The values are nested too deeply.")) from error


class _Repeated(Exception):
    """A key comes twice in one object."""


def _each_key_once(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Repeated(key)
        found[key] = value
    return found


def _require_yaml() -> None:
    if yaml is None:
        raise _unreadable(
            _("YAML needs PyYAML: install django-dynamic-workflows[yaml], or use JSON.")
        )


def _unreadable(message: str) -> InvalidWorkflowFile:
    return InvalidWorkflowFile({"file": message})


def _dumper() -> Any:
    class Dumper(yaml.SafeDumper):
        """Writes lists inside objects indented, and nothing by reference."""

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)

        def ignore_aliases(self, data: Any) -> bool:
            return True

    return Dumper


def _loader() -> Any:
    class Loader(yaml.SafeLoader):
        """Reads what JSON can hold: a date is text."""

        yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    def mapping(loader: Any, node: Any) -> Any:
        loader.flatten_mapping(node)
        return _each_key_once(loader.construct_pairs(node, deep=True))

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    return Loader
