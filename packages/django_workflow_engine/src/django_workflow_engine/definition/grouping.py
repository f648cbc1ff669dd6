"""Which places run side by side, and what places are called in routes."""

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from django.utils.text import slugify
from django.utils.translation import gettext_lazy

from django_workflow_engine.definition.parts import GroupDefinition, PlaceDefinition
from django_workflow_engine.schemas.places import END

LONGEST_CODE = 60
# What a code can be: conditions name it, as `results.credit_check`; "end" names the end in routes.
CODE = re.compile(r"\A(?!end\Z)[A-Za-z_][A-Za-z0-9_]*\Z")
CODE_EXPECTED = gettext_lazy("Expected a word of letters, digits and underscores, but not 'end'.")
JOINS: Mapping[Any, Any] = {"all": None, "any": 1}


@dataclass(frozen=True)
class Beside:
    """A place, and what it and its pipeline say of running side by side."""

    place: PlaceDefinition
    own: Mapping[str, Any]
    pipeline: Mapping[str, Any]

    @property
    def label(self) -> Hashable:
        """The same for places of one group; None where the place is in none."""
        if "parallel_group" in self.pipeline:
            return ("pipelines", self.pipeline["parallel_group"])
        if "parallel_group" in self.own:
            return ("stages", self.place.pipeline_id, self.own["parallel_group"])
        return None

    @property
    def branch(self) -> str:
        if "parallel_group" in self.pipeline:
            return f"pipeline:{self.place.pipeline_id}"
        return f"{self.place.level}:{self.place.id}"

    @property
    def join(self) -> Any:
        return self.pipeline.get("join", self.own.get("join"))


def grouped(
    items: Sequence[Beside],
) -> tuple[tuple[PlaceDefinition, ...], dict[str, GroupDefinition]]:
    """Return the places, each with its group and branch, and the groups."""
    places: list[PlaceDefinition] = []
    groups: dict[str, GroupDefinition] = {}
    for label, run in groupby(items, key=lambda item: item.label):
        members = list(run)
        branches = {item.branch for item in members}
        if label is None or len(branches) < 2:  # noqa: PLR2004  # one branch runs beside nothing
            places += [item.place for item in members]
            continue
        key = members[0].place.template_key
        placed = [replace(item.place, group=key, branch=item.branch) for item in members]
        places += placed
        groups[key] = _group(key, placed, [item.join for item in members])
    return tuple(places), groups


def _group(key: str, places: Sequence[PlaceDefinition], joins: Iterable[Any]) -> GroupDefinition:
    branches: dict[str, tuple[PlaceDefinition, ...]] = {}
    for place in places:
        branches[place.branch] = (*branches.get(place.branch, ()), place)
    said = next((join for join in joins if join is not None), "all")
    needed = JOINS.get(said, said)
    return GroupDefinition(key=key, branches=branches, needed=needed or len(branches))


def codes_of(rows: Iterable[Any]) -> dict[Any, str]:
    """Return the code of each row, by its key: its own, else a word made of its English name."""
    found: dict[Any, str] = {}
    rows = list(rows)
    taken = {END, *(row.code for row in rows if getattr(row, "code", ""))}
    for row in rows:
        code = getattr(row, "code", "")
        if not code:
            code = _free(word_of(row.name_en), taken)
            taken.add(code)
        found[row.pk] = code
    return found


def word_of(name: str) -> str:
    """Return a word that CEL can name: lower case letters, digits and underscores."""
    word = re.sub(r"\W+", "_", slugify(name), flags=re.ASCII).strip("_")[: LONGEST_CODE - 5]
    return word if word[:1].isalpha() else f"stage_{word}".rstrip("_")


def _free(word: str, taken: set[str]) -> str:
    candidates = [word, *(f"{word}_{number}" for number in range(2, len(taken) + 3))]
    return next(candidate for candidate in candidates if candidate not in taken)
