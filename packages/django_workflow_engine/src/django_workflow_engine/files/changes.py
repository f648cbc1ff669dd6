"""What one form of a workflow has that another has not, in words."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from django_workflow_engine.files.layout import LISTS, Plain


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `before` and `after` are None where something was added or removed."""

    place: str
    before: Any
    after: Any

    def __str__(self) -> str:
        texts = {"place": self.place, "before": _shown(self.before), "after": _shown(self.after)}
        if self.before is None:
            return _("%(place)s: added %(after)s") % texts
        if self.after is None:
            return _("%(place)s: removed %(before)s") % texts
        return _("%(place)s: %(before)s becomes %(after)s") % texts


def changes_between(before: Plain, after: Plain, place: str = "") -> Iterator[Change]:
    """Yield what differs between two complete forms of a level; places are named, not numbered."""
    for key in before:
        path = f"{place} / {key}" if place else key
        if key in LISTS:
            yield from _rows(before[key], after[key], place or "", key)
        else:
            yield from _values(before[key], after[key], path)


def _rows(before: list[Plain], after: list[Plain], place: str, key: str) -> Iterator[Change]:
    old, new = _by_name(before), _by_name(after)
    same = _same_rows(old, new)
    for name, row in old.items():
        now = same.get(name)
        path = f"{place} / {now or name}" if place else now or name
        if now is not None:
            yield from changes_between(row, new[now], path)
        else:
            yield Change(path, _kind(key), None)
    for name in new:
        if name not in same.values():
            yield Change(f"{place} / {name}" if place else name, None, _kind(key))


def _same_rows(old: Mapping[str, Plain], new: Mapping[str, Plain]) -> dict[str, str]:
    """What rows are called now that were there before: by their codes, else by their names."""
    by_code = {row["code"]: name for name, row in new.items() if row.get("code")}
    same = {name: by_code[row["code"]] for name, row in old.items() if row.get("code") in by_code}
    for name in old:
        if name not in same and name in new and name not in same.values():
            same[name] = name
    return same


def _by_name(rows: list[Plain]) -> dict[str, Plain]:
    """The rows by what they are called; those of one name are numbered."""
    seen: Counter[str] = Counter()
    named = {}
    for row in rows:
        name = row.get("name_en") or f"{row['action_type']} {row['function_path']}"
        seen[name] += 1
        named[f"{name} ({seen[name]})" if seen[name] > 1 else name] = row
    return named


def _kind(key: str) -> str:
    kinds = {
        "pipelines": _("pipeline"),
        "stages": _("stage"),
        "actions": _("action"),
        "default_actions": _("default action"),
    }
    return kinds[key]


def _values(before: Any, after: Any, path: str) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            yield from _values(before.get(key), after.get(key), f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list):
        for number in range(max(len(before), len(after))):
            old = before[number] if number < len(before) else None
            new = after[number] if number < len(after) else None
            yield from _values(old, new, f"{path}[{number}]")
    else:
        yield Change(path, before, after)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping) and set(value) == {"key"}:
        return str(value["key"])
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value)
    return _("nothing") if value in (None, "") else str(value)
